package io.dtm4j.store;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Nanoseconds that pass, for what others share: leases go on while this machine does not. Mostly it
 * is the monotonic clock; but that stands still with a virtual machine that is paused or moved, and
 * with a computer that sleeps. So where the wall clock has run ahead of it by more than half a
 * second between two looks, this much has passed as well. A wall clock that is set forward looks
 * the same: then leases are renewed before anything more is called by them, and waits end early.
 * One that is set back changes nothing. Thread-safe.
 */
public final class ElapsedTime implements LongSupplier {
  private static final long TOLERATED = TimeUnit.MILLISECONDS.toNanos(500);

  /** Wall clocks are made a little slower or faster to keep them right; that is no jump. */
  private static final long LOOK_EVERY = TimeUnit.SECONDS.toNanos(1);

  private final LongSupplier nanoTime;
  private final LongSupplier wallMillis;
  private volatile Look last;

  /**
   * What was seen when it was looked last.
   *
   * @param at by the monotonic clock
   * @param wallAhead how far the wall clock was ahead of it
   * @param missed what the monotonic clock has not counted so far
   */
  private record Look(long at, long wallAhead, long missed) {}

  /** By the clocks of this machine. */
  public ElapsedTime() {
    this(System::nanoTime, System::currentTimeMillis);
  }

  /**
   * @param nanoTime the monotonic clock, in nanoseconds
   * @param wallMillis the wall clock, in milliseconds
   */
  ElapsedTime(LongSupplier nanoTime, LongSupplier wallMillis) {
    this.nanoTime = nanoTime;
    this.wallMillis = wallMillis;
    long now = nanoTime.getAsLong();
    last = new Look(now, wallAhead(now), 0);
  }

  private long wallAhead(long now) {
    return TimeUnit.MILLISECONDS.toNanos(wallMillis.getAsLong()) - now;
  }

  @Override
  public long getAsLong() {
    Look before = last;
    long now = nanoTime.getAsLong();
    long wallAhead = wallAhead(now);
    if (now - before.at > LOOK_EVERY || wallAhead - before.wallAhead > TOLERATED) {
      look();
    }
    return now + last.missed;
  }

  private synchronized void look() {
    Look before = last;
    long now = nanoTime.getAsLong();
    long wallAhead = wallAhead(now);
    if (nanoTime.getAsLong() - now > TOLERATED / 5) {
      return; // this thread stood still between the two clocks, which says nothing
    }
    long jump = wallAhead - before.wallAhead;
    last = new Look(now, wallAhead, before.missed + (jump > TOLERATED ? jump : 0));
  }

  /** The clock that timers and deadlines of this machine go by, which may be another one. */
  public static LongSupplier ofTimers(LongSupplier time) {
    return time instanceof ElapsedTime elapsed ? elapsed.nanoTime : time;
  }
}
