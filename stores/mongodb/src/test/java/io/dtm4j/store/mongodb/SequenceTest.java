package io.dtm4j.store.mongodb;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class SequenceTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

  @Test
  void numbers_grow_within_a_millisecond_and_when_the_clock_goes_back() {
    var sequence = new Sequence(7, 0);
    long last = 0;
    for (int i = 0; i < 10_000; i++) {
      long next = sequence.next(NOW.minusMillis(i / 1_000));
      assertThat(next).isGreaterThan(last);
      last = next;
    }
  }

  @Test
  void what_comes_is_newer_than_what_is_stored() {
    long newest = new Sequence(1, 0).next(NOW.plusSeconds(60));

    assertThat(new Sequence(2, newest).next(NOW)).isGreaterThan(newest);
  }

  @Test
  void two_stores_give_no_number_twice_and_later_ones_are_greater() {
    var one = new Sequence(1, 0);
    var other = new Sequence(1_026, 0);
    Set<Long> numbers = new HashSet<>();
    for (int i = 0; i < 1_000; i++) {
      assertThat(numbers.add(one.next(NOW))).isTrue();
      assertThat(numbers.add(other.next(NOW))).isTrue();
    }
    long latest = one.next(NOW.plusSeconds(3_600));

    assertThat(numbers).allMatch(number -> number < latest);
    assertThat(one.next(Instant.parse("2100-01-01T00:00:00Z"))).isPositive();
  }
}
