package io.dtm4j.store.redis;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The clock of Redis, which all servers share: the monotonic clock of this machine, and how far
 * Redis was ahead of it when it was asked last. It never goes back: where the clock of Redis was
 * set back it stands still until that is made up for. Thread-safe.
 */
final class RedisClock implements InstantSource {
  private static final Logger log = LoggerFactory.getLogger(RedisClock.class);
  private static final int QUESTIONS = 3;
  private static final Duration STEP = Duration.ofSeconds(1);
  private static final long NANOS_PER_MICRO = 1_000;
  private static final long NANOS_PER_MILLI = 1_000_000;

  private final LongSupplier redisMicros;
  private final LongSupplier nanoTime;
  private final AtomicLong lastMillis = new AtomicLong();
  private volatile long aheadNanos;

  /**
   * Asks for the first time.
   *
   * @param redisMicros asks Redis for its time, in microseconds; blocks, and throws when there is
   *     no answer
   * @param nanoTime the monotonic clock, in nanoseconds
   */
  RedisClock(LongSupplier redisMicros, LongSupplier nanoTime) {
    this.redisMicros = redisMicros;
    this.nanoTime = nanoTime;
    aheadNanos = ask();
  }

  /** Asks again; without an answer it goes on as before. */
  void adjust() {
    try {
      long ahead = ask();
      Duration step = Duration.ofNanos(ahead - aheadNanos);
      if (step.abs().compareTo(STEP) > 0) {
        log.atWarn()
            .addKeyValue("step", step)
            .log("the clock of Redis was set, or it is another server");
      }
      aheadNanos = ahead;
    } catch (RuntimeException e) {
      log.atDebug().setCause(e).log("Redis was not asked for its time");
    }
  }

  /** The answer that took least time says it best: it is wrong by half of that at most. */
  private long ask() {
    long least = Long.MAX_VALUE;
    long ahead = 0;
    for (int question = 0; question < QUESTIONS; question++) {
      long asked = nanoTime.getAsLong();
      long answer = redisMicros.getAsLong() * NANOS_PER_MICRO;
      long took = nanoTime.getAsLong() - asked;
      if (took < least) {
        least = took;
        ahead = answer - (asked + took / 2);
      }
    }
    return ahead;
  }

  /** The present time in whole milliseconds. */
  @Override
  public Instant instant() {
    long millis = Math.floorDiv(nanoTime.getAsLong() + aheadNanos, NANOS_PER_MILLI);
    return Instant.ofEpochMilli(lastMillis.accumulateAndGet(millis, Math::max));
  }
}
