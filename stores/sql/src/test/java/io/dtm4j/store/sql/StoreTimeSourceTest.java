package io.dtm4j.store.sql;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class StoreTimeSourceTest {
  private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

  private final AtomicLong nanos = new AtomicLong(-5_000_000_000L);
  private Instant database = START;
  private boolean reachable = true;
  private final StoreTimeSource clock = new StoreTimeSource(this::ask, nanos::get);

  private Instant ask() {
    if (!reachable) {
      throw new IllegalStateException("no database");
    }
    return database;
  }

  @AfterEach
  void close() {
    clock.close();
  }

  private void passes(Duration time) {
    nanos.addAndGet(time.toNanos());
    database = database.plus(time);
  }

  @Test
  void it_is_that_of_the_database_and_goes_on_between_the_measurements() {
    assertThat(clock.instant()).isEqualTo(START);

    passes(Duration.ofMillis(1_500));

    assertThat(clock.instant()).isEqualTo(START.plusMillis(1_500));
  }

  @Test
  void it_goes_on_while_the_database_cannot_be_asked() {
    reachable = false;
    passes(Duration.ofSeconds(20));
    clock.measure();

    assertThat(clock.instant()).isEqualTo(START.plusSeconds(20));
  }

  @Test
  void it_follows_a_step_forward() {
    database = database.plusSeconds(60);
    clock.measure();

    assertThat(clock.instant()).isEqualTo(START.plusSeconds(60));
  }

  @Test
  void it_stands_still_rather_than_go_back() {
    passes(Duration.ofSeconds(10));
    Instant before = clock.instant();
    database = database.minusSeconds(5);
    clock.measure();

    assertThat(clock.instant()).isEqualTo(before);
    passes(Duration.ofSeconds(4));
    assertThat(clock.instant()).isEqualTo(before);
    passes(Duration.ofSeconds(2));
    assertThat(clock.instant()).isEqualTo(before.plusSeconds(1));
  }

  @Test
  void of_the_answers_the_fastest_counts() {
    var delays = new ArrayDeque<>(List.of(800L, 10L, 300L));
    try (var measured =
        new StoreTimeSource(
            () -> {
              Instant now = database;
              passes(Duration.ofMillis(delays.remove()));
              return now;
            },
            nanos::get)) {
      assertThat(Duration.between(measured.instant(), database).abs())
          .isLessThanOrEqualTo(Duration.ofMillis(10));
    }
  }
}
