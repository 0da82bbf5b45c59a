package io.dtm4j.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class RoomTest {
  private static final int MEGABYTE = 1 << 20;

  private final Room room = new Room(4 * MEGABYTE);

  @Test
  void there_is_no_more_than_it_has() {
    assertThat(room.take(3 * MEGABYTE, 3 * MEGABYTE)).isTrue();
    assertThat(room.take(MEGABYTE + 1, 1)).isFalse();
    assertThat(room.take(MEGABYTE, 1)).isTrue();
    assertThat(room.take(1, 1)).isFalse();
  }

  @Test
  void what_was_given_back_is_there_again() {
    room.take(3 * MEGABYTE, 3 * MEGABYTE);
    room.give(MEGABYTE);

    assertThat(room.take(MEGABYTE, MEGABYTE)).isTrue();
    assertThat(room.taken()).isEqualTo(3 * MEGABYTE);
  }

  @Test
  void large_things_leave_a_quarter_to_small_ones() {
    room.take(2 * MEGABYTE, 2 * MEGABYTE);

    assertThat(room.take(MEGABYTE + 1, MEGABYTE + 1)).isFalse();
    assertThat(room.take(MEGABYTE, MEGABYTE)).isTrue();
    assertThat(room.take(Room.SMALL, Room.SMALL + 1)).as("the rest of a large one").isFalse();
    assertThat(room.take(Room.SMALL, Room.SMALL)).isTrue();
  }

  @Test
  void a_room_can_be_made_for_a_thing() {
    for (int size : new int[] {1, 2, 3, 4, 5, MEGABYTE, MEGABYTE + 1}) {
      assertThat(new Room(Room.thatHolds(size)).largest()).isGreaterThanOrEqualTo(size);
    }
  }
}
