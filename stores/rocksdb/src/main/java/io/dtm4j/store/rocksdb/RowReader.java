package io.dtm4j.store.rocksdb;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;

/** Reads what {@link RowWriter} wrote, in the same order. */
final class RowReader {
  private static final int NANOS_PER_MILLI = 1_000_000;

  private final byte[] bytes;
  private int at;

  RowReader(byte[] bytes, int start) {
    this.bytes = bytes;
    at = start;
  }

  /** Reads a row that begins with its version. */
  static RowReader of(byte[] row, int version) {
    var reader = new RowReader(row, 0);
    int found = reader.code();
    if (found != version) {
      throw new IllegalStateException(
          "version of a row: " + found + " (expected: " + version + ")");
    }
    return reader;
  }

  int code() {
    return bytes[at++] & 0xFF;
  }

  long number() {
    long number = 0;
    for (int shift = 0; ; shift += 7) {
      byte next = bytes[at++];
      number |= (next & 0x7FL) << shift;
      if (next >= 0) {
        return number;
      }
    }
  }

  /** A number that counts something which follows in this row, so it cannot exceed its size. */
  int count() {
    long count = number();
    if (count < 0 || count > bytes.length - at) {
      throw new IllegalStateException(count + " things follow (expected: at most the row's bytes)");
    }
    return (int) count;
  }

  long signed() {
    long number = number();
    return number >>> 1 ^ -(number & 1);
  }

  long sorted() {
    long number = 0;
    for (int i = 0; i < Long.BYTES; i++) {
      number = number << 8 | code();
    }
    return number ^ Long.MIN_VALUE;
  }

  Instant time() {
    long seconds = signed();
    return Instant.ofEpochSecond(seconds, nanos());
  }

  Instant time(Instant usual) {
    return code() == 0 ? usual : time();
  }

  Duration duration() {
    long seconds = signed();
    return Duration.ofSeconds(seconds, nanos());
  }

  private long nanos() {
    long nanos = number();
    return (nanos & 1) == 0 ? (nanos >> 1) * NANOS_PER_MILLI : nanos >> 1;
  }

  byte[] bytes() {
    int length = count();
    at += length;
    return Arrays.copyOfRange(bytes, at - length, at);
  }

  String text() {
    return units(count());
  }

  /** The text that fills the row to its end. */
  String rest() {
    int units = 0;
    for (int i = at; i < bytes.length; i++) {
      units += (bytes[i] & 0xC0) == 0x80 ? 0 : 1;
    }
    return units(units);
  }

  private String units(int units) {
    if (isAscii(units)) {
      at += units;
      return new String(bytes, at - units, units, StandardCharsets.US_ASCII);
    }
    char[] text = new char[units];
    for (int i = 0; i < units; i++) {
      int first = bytes[at++];
      if (first >= 0) {
        text[i] = (char) first;
      } else if ((first & 0x20) == 0) {
        text[i] = (char) ((first & 0x1F) << 6 | next6());
      } else {
        text[i] = (char) ((first & 0x0F) << 12 | next6() << 6 | next6());
      }
    }
    return new String(text);
  }

  /** The bits of a byte that continues a unit. */
  private int next6() {
    return bytes[at++] & 0x3F;
  }

  private boolean isAscii(int units) {
    int all = 0;
    for (int i = at; i < at + units; i++) {
      all |= bytes[i];
    }
    return all >= 0;
  }
}
