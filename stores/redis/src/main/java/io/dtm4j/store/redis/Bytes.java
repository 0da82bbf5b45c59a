package io.dtm4j.store.redis;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Bytes that are compared by what they are. Nobody writes into the array. */
final class Bytes implements Comparable<Bytes> {
  private final byte[] array;

  Bytes(byte[] array) {
    this.array = array;
  }

  static Bytes of(String text) {
    return new Bytes(Texts.bytes(text));
  }

  /** The bytes themselves, not a copy. */
  byte[] array() {
    return array;
  }

  /** As Redis compares: each from 0 to 255. */
  @Override
  public int compareTo(Bytes other) {
    return Arrays.compareUnsigned(array, other.array);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Bytes that && Arrays.equals(array, that.array);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(array);
  }

  @Override
  public String toString() {
    return array.length + " bytes";
  }
}
