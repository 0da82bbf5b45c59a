package io.dtm4j.coordinator;

import static io.dtm4j.coordinator.Requests.saga;
import static io.dtm4j.coordinator.ScriptedParticipants.SILENT;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** Memory for what calls send: who finds none waits for its turn, and is not forgotten. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class PayloadsTest extends InVirtualTime {
  private static final int LARGE = 1 << 20;

  private final Payloads payloads = new Payloads(4 * LARGE);
  private final List<String> turns = new ArrayList<>();

  private boolean acquire(String name, int payload) {
    return payloads.acquire(payload, () -> turns.add(name));
  }

  @Test
  void large_ones_leave_a_quarter_to_small_ones() {
    for (int i = 0; i < 3; i++) {
      assertThat(acquire("first", LARGE)).isTrue();
    }

    assertThat(acquire("large", LARGE)).isFalse();
    assertThat(acquire("small", 1_000)).isFalse(); // in order, but at once:
    assertThat(turns).containsExactly("small");
  }

  @Test
  void room_is_given_on_in_the_order_of_the_queue() {
    acquire("first", 3 * LARGE);
    acquire("second", 2 * LARGE);
    acquire("third", LARGE);
    acquire("fourth", LARGE);
    assertThat(turns).isEmpty();

    payloads.release(3 * LARGE);
    assertThat(turns).containsExactly("second", "third");
    payloads.release(2 * LARGE);

    assertThat(turns).containsExactly("second", "third", "fourth");
  }

  @Test
  void what_is_larger_than_all_there_is_has_its_turn_too() {
    assertThat(acquire("first", LARGE)).isTrue();
    assertThat(acquire("huge", 9 * LARGE)).isTrue();
    assertThat(acquire("next", LARGE)).isFalse();

    payloads.release(9 * LARGE);

    assertThat(turns).containsExactly("next");
  }

  @Test
  void nothing_takes_no_room() {
    acquire("first", 9 * LARGE);

    assertThat(acquire("empty", 0)).isTrue();
  }

  @Test
  void calls_that_hang_do_not_keep_others_of_their_transaction_from_being_made() {
    world.limits = new CoordinatorLimits(1_000, 3, 1_000, 10, 10); // payloads of 2 bytes
    Server server = server("a");
    for (int step = 1; step <= 2; step++) {
      participants.script("http://bank/a" + step, SILENT);
    }
    server.ask(saga("g", 5).concurrent().requestTimeout(1).submit());

    run(millis(100));
    assertThat(participants.received()).hasSize(2);
    run(millis(1_500));

    assertThat(participants.received()).hasSize(5);
    assertThat(world.stored("g").transaction().state().extra().parkings()).isZero();
  }
}
