package io.dtm4j.store.sql;

import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** Times as columns hold them: whole milliseconds, of a calendar that every database knows. */
final class Times {
  static final Instant FIRST = Instant.parse("1000-01-01T00:00:00Z");
  static final Instant LAST = Instant.parse("9999-12-31T23:59:59.999Z");

  private Times() {}

  static Instant stored(Instant time) {
    if (time.isBefore(FIRST) || time.isAfter(LAST)) {
      throw new UnstorableException("time: " + time + " (expected: of a year from 1000 to 9999)");
    }
    return time.truncatedTo(ChronoUnit.MILLIS);
  }

  /** The last time that can be stored and is not after that one; or the first at all. */
  static Instant notAfter(Instant time) {
    return time.isBefore(FIRST) ? FIRST : time.isAfter(LAST) ? LAST : stored(time);
  }

  /** The time for which "stored before it" and "before the given one" mean the same. */
  static Instant bound(Instant time) {
    Instant floor = notAfter(time);
    return floor.isBefore(time) && floor.isBefore(LAST) ? floor.plusMillis(1) : floor;
  }
}
