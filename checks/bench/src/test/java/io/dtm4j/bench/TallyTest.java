package io.dtm4j.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class TallyTest {
  private static final long START = -5; // nanoTime may be negative
  private static final long SECOND = 1_000_000_000;

  private final Tally tally = new Tally(START, Duration.ofSeconds(3));

  @Test
  void only_what_ends_within_the_time_counts() {
    tally.completed(START - SECOND, START - 1);
    tally.completed(START - SECOND, START);
    tally.completed(START, START + 3 * SECOND - 1);
    tally.completed(START, START + 3 * SECOND);
    tally.failed("early", START - 1);
    tally.failed("within", START);
    tally.failed("later", START + SECOND);

    assertThat(tally.done()).isEqualTo(2);
    assertThat(tally.errors()).isEqualTo(2);
    assertThat(tally.firstError()).isEqualTo("within");
  }

  @Test
  void throughput_is_told_for_the_whole_and_for_each_third() {
    for (int i = 0; i < 9; i++) {
      tally.completed(START, START + i * SECOND / 9);
    }
    tally.completed(START, START + 2 * SECOND);

    assertThat(tally.perSecond()).isEqualTo(10 / 3.0);
    assertThat(tally.thirdsPerSecond()).containsExactly(9.0, 0.0, 1.0);
  }

  @Test
  void percentiles_are_in_milliseconds() {
    for (int millis = 1; millis <= 1000; millis++) {
      tally.completed(START + SECOND - millis * 1_000_000L, START + SECOND);
    }

    assertThat(tally.milliseconds(50)).isCloseTo(500, within(1.0));
    assertThat(tally.milliseconds(99)).isCloseTo(990, within(1.0));
    assertThat(tally.milliseconds(99.9)).isCloseTo(999, within(1.0));
  }

  @Test
  void a_latency_beyond_all_measure_is_counted_as_the_longest() {
    tally.completed(START - Duration.ofHours(1).toNanos(), START);

    assertThat(tally.milliseconds(50)).isCloseTo(120_000, within(100.0));
  }
}
