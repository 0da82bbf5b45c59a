package io.dtm4j.store.mongodb;

import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * How many are unfinished. Counting looks at all of them: where they are many the number is kept
 * for a while, so that no more than a fiftieth of the time goes into it, however often it is asked
 * for. Thread-safe.
 */
final class Backlog {
  /** So many are counted each time. */
  static final long FEW = 10_000;

  private static final int SHARE = 50;

  private final LongSupplier nanoTime;
  private final long few;
  private volatile @Nullable Kept kept;

  /**
   * @param until by the monotonic clock
   */
  private record Kept(long unfinished, long until) {}

  /**
   * @param few so many are counted each time
   */
  Backlog(LongSupplier nanoTime, long few) {
    this.nanoTime = nanoTime;
    this.few = few;
  }

  /** The number, counted now or a while ago. */
  long unfinished(LongSupplier count) {
    Kept before = kept;
    long began = nanoTime.getAsLong();
    if (before != null && before.until - began > 0) {
      return before.unfinished;
    }
    long unfinished = count.getAsLong();
    long took = nanoTime.getAsLong() - began;
    kept = unfinished <= few ? null : new Kept(unfinished, began + SHARE * took);
    return unfinished;
  }
}
