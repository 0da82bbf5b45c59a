package io.dtm4j.bench;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;

/**
 * Healthy transactions that come at a steady rate while the server has other work: in turns a saga,
 * whose first call is wanted at once, and a message that is due a little later. Tells how long each
 * kind waits for its call. Thread-safe.
 */
final class Arrivals {
  static final int DELAY_SECONDS = 1;

  private static final long PAUSE_NANOS = 2_000_000;
  private static final int MOST = 300_000;
  private static final double NANOS_PER_MILLI = 1e6;

  private final IntConsumer submit;
  private final Thread thread = new Thread(this::run, "arrivals");

  /** When each call was wanted and when it came, by the monotonic clock; 0: not yet. */
  private final AtomicLongArray wanted = new AtomicLongArray(MOST);

  private final AtomicLongArray came = new AtomicLongArray(MOST);

  private volatile boolean over;

  /** How late calls came, in milliseconds. */
  record Late(int calls, double p50, double p99, double most) {
    @Override
    public String toString() {
      return "%,d calls, p50 %.1f ms, p99 %.1f ms, latest %.1f ms".formatted(calls, p50, p99, most);
    }
  }

  /**
   * @param submit begins the transaction of that number; whether it {@link #isDelayed}
   */
  Arrivals(IntConsumer submit) {
    this.submit = submit;
  }

  static boolean isDelayed(int number) {
    return number % 2 == 1;
  }

  void start() {
    thread.start();
  }

  /** The participant of a transaction has been called. */
  void called(int number) {
    came.compareAndSet(number, 0, System.nanoTime());
  }

  private void run() {
    long began = System.nanoTime();
    for (int number = 0; number < MOST && !over; number++) {
      LockSupport.parkNanos(began + number * PAUSE_NANOS - System.nanoTime());
      long delay = isDelayed(number) ? DELAY_SECONDS * 1_000_000_000L : 0;
      wanted.set(number, System.nanoTime() + delay);
      submit.accept(number);
    }
  }

  /** No more of them from now on. */
  void stop() throws InterruptedException {
    over = true;
    thread.join();
  }

  /** Whether all that were begun have been called. */
  boolean isComplete() {
    for (int number = 0; number < MOST && wanted.get(number) != 0; number++) {
      if (came.get(number) == 0) {
        return false;
      }
    }
    return true;
  }

  /** How late those calls came that were wanted in this span. */
  Late between(long from, long to, boolean delayed) {
    double[] late = new double[MOST];
    int calls = 0;
    for (int number = 0; number < MOST && wanted.get(number) != 0; number++) {
      long when = wanted.get(number);
      if (isDelayed(number) == delayed && when - from >= 0 && when - to < 0) {
        late[calls++] = (came.get(number) - when) / NANOS_PER_MILLI;
      }
    }
    if (calls == 0) {
      return new Late(0, 0, 0, 0);
    }
    Arrays.sort(late, 0, calls);
    return new Late(calls, late[calls / 2], late[(int) (calls * 0.99)], late[calls - 1]);
  }
}
