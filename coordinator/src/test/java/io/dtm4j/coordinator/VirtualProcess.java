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
    after(delay, action, () -> {});
  }

  /**
   * The same.
   *
   * @param ifDead what happens instead, elsewhere, when the process is dead by then
   */
  void after(Duration delay, Runnable action, Runnable ifDead) {
    time.after(delay, () -> run(action, ifDead));
  }

  private void run(Runnable action, Runnable ifDead) {
    if (dead) {
      ifDead.run();
      return;
    }
    Duration pause = pausedUntil.minus(time.passed());
    if (pause.isPositive()) {
      time.after(pause, () -> run(action, ifDead));
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
