package io.dtm4j.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class ElapsedTimeTest {
  private long nanos = -3_000_000_000L;
  private long wall = 1_000;
  private final ElapsedTime elapsed = new ElapsedTime(() -> nanos, () -> wall);
  private final long begin = elapsed.getAsLong();

  private void passes(Duration monotonic, Duration onTheWall) {
    nanos += monotonic.toNanos();
    wall += onTheWall.toMillis();
  }

  private Duration sinceBegin() {
    return Duration.ofNanos(elapsed.getAsLong() - begin);
  }

  @Test
  void it_is_the_monotonic_clock() {
    passes(Duration.ofMillis(1_700), Duration.ofMillis(1_700));
    assertThat(sinceBegin()).isEqualTo(Duration.ofMillis(1_700));

    passes(Duration.ofNanos(7), Duration.ZERO);
    assertThat(sinceBegin()).isEqualTo(Duration.ofMillis(1_700).plusNanos(7));
  }

  @Test
  void what_passes_while_the_machine_stands_still_counts() {
    passes(Duration.ofMillis(10), Duration.ofSeconds(20).plusMillis(10));
    assertThat(sinceBegin()).isEqualTo(Duration.ofSeconds(20).plusMillis(10));

    passes(Duration.ofSeconds(5), Duration.ofSeconds(5));
    assertThat(sinceBegin()).isEqualTo(Duration.ofSeconds(25).plusMillis(10));
  }

  @Test
  void a_wall_clock_that_is_set_back_changes_nothing_and_is_followed_from_there() {
    passes(Duration.ofSeconds(2), Duration.ofSeconds(2).minusHours(1));
    assertThat(sinceBegin()).isEqualTo(Duration.ofSeconds(2));

    passes(Duration.ofMillis(100), Duration.ofSeconds(8).plusMillis(100));
    assertThat(sinceBegin()).isEqualTo(Duration.ofSeconds(10).plusMillis(100));
  }

  @Test
  void a_wall_clock_that_runs_a_little_faster_changes_nothing() {
    for (int i = 0; i < 10_000; i++) {
      passes(Duration.ofMillis(1_000), Duration.ofMillis(1_001));
      assertThat(sinceBegin()).isEqualTo(Duration.ofSeconds(i + 1L));
    }
  }

  @Test
  void two_jumps_are_two() {
    passes(Duration.ZERO, Duration.ofSeconds(3));
    assertThat(sinceBegin()).isEqualTo(Duration.ofSeconds(3));
    passes(Duration.ZERO, Duration.ofSeconds(4));
    assertThat(sinceBegin()).isEqualTo(Duration.ofSeconds(7));
  }
}
