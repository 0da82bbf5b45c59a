package io.dtm4j.coordinator;

import java.time.Duration;

/** A process of the simulation: what it has planned dies with it, and waits while it is paused. */
final class VirtualProcess {
  private final VirtualTime time;
  private boolean dead;
  private Duration pausedUntil = Duration.ZERO;

  VirtualProcess(VirtualTime time) {
    this.time = time;
  }

  /** Runs the action in this process when that much time has passed. */
  void after(Duration delay, Runnable action) {
    time.after(delay, () -> run(action));
  }

  private void run(Runnable action) {
    if (dead) {
      return;
    }
    Duration pause = pausedUntil.minus(time.passed());
    if (pause.isPositive()) {
      time.after(pause, () -> run(action));
    } else {
      action.run();
    }
  }

  /** It runs no more. */
  void die() {
    dead = true;
  }

  boolean isDead() {
    return dead;
  }

  /** It stands still for at least that long, while its clocks go on. */
  void pause(Duration length) {
    Duration end = time.passed().plus(length);
    if (end.compareTo(pausedUntil) > 0) {
      pausedUntil = end;
    }
  }
}
