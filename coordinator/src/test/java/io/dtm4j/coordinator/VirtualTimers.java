package io.dtm4j.coordinator;

import java.time.Duration;

/** Timers in virtual time. */
final class VirtualTimers implements Timers {
  private final VirtualProcess process;
  private final Weather weather;
  private int armed;

  VirtualTimers(VirtualProcess process, Weather weather) {
    this.process = process;
    this.weather = weather;
  }

  /** Timers that have neither fired nor been called off. */
  int armed() {
    return armed;
  }

  @Override
  public Timer after(Duration delay, Runnable action) {
    var timer = new OneTimer(action);
    if (!delay.isPositive()) {
      timer.fire(); // a thread of timers may be faster than the caller
      return timer;
    }
    process.after(delay.plus(weather.timerLateness(delay)), timer::fire);
    return timer;
  }

  private final class OneTimer implements Timer {
    private final Runnable action;
    private boolean over;

    OneTimer(Runnable action) {
      this.action = action;
      armed++;
    }

    void fire() {
      if (!over) {
        cancel();
        action.run();
      }
    }

    @Override
    public void cancel() {
      armed -= over ? 0 : 1;
      over = true;
    }
  }
}
