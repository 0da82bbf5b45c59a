package io.dtm4j.store.sql;

import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.zone.ZoneOffsetTransition;

/**
 * Times in columns that know no zone. Where a zone's clock is set back, its wall clock shows an
 * hour twice; of these the first is meant. A time of the second is written as the end of that hour:
 * it comes later than asked, never earlier, and what is written keeps the order of the times.
 */
final class WallClock {
  private WallClock() {}

  static LocalDateTime of(Instant time, ZoneId zone) {
    LocalDateTime wall = LocalDateTime.ofInstant(time, zone);
    ZoneOffsetTransition transition = zone.getRules().getTransition(wall);
    return transition != null && transition.isOverlap() && !time.isBefore(transition.getInstant())
        ? transition.getDateTimeBefore()
        : wall;
  }

  static Instant timeOf(LocalDateTime wall, ZoneId zone) {
    return wall.atZone(zone).toInstant(); // of two the earlier
  }
}
