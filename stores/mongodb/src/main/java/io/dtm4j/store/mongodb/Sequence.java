package io.dtm4j.store.mongodb;

import java.time.Instant;

/**
 * Numbers in the order in which transactions are stored: the store's time, a counter within its
 * millisecond, and the number of this store among those that are open, so that two servers never
 * give the same. Thread-safe.
 */
final class Sequence {
  private static final int STORE_BITS = 10;
  private static final int COUNTER_BITS = 11;

  private final long store;
  private long last;

  /**
   * @param store the number of this store; its last bits count
   * @param newest the newest number that is stored; what comes is newer
   */
  Sequence(long store, long newest) {
    this.store = store & ((1 << STORE_BITS) - 1);
    last = newest >> STORE_BITS;
  }

  synchronized long next(Instant now) {
    last = Math.max(last + 1, now.toEpochMilli() << COUNTER_BITS);
    return last << STORE_BITS | store;
  }
}
