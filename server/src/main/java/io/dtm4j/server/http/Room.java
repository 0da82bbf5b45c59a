package io.dtm4j.server.http;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Bytes of memory that many may take up together; whoever takes some gives them back. Large things
 * leave a quarter of it to small ones, so that a few clients never keep out all others.
 * Thread-safe; never blocks.
 */
public final class Room {
  /** Bytes of what counts as small. */
  static final int SMALL = 64 << 10;

  private static final int QUARTERS = 4;

  private final long bytes;
  private final AtomicLong taken = new AtomicLong();

  /** A room of that many bytes. */
  public Room(long bytes) {
    this.bytes = bytes;
  }

  /** How large it has to be, in bytes, so that a thing of that size finds room. */
  public static long thatHolds(long largest) {
    return largest + largest / (QUARTERS - 1) + QUARTERS;
  }

  /** The largest thing that finds room when there is no other. */
  long largest() {
    return bytes - bytes / QUARTERS;
  }

  /**
   * Takes bytes for a thing; false when there is no room, and nothing is taken.
   *
   * @param whole how large the thing is with them
   */
  public boolean take(long more, long whole) {
    if (taken.addAndGet(more) <= (whole <= SMALL ? bytes : largest())) {
      return true;
    }
    give(more);
    return false;
  }

  /** Gives back what was taken. */
  public void give(long bytesTaken) {
    taken.addAndGet(-bytesTaken);
  }

  /** Bytes that are taken at the moment. */
  public long taken() {
    return taken.get();
  }
}
