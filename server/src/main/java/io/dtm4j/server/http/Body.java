package io.dtm4j.server.http;

import io.vertx.core.buffer.Buffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A message body on its way in. Most come in one piece, which is kept as it is; the others grow in
 * one array. An announced length is believed only after the sender has shown that it means it.
 */
final class Body {
  private static final byte[] NONE = {};
  private static final int UNPROVEN = 1 << 16;

  private final int limit;
  private int announced;
  private @Nullable Buffer only;
  private byte[] bytes = NONE;
  private int size;

  /**
   * @param limit the most bytes that are kept
   */
  Body(int limit) {
    this.limit = limit;
  }

  /**
   * Says how long the body will be.
   *
   * @param length within the limit
   */
  void announce(int length) {
    announced = length;
  }

  /** Adds a piece; false when the body exceeds the limit with it, and only what fits is added. */
  boolean add(Buffer piece) {
    int length = piece.length();
    if (length > limit - size) {
      add(piece.slice(0, limit - size));
      return false;
    }
    if (size == 0) {
      only = piece;
    } else {
      makeRoom(size + length);
      if (only != null) {
        only.getBytes(bytes, 0);
        only = null;
      }
      piece.getBytes(bytes, size);
    }
    size += length;
    return true;
  }

  int size() {
    return size;
  }

  /** Bytes of memory that it takes up when a piece of that length has been added. */
  int memoryWith(int length) {
    return size == 0 ? Math.min(length, limit) : capacityFor(Math.min(length, limit - size) + size);
  }

  /** The bytes so far; the array may be longer than {@link #size()}. */
  byte[] bytes() {
    return only == null ? bytes : only.getBytes();
  }

  private void makeRoom(int needed) {
    if (needed > bytes.length) {
      bytes = Arrays.copyOf(bytes, capacityFor(needed));
    }
  }

  private int capacityFor(int needed) {
    if (needed <= bytes.length) {
      return bytes.length;
    }
    int grown = Math.max(needed, (int) Math.min(limit, 2L * bytes.length));
    return size < UNPROVEN ? grown : Math.max(grown, announced);
  }
}
