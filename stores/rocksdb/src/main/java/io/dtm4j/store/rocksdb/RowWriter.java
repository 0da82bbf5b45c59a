package io.dtm4j.store.rocksdb;

import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;

/**
 * A buffer that rows are written into, used again for each row. {@link RowReader} reads them.
 *
 * <p>Numbers take as few bytes as they need, seven bits in each, lowest first. A text is its count
 * of UTF-16 units and then each of them on its own in one to three bytes, as UTF-8 would (CESU-8):
 * so any string comes back exactly, lone surrogates too, keys sort as {@link String#compareTo}
 * does, and no byte is ever 0xFF. Times keep their nanoseconds. Not thread-safe.
 */
final class RowWriter {
  private static final int FIRST_CAPACITY = 1_024;
  private static final int LARGE = 1 << 20;
  private static final int MAX_NUMBER = 10;
  private static final int MAX_UNIT = 3;
  private static final int NANOS_PER_MILLI = 1_000_000;

  private byte[] bytes = new byte[FIRST_CAPACITY];
  private int length;

  RowWriter clear() {
    length = 0;
    if (bytes.length > LARGE) {
      bytes = new byte[FIRST_CAPACITY];
    }
    return this;
  }

  byte[] copy() {
    return Arrays.copyOf(bytes, length);
  }

  /** A small number that always takes one byte. */
  RowWriter code(int code) {
    reserve(1);
    bytes[length++] = (byte) code;
    return this;
  }

  RowWriter number(long number) {
    reserve(MAX_NUMBER);
    long rest = number;
    while ((rest & ~0x7FL) != 0) {
      bytes[length++] = (byte) (rest | 0x80);
      rest >>>= 7;
    }
    bytes[length++] = (byte) rest;
    return this;
  }

  /** A number that may be negative. */
  RowWriter signed(long number) {
    return number(number << 1 ^ number >> 63);
  }

  /** A number in eight bytes that sort as the numbers do. */
  RowWriter sorted(long number) {
    for (int shift = 56; shift >= 0; shift -= 8) {
      code((int) ((number ^ Long.MIN_VALUE) >>> shift));
    }
    return this;
  }

  RowWriter time(Instant time) {
    return secondsAndNanos(time.getEpochSecond(), time.getNano());
  }

  /** A time that often is the same as another one, which the reader knows. */
  RowWriter time(Instant time, Instant usual) {
    return time.equals(usual) ? code(0) : code(1).time(time);
  }

  RowWriter duration(Duration duration) {
    return secondsAndNanos(duration.getSeconds(), duration.getNano());
  }

  private RowWriter secondsAndNanos(long seconds, int nanos) {
    long millis = nanos / NANOS_PER_MILLI;
    return signed(seconds)
        .number(millis * NANOS_PER_MILLI == nanos ? millis << 1 : (long) nanos << 1 | 1);
  }

  RowWriter bytes(byte[] value) {
    number(value.length);
    reserve(value.length);
    System.arraycopy(value, 0, bytes, length, value.length);
    length += value.length;
    return this;
  }

  RowWriter text(String text) {
    return number(text.length()).units(text);
  }

  /** A text without its length. */
  RowWriter units(String text) {
    int units = text.length();
    reserve(units * MAX_UNIT);
    byte[] target = bytes;
    int at = length;
    for (int i = 0; i < units; i++) {
      char unit = text.charAt(i);
      if (unit < 0x80) {
        target[at++] = (byte) unit;
      } else if (unit < 0x800) {
        target[at++] = (byte) (0xC0 | unit >> 6);
        target[at++] = (byte) (0x80 | (unit & 0x3F));
      } else {
        target[at++] = (byte) (0xE0 | unit >> 12);
        target[at++] = (byte) (0x80 | (unit >> 6 & 0x3F));
        target[at++] = (byte) (0x80 | (unit & 0x3F));
      }
    }
    length = at;
    return this;
  }

  private void reserve(int more) {
    if (length + more > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(length + more, bytes.length * 2));
    }
  }
}
