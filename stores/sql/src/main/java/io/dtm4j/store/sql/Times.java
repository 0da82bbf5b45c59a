package io.dtm4j.store.sql;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/**
 * Times as columns hold them: whole milliseconds, or whole seconds in DTM's own tables, of a
 * calendar that every database knows.
 */
enum Times {
  MILLIS(ChronoUnit.MILLIS, "1000-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"),
  /** With room for the wall clocks of all zones. */
  SECONDS(ChronoUnit.SECONDS, "1000-01-02T00:00:00Z", "9999-12-30T00:00:00Z");

  private final ChronoUnit unit;
  private final Instant first;
  private final Instant last;

  Times(ChronoUnit unit, String first, String last) {
    this.unit = unit;
    this.first = Instant.parse(first);
    this.last = Instant.parse(last);
  }

  Instant stored(Instant time) {
    if (time.isBefore(first) || time.isAfter(last)) {
      throw new UnstorableException("time: " + time + " (expected: of a year from 1000 to 9999)");
    }
    return time.truncatedTo(unit);
  }

  /** The first time that can be stored and is not before that one; or that one, when none is. */
  Instant notBefore(Instant time) {
    Instant floor = time.truncatedTo(unit);
    return floor.equals(time) || time.isAfter(last) ? time : floor.plus(Duration.of(1, unit));
  }

  /** The last time that can be stored and is not after that one; or the first at all. */
  Instant notAfter(Instant time) {
    return time.isBefore(first) ? first : time.isAfter(last) ? last : stored(time);
  }

  /** The time for which "stored before it" and "before the given one" mean the same. */
  Instant bound(Instant time) {
    Instant floor = notAfter(time);
    return floor.isBefore(time) && floor.isBefore(last) ? floor.plus(Duration.of(1, unit)) : floor;
  }
}
