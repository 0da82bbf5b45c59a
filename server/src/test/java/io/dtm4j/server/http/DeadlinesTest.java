package io.dtm4j.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class DeadlinesTest {
  private static final long START = Long.MAX_VALUE - 1_000; // a monotonic clock may wrap
  private static final long TICK = Duration.ofMillis(Deadlines.TICK_MILLIS).toNanos();

  private final Deadlines deadlines = new Deadlines(START);
  private final List<Object> expired = new ArrayList<>();

  private final class Named extends Deadlines.Entry {
    private final Object name;

    Named(Object name) {
      this.name = name;
    }

    @Override
    void expired() {
      expired.add(name);
    }
  }

  @Test
  void nothing_expires_early_and_nothing_a_tick_late() {
    deadlines.add(new Named("a"), START, TICK / 2);
    deadlines.add(new Named("b"), START, TICK);

    deadlines.sweep(START + TICK - 1);
    assertThat(expired).isEmpty();
    deadlines.sweep(START + TICK);
    assertThat(expired).containsExactly("a");
    deadlines.sweep(START + 2 * TICK);
    assertThat(expired).containsExactly("a", "b");
  }

  @Test
  void what_is_taken_out_does_not_expire() {
    var first = new Named("first");
    var second = new Named("second");
    var third = new Named("third");
    for (Named entry : List.of(first, second, third)) {
      deadlines.add(entry, START, TICK);
    }

    deadlines.remove(second);
    deadlines.remove(second);
    deadlines.sweep(START + 10 * TICK);
    deadlines.remove(first);

    assertThat(expired).containsExactlyInAnyOrder("first", "third");
  }

  @Test
  void what_expires_may_take_out_others_and_come_again() {
    var other = new Named("other");
    Deadlines.Entry first =
        new Deadlines.Entry() {
          @Override
          void expired() {
            expired.add("first");
            deadlines.remove(other);
            if (expired.size() < 3) {
              deadlines.add(this, START + 2 * TICK, 0);
            }
          }
        };
    deadlines.add(other, START, TICK);
    deadlines.add(first, START, TICK);

    deadlines.sweep(START + 2 * TICK);
    assertThat(expired).containsExactly("first");
    deadlines.sweep(START + 3 * TICK);
    deadlines.sweep(START + 4 * TICK);
    assertThat(expired).containsExactly("first", "first", "first");
  }

  @Test
  void a_deadline_far_away_waits_its_time() {
    deadlines.add(new Named("an hour"), START, 36_000 * TICK);
    deadlines.add(new Named("for ever"), START, Long.MAX_VALUE);

    deadlines.sweep(START + 35_999 * TICK);
    assertThat(expired).isEmpty();
    deadlines.sweep(START + 36_001 * TICK);
    assertThat(expired).containsExactly("an hour");
  }

  @Test
  void every_deadline_is_met_whatever_the_pauses_between_sweeps() {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(7);
    long now = START;
    int added = 0;
    for (int round = 0; round < 2_000; round++) {
      for (int i = random.nextInt(4); i > 0; i--) {
        long nanos = random.nextLong(400 * TICK);
        deadlines.add(new Named(now - START + nanos), now, nanos);
        added++;
      }
      now += random.nextLong(random.nextInt(50) == 0 ? 600 * TICK : TICK);
      expired.clear();
      long swept = now - START;
      int before = added;
      deadlines.sweep(now);
      assertThat(expired).allSatisfy(end -> assertThat((Long) end).isLessThanOrEqualTo(swept));
      added = before - expired.size();
    }

    expired.clear();
    deadlines.sweep(now + 500 * TICK);

    assertThat(expired).hasSize(added);
  }
}
