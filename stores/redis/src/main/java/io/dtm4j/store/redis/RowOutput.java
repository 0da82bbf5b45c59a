package io.dtm4j.store.redis;

import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;

/**
 * Puts a row together; {@link RowInput} takes it apart. Numbers take as few groups of seven bits as
 * they need, the lowest first. For one row and one thread.
 */
final class RowOutput {
  private static final int FIRST_CAPACITY = 256;

  private byte[] bytes = new byte[FIRST_CAPACITY];
  private int length;

  byte[] toBytes() {
    return Arrays.copyOf(bytes, length);
  }

  /** A number from 0 to 255, in one byte. */
  RowOutput code(int code) {
    if (length == bytes.length) {
      bytes = Arrays.copyOf(bytes, 2 * length);
    }
    bytes[length++] = (byte) code;
    return this;
  }

  /** A number that is not negative, or else takes ten bytes. */
  RowOutput number(long number) {
    long rest = number;
    for (; rest >>> 7 != 0; rest >>>= 7) {
      code((int) rest | 0x80);
    }
    return code((int) rest);
  }

  /** Any number; small ones are short, whatever their sign. */
  RowOutput signed(long number) {
    return number((number << 1) ^ (number >> 63));
  }

  /** A number in eight bytes. */
  RowOutput fixed(long number) {
    for (int shift = Long.SIZE - Byte.SIZE; shift >= 0; shift -= Byte.SIZE) {
      code((int) (number >>> shift));
    }
    return this;
  }

  RowOutput time(Instant time) {
    return signed(time.getEpochSecond()).number(time.getNano());
  }

  /** A time that often is that other one, which the reader knows. */
  RowOutput time(Instant time, Instant usual) {
    return time.equals(usual) ? code(0) : code(1).time(time);
  }

  RowOutput duration(Duration duration) {
    return signed(duration.getSeconds()).number(duration.getNano());
  }

  RowOutput bytes(byte[] more) {
    number(more.length);
    if (bytes.length - length < more.length) {
      bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, length + more.length));
    }
    System.arraycopy(more, 0, bytes, length, more.length);
    length += more.length;
    return this;
  }

  RowOutput text(String text) {
    return bytes(Texts.bytes(text));
  }
}
