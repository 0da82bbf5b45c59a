package io.dtm4j.store;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

@DisplayNameGeneration(ReplaceUnderscores.class)
class StoreClockTest {
  private static final Instant START = Instant.parse("2026-03-04T05:06:07.089Z");

  private final ListAppender<ILoggingEvent> logged = new ListAppender<>();
  private Instant wall = START;
  private long monotonic = 123_456_789_012_345L;

  @BeforeEach
  void listen() {
    logged.start();
    ((Logger) LoggerFactory.getLogger(StoreClock.class)).addAppender(logged);
  }

  @AfterEach
  void stopListening() {
    ((Logger) LoggerFactory.getLogger(StoreClock.class)).detachAppender(logged);
  }

  @Test
  void it_goes_with_a_good_wall_clock() {
    StoreClock clock = clock(Instant.MIN);

    for (int i = 0; i < 1_000; i++) {
      pass(Duration.ofMillis(250));
      assertThat(clock.instant()).isEqualTo(wall);
    }
    assertThat(logged.list).isEmpty();
  }

  @Test
  void it_tells_whole_milliseconds() {
    StoreClock clock = clock(Instant.MIN);

    pass(Duration.ofNanos(1_999_999));

    assertThat(clock.instant()).isEqualTo(START.plusMillis(1));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, -1})
  void a_step_of_the_wall_clock_is_followed_slowly_and_logged_once(long hours) {
    StoreClock clock = clock(Instant.MIN);
    wall = wall.plus(Duration.ofHours(hours));

    assertThat(clock.instant()).as("at once").isEqualTo(START);

    Instant last = START;
    for (int i = 0; i < 10_000; i++) {
      pass(Duration.ofMillis(10));
      Instant now = clock.instant();
      assertThat(now).isAfter(last);
      last = now;
    }
    // 100 s later: 1 s towards the new time
    assertThat(last)
        .isBetween(
            START.plusSeconds(100 + hours).minusMillis(1),
            START.plusSeconds(100 + hours).plusMillis(1));
    for (int i = 0; i < 99; i++) {
      pass(Duration.ofHours(1));
      assertThat(clock.instant()).isNotEqualTo(wall);
    }
    pass(Duration.ofHours(1));
    assertThat(clock.instant()).isEqualTo(wall);
    pass(Duration.ofHours(1));
    assertThat(clock.instant()).isEqualTo(wall);
    assertThat(logged.list)
        .singleElement()
        .satisfies(event -> assertThat(event.getKeyValuePairs().toString()).contains("H"));
  }

  @Test
  void a_wall_clock_that_drifts_is_followed_silently() {
    StoreClock clock = clock(Instant.MIN);

    for (int i = 0; i < 100_000; i++) {
      pass(Duration.ofSeconds(1));
      wall = wall.plusNanos(200_000); // 200 ppm
      assertThat(clock.instant()).isBetween(wall.minusMillis(1), wall);
    }

    assertThat(wall).isAfter(START.plusSeconds(100_000).plusSeconds(19));
    assertThat(logged.list).isEmpty();
  }

  @Test
  void it_never_goes_faster_or_slower_than_a_hundredth_however_seldom_it_is_asked() {
    StoreClock clock = clock(Instant.MIN);
    wall = wall.plus(Duration.ofDays(1));

    pass(Duration.ofMinutes(10));
    assertThat(clock.instant()).isEqualTo(START.plusSeconds(606));

    wall = wall.minus(Duration.ofDays(3));
    pass(Duration.ofMinutes(10));
    assertThat(clock.instant()).isEqualTo(START.plusSeconds(606 + 594));
    assertThat(logged.list).hasSize(2);
  }

  @Test
  void it_begins_no_earlier_than_the_newest_time_stored() {
    Instant newest = START.plusSeconds(60);
    StoreClock clock = clock(newest);

    assertThat(clock.instant()).isEqualTo(newest);
    pass(Duration.ofSeconds(100));
    assertThat(clock.instant()).isEqualTo(newest.plusSeconds(99));
    pass(Duration.ofSeconds(5_900));
    assertThat(clock.instant()).isEqualTo(wall);
    assertThat(logged.list).hasSize(1);
  }

  @Test
  void it_stands_when_no_time_passes() {
    StoreClock clock = clock(Instant.MIN);
    pass(Duration.ofSeconds(1));
    Instant now = clock.instant();

    wall = wall.minusSeconds(30);
    monotonic -= 5; // promised not to happen, and yet

    assertThat(clock.instant()).isEqualTo(now);
    assertThat(clock.instant()).isEqualTo(now);
  }

  private StoreClock clock(Instant newest) {
    return new StoreClock(() -> wall, () -> monotonic, newest);
  }

  private void pass(Duration time) {
    wall = wall.plus(time);
    monotonic += time.toNanos();
  }
}
