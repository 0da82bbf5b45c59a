package io.dtm4j.store.sql;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The clock of the database, which all servers share: the monotonic clock of this machine and how
 * far the database is ahead of it, measured at the opening and again every 10 seconds. Between, and
 * while the database cannot be asked, it goes on by the monotonic clock. It never goes back: where
 * the database's clock was set back it stands still until that is made up for. Thread-safe.
 */
final class StoreTimeSource implements InstantSource, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(StoreTimeSource.class);
  private static final Duration INTERVAL = Duration.ofSeconds(10);
  private static final int SAMPLES = 3;
  private static final long STEP = Duration.ofSeconds(1).toNanos();
  private static final long NANOS_PER_MILLI = 1_000_000;

  private final InstantSource database;
  private final LongSupplier nanoTime;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("dtm4j-store-time").daemon().factory());
  private final AtomicLong lastMillis = new AtomicLong();
  private volatile long aheadNanos;

  /**
   * Measures for the first time.
   *
   * @param database asks the database; blocks, and throws when it cannot be asked
   * @param nanoTime the monotonic clock, in nanoseconds
   */
  StoreTimeSource(InstantSource database, LongSupplier nanoTime) {
    this.database = database;
    this.nanoTime = nanoTime;
    aheadNanos = measured();
  }

  /** Measures again every 10 seconds. */
  void start() {
    var _ =
        timer.scheduleWithFixedDelay(
            this::measure, INTERVAL.toSeconds(), INTERVAL.toSeconds(), TimeUnit.SECONDS);
  }

  void measure() {
    try {
      long ahead = measured();
      long step = ahead - aheadNanos;
      if (Math.abs(step) > STEP) {
        log.atWarn()
            .addKeyValue("step", Duration.ofNanos(step))
            .log("the clock of the database was set, or it is another database");
      }
      aheadNanos = ahead;
    } catch (RuntimeException e) {
      log.atDebug().setCause(e).log("the database was not asked for its time");
    }
  }

  /** Of some answers the fastest counts: the error is at most half of the time it took. */
  private long measured() {
    long shortest = Long.MAX_VALUE;
    long ahead = 0;
    for (int i = 0; i < SAMPLES; i++) {
      long before = nanoTime.getAsLong();
      Instant then = database.instant();
      long took = nanoTime.getAsLong() - before;
      if (took < shortest) {
        shortest = took;
        ahead = nanosOf(then) - (before + took / 2);
      }
    }
    return ahead;
  }

  private static long nanosOf(Instant time) {
    return Math.addExact(Math.multiplyExact(time.getEpochSecond(), 1_000_000_000L), time.getNano());
  }

  /** The present time in whole milliseconds; never goes back. */
  @Override
  public Instant instant() {
    long millis = Math.floorDiv(nanoTime.getAsLong() + aheadNanos, NANOS_PER_MILLI);
    return Instant.ofEpochMilli(lastMillis.accumulateAndGet(millis, Math::max));
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
