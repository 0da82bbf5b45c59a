package io.dtm4j.coordinator;

import java.time.Duration;

/** Runs things later, never early. Any thread. */
public interface Timers {
  /** A timer that may be called off; calling it off late does nothing. */
  interface Timer {
    void cancel();
  }

  /** Runs the action once after the delay, on a thread of the timers: it hands over at once. */
  Timer after(Duration delay, Runnable action);
}
