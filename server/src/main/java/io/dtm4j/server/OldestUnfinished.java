package io.dtm4j.server;

import io.dtm4j.store.StoreUnavailableException;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.time.Instant;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * How old the oldest unfinished transaction is. With very many, finding it takes long, so it is
 * looked for in a hundredth of the time at most, and remembered meanwhile. Thread-safe; blocks
 * while it reads the store.
 */
final class OldestUnfinished {
  private static final int PAUSE_FACTOR = 99;
  private static final double MILLIS_PER_SECOND = 1e3;

  private final TransactionStore store;
  private final LongSupplier nanoTime;

  /** Null: there was none. */
  private @Nullable Instant created;

  private boolean isKnown;
  private long lookAgainAt;

  /**
   * @param nanoTime monotonic
   */
  OldestUnfinished(TransactionStore store, LongSupplier nanoTime) {
    this.store = store;
    this.nanoTime = nanoTime;
  }

  /** In seconds; 0: nothing is unfinished; NaN: the store cannot be read. */
  synchronized double seconds() {
    long now = nanoTime.getAsLong();
    if (!isKnown || now - lookAgainAt >= 0) {
      try {
        created = store.oldestUnfinished();
      } catch (StoreUnavailableException _) {
        return Double.NaN;
      }
      isKnown = true;
      long read = nanoTime.getAsLong();
      lookAgainAt = read + (read - now) * PAUSE_FACTOR;
    }
    return created == null ? 0 : secondsSince(created, store.storeTime());
  }

  /** From one time to another; 0 when it is not earlier. */
  static double secondsSince(Instant time, Instant now) {
    return Math.max(0, Duration.between(time, now).toMillis() / MILLIS_PER_SECOND);
  }
}
