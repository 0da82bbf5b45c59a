package io.dtm4j.crash;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waits for what another process does. */
final class Await {
  private static final long PAUSE_NANOS = 10_000_000;
  private static final long LONG_PAUSE_NANOS = 100_000_000;

  private Await() {}

  /** Returns once it holds; an error when it does not in time. */
  static void until(String what, Duration atMost, BooleanSupplier holds) {
    until(() -> what, atMost, PAUSE_NANOS, holds);
  }

  /** The same for what costs others their time when it is looked at all the time. */
  static void nowAndThenUntil(String what, Duration atMost, BooleanSupplier holds) {
    nowAndThenUntil(() -> what, atMost, holds);
  }

  /**
   * The same.
   *
   * @param what is asked for when it does not hold in time
   */
  static void nowAndThenUntil(Supplier<String> what, Duration atMost, BooleanSupplier holds) {
    until(what, atMost, LONG_PAUSE_NANOS, holds);
  }

  private static void until(
      Supplier<String> what, Duration atMost, long pause, BooleanSupplier holds) {
    long deadline = System.nanoTime() + atMost.toNanos();
    while (!holds.getAsBoolean()) {
      if (System.nanoTime() - deadline > 0) {
        throw new AssertionError("not within " + atMost + ": " + what.get());
      }
      LockSupport.parkNanos(pause);
    }
  }

  /** Lets so much time pass: load runs meanwhile. */
  static void pass(Duration time) {
    long deadline = System.nanoTime() + time.toNanos();
    while (System.nanoTime() - deadline < 0) {
      LockSupport.parkNanos(PAUSE_NANOS);
    }
  }
}
