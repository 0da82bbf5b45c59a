package io.dtm4j.store.redis;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;

/** Takes apart what {@link RowOutput} has put together, in the same order. */
final class RowInput {
  private final ByteBuffer bytes;

  /**
   * Begins with the version of the row.
   *
   * @throws IllegalStateException when it has another one
   */
  RowInput(byte[] row, int version) {
    bytes = ByteBuffer.wrap(row);
    int found = code();
    if (found != version) {
      throw new IllegalStateException(
          "version of a row: " + found + " (expected: " + version + ")");
    }
  }

  int code() {
    return Byte.toUnsignedInt(bytes.get());
  }

  long number() {
    long number = 0;
    int shift = 0;
    int next = code();
    for (; next >= 0x80; next = code()) {
      number |= (next & 0x7FL) << shift;
      shift += 7;
    }
    return number | (long) next << shift;
  }

  /** How many things follow, each of a byte at least. */
  int count() {
    long count = number();
    if (count < 0 || count > bytes.remaining()) {
      throw new IllegalStateException(count + " follow (expected: <= " + bytes.remaining() + ")");
    }
    return (int) count;
  }

  long signed() {
    long number = number();
    return (number >>> 1) ^ -(number & 1);
  }

  long fixed() {
    return bytes.getLong();
  }

  Instant time() {
    long seconds = signed();
    return Instant.ofEpochSecond(seconds, number());
  }

  Instant time(Instant usual) {
    return code() == 0 ? usual : time();
  }

  Duration duration() {
    long seconds = signed();
    return Duration.ofSeconds(seconds, number());
  }

  byte[] bytes() {
    byte[] some = new byte[count()];
    bytes.get(some);
    return some;
  }

  String text() {
    return Texts.text(bytes());
  }
}
