package io.dtm4j.store.mongodb;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import org.bson.BsonDateTime;
import org.bson.BsonString;

/** Texts and times as documents hold them. Times are whole milliseconds. */
final class Values {
  private static final Instant FIRST = Instant.ofEpochMilli(Long.MIN_VALUE);
  private static final Instant LAST = Instant.ofEpochMilli(Long.MAX_VALUE - 1);

  private Values() {}

  /** Whether it comes back as it is: no half of a surrogate pair. */
  static boolean isStorable(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (Character.isSurrogate(text.charAt(i))) {
        return StandardCharsets.UTF_8.newEncoder().canEncode(text);
      }
    }
    return true;
  }

  /**
   * The text as a value.
   *
   * @throws UnstorableException when it would not come back as it is
   */
  static BsonString text(String text) {
    if (!isStorable(text)) {
      throw new UnstorableException("a text with half of a surrogate pair cannot be stored");
    }
    return new BsonString(text);
  }

  /** The time as a value; what is less than a millisecond is cut. */
  static BsonDateTime time(Instant time) {
    if (time.isBefore(FIRST) || time.isAfter(LAST)) {
      throw new UnstorableException(
          "time: " + time + " (expected: one in 64 bits of milliseconds)");
    }
    return new BsonDateTime(time.toEpochMilli());
  }

  /** The last time that can be stored and is not after that one; or the first at all. */
  static BsonDateTime notAfter(Instant time) {
    return time(time.isBefore(FIRST) ? FIRST : time.isAfter(LAST) ? LAST : time);
  }

  /** The time for which "stored before it" and "before the given one" mean the same. */
  static BsonDateTime bound(Instant time) {
    BsonDateTime floor = notAfter(time);
    return Instant.ofEpochMilli(floor.getValue()).isBefore(time)
        ? new BsonDateTime(floor.getValue() + 1)
        : floor;
  }

  static Instant instant(BsonDateTime time) {
    return Instant.ofEpochMilli(time.getValue());
  }
}
