package io.dtm4j.store;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The clock of an embedded store: the wall clock at the opening plus the monotonic clock, so that a
 * step of the wall clock makes nothing early. Drift and steps of the wall clock are followed
 * slowly, by at most 1 % of the time that passes. Never behind the newest time stored. Thread-safe.
 */
public final class StoreClock implements InstantSource {
  private static final Logger log = LoggerFactory.getLogger(StoreClock.class);
  private static final long SLOWLY = 100;
  private static final long STEP = Duration.ofSeconds(1).toNanos();

  private final InstantSource wall;
  private final LongSupplier nanoTime;
  private long lastNanos;
  private long nowNanos;
  private long aheadNanos; // of the wall clock

  /**
   * @param wall the machine's clock
   * @param nanoTime the monotonic clock, in nanoseconds
   * @param newest the newest time found in the store at opening; the clock begins no earlier
   */
  public StoreClock(InstantSource wall, LongSupplier nanoTime, Instant newest) {
    this.wall = wall;
    this.nanoTime = nanoTime;
    lastNanos = nanoTime.getAsLong();
    Instant start = wall.instant();
    nowNanos = nanosOf(start.isBefore(newest) ? newest : start);
    aheadNanos = nanosOf(start) - nowNanos;
    if (aheadNanos < -STEP) {
      log.atWarn()
          .addKeyValue("behind", Duration.ofNanos(-aheadNanos))
          .log("wall clock is behind the newest time stored, it is followed slowly");
    }
  }

  /** The present time in whole milliseconds; never goes back. */
  @Override
  public synchronized Instant instant() {
    long nanos = nanoTime.getAsLong();
    long passed = Math.max(0, nanos - lastNanos);
    lastNanos = nanos;
    long ahead = nanosOf(wall.instant()) - (nowNanos + passed);
    long step = ahead - aheadNanos;
    if (Math.abs(step) > STEP) {
      log.atWarn()
          .addKeyValue("step", Duration.ofNanos(step))
          .log("wall clock was set, it is followed slowly");
    }
    long correction = Math.clamp(ahead, -passed / SLOWLY, passed / SLOWLY);
    nowNanos += passed + correction;
    aheadNanos = ahead - correction;
    return Instant.ofEpochSecond(0, nowNanos).truncatedTo(ChronoUnit.MILLIS);
  }

  private static long nanosOf(Instant time) {
    return Math.addExact(Math.multiplyExact(time.getEpochSecond(), 1_000_000_000L), time.getNano());
  }
}
