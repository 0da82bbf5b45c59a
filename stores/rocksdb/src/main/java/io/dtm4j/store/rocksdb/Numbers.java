package io.dtm4j.store.rocksdb;

import io.dtm4j.protocol.TransType;
import java.time.Instant;

/**
 * What the number of a transaction says: its type, and its place in the order in which all were
 * stored.
 *
 * <pre>
 * 0 | type, from 1 on (3 bits) | milliseconds (42 bits) | count (18 bits)
 *                                \----------- place -----------------/
 * </pre>
 *
 * A place is the one before plus one, or the first of the millisecond of the creation, whichever is
 * higher. So the rows of a type, and of a span of time, lie side by side, and lists by type and
 * time need no rows of their own. The time in a place is never earlier than that of the creation;
 * it is later by the <em>lag</em> when somebody stored a younger one before. The largest lag is
 * stored, so that a search knows how far behind a time it has to begin.
 *
 * <p>Format 1 counted from 1, whatever the type.
 */
final class Numbers {
  private static final int PLACE_BITS = 60;

  /** Above all places, and below all numbers that have a type. */
  static final long END = 1L << PLACE_BITS;

  private static final long PLACE = END - 1;
  private static final int COUNT_BITS = 18;

  /** In the year 2109; what is later counts as this. */
  private static final Instant LATEST = Instant.ofEpochMilli((1L << 42) - (1L << 32));

  private Numbers() {}

  static long of(TransType type, long place) {
    return ((long) (DefinitionRow.TYPES.indexOf(type) + 1) << PLACE_BITS) + place;
  }

  static boolean isOf(long number, TransType type) {
    return number >> PLACE_BITS == DefinitionRow.TYPES.indexOf(type) + 1;
  }

  static long place(long number) {
    return number & PLACE;
  }

  /** The time in a place. */
  static Instant timeOf(long place) {
    return Instant.ofEpochMilli(place >> COUNT_BITS);
  }

  /** The place behind that one, or a later one because of the time. */
  static long next(long last, Instant createTime) {
    return Math.max(last + 1, firstOf(createTime));
  }

  /** The first place that a transaction of that time or later can have. */
  static long firstOf(Instant createTime) {
    return millis(createTime) << COUNT_BITS;
  }

  /** Behind the last place that a transaction of that time or earlier can have. */
  static long behind(Instant createTime, long lag) {
    return (millis(createTime) + lag + 1) << COUNT_BITS;
  }

  /** Milliseconds by which a place is later than the creation. */
  static long lag(long place, Instant createTime) {
    return (place >> COUNT_BITS) - millis(createTime);
  }

  private static long millis(Instant time) {
    if (time.isBefore(Instant.EPOCH)) {
      return 0;
    }
    return (time.isAfter(LATEST) ? LATEST : time).toEpochMilli();
  }
}
