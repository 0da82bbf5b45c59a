package io.dtm4j.store.redis;

import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Numbers transactions in the order in which they are stored: microseconds of the clock that all
 * servers share, each number once in this process. What two servers store within a millisecond may
 * get its numbers in either order, or the same. Thread-safe.
 */
final class Numbers {
  private static final long MICROS_PER_MILLI = 1_000;

  private final InstantSource clock;
  private final AtomicLong last;

  /**
   * Begins.
   *
   * @param last the largest that is stored: the clock may have been set back since
   */
  Numbers(InstantSource clock, long last) {
    this.clock = clock;
    this.last = new AtomicLong(last);
  }

  long next() {
    long now = clock.millis() * MICROS_PER_MILLI;
    return last.updateAndGet(before -> Math.max(before + 1, now));
  }
}
