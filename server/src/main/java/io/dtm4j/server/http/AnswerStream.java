package io.dtm4j.server.http;

import io.netty.buffer.Unpooled;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.internal.buffer.BufferInternal;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Where a long answer is written, as far as there is room for it. It grows by pieces, so that
 * nothing is copied. Not thread-safe.
 */
final class AnswerStream extends OutputStream {
  private static final int FIRST_PIECE = 1 << 10;
  private static final int LARGEST_PIECE = 1 << 20;

  private final Room room;
  private final List<byte[]> pieces = new ArrayList<>();
  private byte[] last = {};
  private int usedOfLast;
  private int length;
  private long taken;

  AnswerStream(Room room) {
    this.room = room;
  }

  /** There is no room for what was to be written. */
  static final class NoRoomException extends IOException {
    private static final long serialVersionUID = 1L;

    /** There never will be. */
    final boolean isForGood;

    NoRoomException(boolean isForGood) {
      super("no room for the answer");
      this.isForGood = isForGood;
    }
  }

  @Override
  public void write(int one) throws IOException {
    write(new byte[] {(byte) one}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int count) throws IOException {
    Objects.checkFromIndexSize(offset, count, bytes.length);
    int from = offset;
    int end = offset + count;
    while (from < end) {
      if (usedOfLast == last.length) {
        grow();
      }
      int fits = Math.min(end - from, last.length - usedOfLast);
      System.arraycopy(bytes, from, last, usedOfLast, fits);
      usedOfLast += fits;
      length += fits;
      from += fits;
    }
  }

  private void grow() throws NoRoomException {
    int more = Math.clamp(taken, FIRST_PIECE, LARGEST_PIECE);
    if (!room.take(more, taken + more)) {
      throw new NoRoomException(taken + more > room.largest());
    }
    taken += more;
    last = new byte[more];
    usedOfLast = 0;
    pieces.add(last);
  }

  /** What was written; the pieces themselves. */
  Buffer buffer() {
    return BufferInternal.buffer(
        Unpooled.wrappedBuffer(Math.max(1, pieces.size()), pieces.toArray(byte[][]::new))
            .writerIndex(length));
  }

  /** Bytes that it has taken; somebody has to give them back. */
  long taken() {
    return taken;
  }
}
