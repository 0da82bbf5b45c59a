package io.dtm4j.store.redis;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/** Says of what is found again and again when it is logged: at first, then once a minute. */
final class NowAndThen {
  private static final long INTERVAL = Duration.ofMinutes(1).toNanos();

  /** By the monotonic clock. */
  private final AtomicLong next = new AtomicLong(System.nanoTime());

  /** Whether it is logged this time. Thread-safe. */
  boolean isDue() {
    long now = System.nanoTime();
    long due = next.get();
    return now - due >= 0 && next.compareAndSet(due, now + INTERVAL);
  }
}
