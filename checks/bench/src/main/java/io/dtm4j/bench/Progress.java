package io.dtm4j.bench;

import java.io.PrintWriter;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * Waits, and says meanwhile how far things are: on a terminal in one line that is rewritten each
 * second, elsewhere in a line every ten seconds.
 */
final class Progress {
  private static final Duration POLL = Duration.ofMillis(20);

  private final PrintWriter err;
  private final boolean terminal;
  private final Duration step;

  Progress(PrintWriter err, boolean terminal) {
    this.err = err;
    this.terminal = terminal;
    this.step = Duration.ofSeconds(terminal ? 1 : 10);
  }

  /** Waits until {@code length} is over; {@code done} counts transactions, for the speed shown. */
  void during(String what, Duration length, LongSupplier done) throws InterruptedException {
    long start = System.nanoTime();
    long shown = 0;
    long shownDone = 0;
    for (long left = length.toNanos();
        left > 0;
        left = start + length.toNanos() - System.nanoTime()) {
      Thread.sleep(Duration.ofNanos(Math.min(left, step.toNanos())));
      long now = System.nanoTime() - start;
      if (now < length.toNanos()) {
        long count = done.getAsLong();
        double perSecond = (count - shownDone) / ((now - shown) / 1e9);
        show(
            "%s %.0f/%.0f s  %,.0f/s"
                .formatted(what, now / 1e9, length.toNanos() / 1e9, perSecond));
        shown = now;
        shownDone = count;
      }
    }
    clear();
  }

  /** Waits until {@code reached}, at most {@code limit}. */
  void until(String what, Duration limit, BooleanSupplier reached) throws InterruptedException {
    long start = System.nanoTime();
    long shown = 0;
    while (!reached.getAsBoolean()) {
      long now = System.nanoTime() - start;
      if (now > limit.toNanos()) {
        break;
      }
      if (now - shown > step.toNanos()) {
        show("%s %.0f/%.0f s".formatted(what, now / 1e9, limit.toNanos() / 1e9));
        shown = now;
      }
      Thread.sleep(POLL);
    }
    clear();
  }

  private void show(String line) {
    if (terminal) {
      err.print("\r\033[K" + line);
    } else {
      err.println(line);
    }
    err.flush();
  }

  private void clear() {
    if (terminal) {
      err.print("\r\033[K");
      err.flush();
    }
  }
}
