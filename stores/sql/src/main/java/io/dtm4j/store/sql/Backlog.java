package io.dtm4j.store.sql;

import io.dtm4j.store.Counts;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * How much is unfinished. Counting looks at all of it: where that is much the number is kept for a
 * while, so that no more than a fiftieth of the time goes into it, however often it is asked for.
 * Thread-safe.
 */
final class Backlog {
  /** What is counted each time. */
  static final long FEW = 10_000;

  private static final int SHARE = 50;

  private final Connections connections;
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
  Backlog(Connections connections, LongSupplier nanoTime, long few) {
    this.connections = connections;
    this.nanoTime = nanoTime;
    this.few = few;
  }

  Counts counts() {
    return connections.read(
        session -> {
          Kept before = kept;
          long began = nanoTime.getAsLong();
          long unfinished;
          if (before != null && before.until - began > 0) {
            unfinished = before.unfinished;
          } else {
            unfinished = new Listings(session).unfinished();
            long took = nanoTime.getAsLong() - began;
            kept = unfinished <= few ? null : new Kept(unfinished, began + SHARE * took);
          }
          return new Counts(unfinished, DueIndex.earliest(session));
        });
  }
}
