package io.dtm4j.store.sql;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class WallClockTest {
  private static final ZoneId BERLIN = ZoneId.of("Europe/Berlin");

  @ParameterizedTest
  @CsvSource({
    "2026-07-01T10:00:00Z, 2026-07-01T12:00:00",
    "2026-10-25T00:30:00Z, 2026-10-25T02:30:00",
    "2026-10-25T02:00:00Z, 2026-10-25T03:00:00",
    "2026-03-29T00:59:59Z, 2026-03-29T01:59:59",
    "2026-03-29T01:00:00Z, 2026-03-29T03:00:00",
  })
  void a_time_is_read_as_it_was_written(Instant time, LocalDateTime wall) {
    assertThat(WallClock.of(time, BERLIN)).isEqualTo(wall);
    assertThat(WallClock.timeOf(wall, BERLIN)).isEqualTo(time);
  }

  @Test
  void in_the_hour_that_comes_twice_nothing_is_earlier_than_asked_and_the_order_stays() {
    Instant time = Instant.parse("2026-10-24T22:00:00Z");
    LocalDateTime last = WallClock.of(time, BERLIN);
    for (int i = 0; i < 24 * 4; i++) {
      time = time.plusSeconds(600);
      LocalDateTime wall = WallClock.of(time, BERLIN);

      assertThat(WallClock.timeOf(wall, BERLIN)).isAfterOrEqualTo(time);
      assertThat(wall).isAfterOrEqualTo(last);
      last = wall;
    }
  }
}
