package io.dtm4j.coordinator;

import java.time.Duration;

/** A process of the simulation: what it has planned dies with it, and waits while it is paused. */
final class VirtualProcess {
  private final VirtualTime time;
  private boolean dead;
  private Duration pausedUntil = Duration.ZERO;
  private Duration disturbedUntil = Duration.ZERO;

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
    disturbed(length);
  }

  /** For that long something goes wrong for it, or is slow. */
  void disturbed(Duration length) {
    Duration end = time.passed().plus(length);
    if (end.compareTo(disturbedUntil) > 0) {
      disturbedUntil = end;
    }
  }

  /** Whether all has gone well for it in that time. */
  boolean isUndisturbedFor(Duration length) {
    return disturbedUntil.plus(length).compareTo(time.passed()) < 0
        && time.passed().compareTo(length) > 0;
  }
}
