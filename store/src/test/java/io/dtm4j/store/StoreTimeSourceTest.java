package io.dtm4j.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
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
  private @Nullable Deque<Long> delays;
  private final StoreTimeSource clock = new StoreTimeSource(this::ask, nanos::get);

  private Instant ask() {
    if (!reachable) {
      throw new IllegalStateException("no database");
    }
    Deque<Long> each = delays;
    if (each == null) {
      return database;
    }
    if (each.isEmpty()) {
      throw new IllegalStateException("no more answers");
    }
    Instant now = database;
    passes(Duration.ofMillis(each.remove()));
    return now;
  }

  /** From now on each answer takes so many milliseconds. */
  private void answersSlowly(Deque<Long> each) {
    delays = each;
  }

  @AfterEach
  void close() {
    clock.close();
  }

  private void passes(Duration time) {
    nanos.addAndGet(time.toNanos());
    database = database.plus(time);
  }

  private void secondsPass(int count) {
    for (int i = 0; i < count; i++) {
      passes(Duration.ofSeconds(1));
      clock.tick();
    }
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
  void it_makes_up_for_a_small_step_back_at_half_its_pace() {
    passes(Duration.ofSeconds(10));
    database = database.minusSeconds(2);
    clock.measure();

    assertThat(clock.instant()).isEqualTo(START.plusSeconds(10));
    passes(Duration.ofSeconds(2));
    assertThat(clock.instant()).isEqualTo(START.plusSeconds(11));
    clock.measure();
    assertThat(clock.instant()).isEqualTo(START.plusSeconds(11));
    passes(Duration.ofSeconds(2));
    assertThat(clock.instant()).isEqualTo(database).isEqualTo(START.plusSeconds(12));
    passes(Duration.ofSeconds(1));
    assertThat(clock.instant()).isEqualTo(database);
  }

  @Test
  void when_the_database_is_set_back_by_more_all_servers_agree_after_they_have_measured() {
    passes(Duration.ofSeconds(10));
    database = database.minus(Duration.ofHours(5));
    clock.measure();

    try (var started = new StoreTimeSource(this::ask, nanos::get)) {
      assertThat(clock.instant()).isEqualTo(database).isEqualTo(started.instant());
      passes(Duration.ofMinutes(1));
      assertThat(clock.instant()).isEqualTo(database).isEqualTo(started.instant());
    }
  }

  @Test
  void after_30_seconds_without_an_answer_it_is_not_known_until_there_is_one() {
    reachable = false;
    secondsPass(30);
    assertThat(clock.isKnown()).isTrue();

    secondsPass(1);
    assertThat(clock.isKnown()).isFalse();
    assertThat(clock.instant()).isEqualTo(START.plusSeconds(31));

    reachable = true;
    clock.measure();
    assertThat(clock.isKnown()).isTrue();
  }

  @Test
  void after_a_step_forward_it_is_not_known_until_others_must_have_seen_it() {
    database = database.plusSeconds(2);
    clock.measure();
    assertThat(clock.isKnown()).isFalse();

    secondsPass(39);
    assertThat(clock.isKnown()).isFalse();
    secondsPass(1);
    assertThat(clock.isKnown()).isTrue();
  }

  @Test
  void a_small_step_forward_is_no_reason_to_wait() {
    database = database.plusMillis(900);
    clock.measure();
    assertThat(clock.isKnown()).isTrue();
  }

  @Test
  void after_a_standstill_it_is_not_known_until_it_is_measured() {
    secondsPass(5);
    passes(Duration.ofSeconds(4));
    assertThat(clock.isKnown()).isFalse();

    clock.tick();
    assertThat(clock.isKnown()).isTrue();
  }

  @Test
  void slow_answers_are_tried_again_and_the_best_counts() {
    var delays = new ArrayDeque<>(List.of(800L, 700L, 900L, 20L));

    database = database.plusSeconds(60);
    answersSlowly(delays);
    clock.measure();

    assertThat(delays).isEmpty();
    assertThat(Duration.between(clock.instant(), database).abs())
        .isLessThanOrEqualTo(Duration.ofMillis(10));
  }

  /** The answer may be that of the beginning or of the end. */
  @Test
  void when_all_are_slow_it_moves_only_as_far_as_it_is_certainly_wrong() {
    answersSlowly(new ArrayDeque<>(List.of(800L, 700L, 900L, 1_000L, 800L, 800L)));
    clock.measure();
    assertThat(clock.instant()).isEqualTo(database);

    database = database.plusSeconds(60);
    answersSlowly(new ArrayDeque<>(List.of(800L, 700L, 900L, 1_000L, 800L, 800L)));
    clock.measure();
    assertThat(Duration.between(clock.instant(), database))
        .isBetween(Duration.ZERO, Duration.ofMillis(700));
  }

  @Test
  void one_answer_is_enough_when_the_next_fails() {
    database = database.plusSeconds(60);
    answersSlowly(new ArrayDeque<>(List.of(10L)));
    clock.measure();

    assertThat(Duration.between(clock.instant(), database).abs())
        .isLessThanOrEqualTo(Duration.ofMillis(10));
  }

  @Test
  void of_the_answers_the_fastest_counts() {
    answersSlowly(new ArrayDeque<>(List.of(800L, 10L, 300L)));
    try (var measured = new StoreTimeSource(this::ask, nanos::get)) {
      assertThat(Duration.between(measured.instant(), database).abs())
          .isLessThanOrEqualTo(Duration.ofMillis(10));
    }
  }
}
