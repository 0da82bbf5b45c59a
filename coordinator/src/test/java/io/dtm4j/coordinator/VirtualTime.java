package io.dtm4j.coordinator;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.PriorityQueue;
import java.util.function.BooleanSupplier;

/**
 * Time that only passes when something is due: one thread, one queue, ordered by time and then by
 * when it was scheduled. The same input gives the same run, event by event.
 */
final class VirtualTime implements InstantSource {
  private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

  /** The monotonic clock begins just before its overflow, which it may do at any moment. */
  private static final long NANOS_AT_START = Long.MAX_VALUE - 10_000_000_000L;

  /** More events than that at one moment have no end. */
  private static final int MOST_AT_ONCE = 1_000_000;

  private record Due(long at, long number, Runnable action) implements Comparable<Due> {
    @Override
    public int compareTo(Due other) {
      return at != other.at ? Long.compare(at, other.at) : Long.compare(number, other.number);
    }
  }

  private final PriorityQueue<Due> queue = new PriorityQueue<>();
  private long passed;
  private long scheduled;
  private int atOnce;

  VirtualTime() {
    Violation.forget();
  }

  @Override
  public Instant instant() {
    return START.plusNanos(passed).truncatedTo(ChronoUnit.MILLIS);
  }

  /** How long it has been running. */
  Duration passed() {
    return Duration.ofNanos(passed);
  }

  /** The monotonic clock. */
  long nanoTime() {
    return NANOS_AT_START + passed;
  }

  /** Runs the action when that much time has passed. */
  void after(Duration delay, Runnable action) {
    queue.add(new Due(passed + Math.max(0, delay.toNanos()), scheduled++, action));
  }

  /** Lets that much time pass. */
  void run(Duration time) {
    long end = passed + time.toNanos();
    for (Due next = queue.peek(); next != null && next.at() <= end; next = queue.peek()) {
      runNext();
    }
    passed = end;
  }

  /**
   * Lets time pass until something is the case.
   *
   * @return false when it did not become so in that time
   */
  boolean runUntil(BooleanSupplier condition, Duration within) {
    long end = passed + within.toNanos();
    while (!condition.getAsBoolean()) {
      Due next = queue.peek();
      if (next == null || next.at() > end) {
        return false;
      }
      runNext();
    }
    return true;
  }

  private void runNext() {
    Due next = queue.remove();
    atOnce = next.at() == passed ? atOnce + 1 : 0;
    if (atOnce > MOST_AT_ONCE) {
      throw new Violation("time goes on", MOST_AT_ONCE + " events at " + instant());
    }
    passed = next.at();
    next.action().run();
    Violation.throwFirst();
  }
}
