package io.dtm4j.store;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The clock of the database, which all servers share: the monotonic clock of this machine and how
 * far the database is ahead of it, measured at the opening and again every 10 seconds. Between, and
 * while the database cannot be asked, it goes on by the monotonic clock; after 30 seconds without
 * an answer it is not {@link #isKnown known} any more, and nothing is claimed by it.
 *
 * <p>How it follows the database: forward at once; back by up to 2 seconds at half its pace, so
 * that it neither stands still nor goes back; back by more than that at once. The latter is the one
 * case in which it goes back: the database's clock was set, or another machine took over. All
 * servers have measured 10 seconds later, and agree on one time again; were they to wait for what
 * their clocks are ahead, those that are started meanwhile would have another time for as long, and
 * the old ones would take the leases of the new ones for ended.
 *
 * <p>There are times after which it is not known what others hold, so that it is not {@link
 * #isKnown known}: for 40 seconds after a step forward by more than a second, until all servers
 * must have seen it and renewed their leases by the new time; and when this server, or the answer
 * of the database, has stood still for 3 seconds, until it has measured.
 *
 * <p>An answer that took long says little: of several the fastest counts, and when even that one
 * took more than 100 milliseconds the clock moves only as far as it is certainly wrong.
 * Thread-safe.
 */
public final class StoreTimeSource implements InstantSource, AutoCloseable {
  /** The database's clock was set back when it is behind by more than that. */
  public static final Duration SET_BACK = Duration.ofSeconds(2);

  /** Without an answer for so long it is not known. */
  public static final Duration KNOWN_FOR = Duration.ofSeconds(30);

  private static final Logger log = LoggerFactory.getLogger(StoreTimeSource.class);
  private static final Duration INTERVAL = Duration.ofSeconds(10);
  private static final int SAMPLES = 3;
  private static final int MOST_SAMPLES = 6;
  private static final long SLOW = Duration.ofMillis(100).toNanos();
  private static final long STEP = Duration.ofSeconds(1).toNanos();
  private static final long NANOS_PER_MILLI = 1_000_000;

  /** All others have measured after 10 seconds, and a third of a lease later they have renewed. */
  private static final Duration UNSETTLED = Duration.ofSeconds(40);

  /** The timer comes by every second. */
  private static final long STANDSTILL = Duration.ofSeconds(3).toNanos();

  private final InstantSource database;
  private final LongSupplier nanoTime;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("dtm4j-store-time").daemon().factory());
  private volatile Ahead ahead;

  /** When the database last answered, by the monotonic clock. */
  private volatile long answeredAt;

  /** When the timer came by last, or something was measured, by the monotonic clock. */
  private volatile long seenAt;

  private final AtomicBoolean awakening = new AtomicBoolean();
  private volatile boolean isStarted;

  /** Until then others may not have seen a step forward, by the monotonic clock. */
  private volatile long unsettledUntil;

  /**
   * How far the database is ahead of the monotonic clock.
   *
   * @param since when that was measured
   * @param was what was believed before, where it is left slowly
   * @param is what was measured
   */
  private record Ahead(long since, long was, long is) {
    long at(long nanos) {
      long passed = Math.max(0, nanos - since);
      return was > is ? Math.max(is, was - passed / 2) : is;
    }
  }

  /**
   * An answer.
   *
   * @param took what it took; the error is at most half of that
   */
  private record Sample(long ahead, long took) {}

  /**
   * Measures for the first time.
   *
   * @param database asks the database; blocks, and throws when it cannot be asked
   * @param nanoTime the monotonic clock, in nanoseconds; one that stands still with the machine
   *     hides that the machine stood still ({@link ElapsedTime})
   */
  public StoreTimeSource(InstantSource database, LongSupplier nanoTime) {
    this.database = database;
    this.nanoTime = nanoTime;
    long first = measured().ahead;
    answeredAt = nanoTime.getAsLong();
    seenAt = answeredAt;
    unsettledUntil = answeredAt;
    ahead = new Ahead(answeredAt, first, first);
  }

  /** Measures again every 10 seconds; while the database does not answer, every second. */
  public void start() {
    isStarted = true;
    var _ = timer.scheduleWithFixedDelay(this::tick, 1, 1, TimeUnit.SECONDS);
  }

  void tick() {
    long now = nanoTime.getAsLong();
    if (hasStoodStill(now)) {
      measure();
      return;
    }
    seenAt = now;
    if (now - answeredAt >= INTERVAL.toNanos()) {
      measure();
    }
  }

  /** Measures now, not only when the timer comes by. */
  private void awaken() {
    try {
      timer.execute(
          () -> {
            tick();
            awakening.set(false);
          });
    } catch (RejectedExecutionException _) {
      // closed
    }
  }

  private boolean hasStoodStill(long now) {
    return now - seenAt > STANDSTILL;
  }

  void measure() {
    Sample sample;
    try {
      sample = measured();
    } catch (RuntimeException e) {
      log.atDebug().setCause(e).log("the database was not asked for its time");
      return;
    }
    boolean wasKnown = isKnown();
    follow(sample);
    answeredAt = nanoTime.getAsLong();
    seenAt = answeredAt;
    if (!wasKnown) {
      log.atInfo().log("the time of the database is known again");
    }
  }

  private void follow(Sample sample) {
    long now = nanoTime.getAsLong();
    long believed = ahead.at(now);
    long error = sample.took <= SLOW ? 0 : sample.took / 2;
    long target = Math.clamp(believed, sample.ahead - error, sample.ahead + error);
    long step = target - believed;
    boolean slowly = step < 0 && -step <= SET_BACK.toNanos();
    if (Math.abs(step) > STEP) {
      log.atWarn()
          .addKeyValue("step", Duration.ofNanos(step))
          .log("the clock of the database or of this machine was set, or it is another database");
    }
    if (step > STEP) {
      unsettledUntil = now + UNSETTLED.toNanos();
    }
    ahead = new Ahead(now, slowly ? believed : target, target);
  }

  /** Of some answers the fastest; of some more when all were slow. */
  private Sample measured() {
    Sample best = null;
    for (int i = 0; i < MOST_SAMPLES && (i < SAMPLES || isSlow(best)); i++) {
      long before = nanoTime.getAsLong();
      Instant then;
      try {
        then = database.instant();
      } catch (RuntimeException e) {
        if (best == null) {
          throw e;
        }
        return best;
      }
      long took = nanoTime.getAsLong() - before;
      if (best == null || took < best.took) {
        best = new Sample(nanosOf(then) - (before + took / 2), took);
      }
    }
    if (best == null) {
      throw new IllegalStateException("no answer");
    }
    return best;
  }

  private static boolean isSlow(@Nullable Sample best) {
    return best != null && best.took > SLOW;
  }

  private static long nanosOf(Instant time) {
    return Math.addExact(Math.multiplyExact(time.getEpochSecond(), 1_000_000_000L), time.getNano());
  }

  /**
   * Whether the database has answered lately, and what others hold can be told by its time. If not
   * nothing may be claimed.
   */
  public boolean isKnown() {
    long now = nanoTime.getAsLong();
    return now - answeredAt <= KNOWN_FOR.toNanos()
        && !hasStoodStill(now)
        && now - unsettledUntil >= 0;
  }

  /** The present time in whole milliseconds. */
  @Override
  public Instant instant() {
    long nanos = nanoTime.getAsLong();
    if (hasStoodStill(nanos) && isStarted && awakening.compareAndSet(false, true)) {
      awaken();
    }
    return Instant.ofEpochMilli(Math.floorDiv(nanos + ahead.at(nanos), NANOS_PER_MILLI));
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
