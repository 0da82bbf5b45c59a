package io.dtm4j.coordinator;

import io.dtm4j.store.EventLoop;
import java.util.ArrayDeque;
import java.util.Deque;

/** An event loop in virtual time: one task after another, each an event of its own. */
final class VirtualLoop implements EventLoop {
  private final VirtualProcess process;
  private final Weather weather;
  private final Deque<Runnable> tasks = new ArrayDeque<>();
  private boolean current;
  private boolean held;

  VirtualLoop(VirtualProcess process, Weather weather) {
    this.process = process;
    this.weather = weather;
  }

  @Override
  public void execute(Runnable task) {
    tasks.add(task);
    if (tasks.size() == 1) {
      process.after(weather.hop(), this::runNext);
    }
  }

  /** From now on it is busy with something else. */
  void hold() {
    held = true;
  }

  /** It comes to its tasks again. */
  void goOn() {
    held = false;
    if (!tasks.isEmpty()) {
      process.after(weather.hop(), this::runNext);
    }
  }

  private void runNext() {
    if (held) {
      return;
    }
    current = true;
    try {
      tasks.element().run();
    } finally {
      current = false;
      tasks.remove();
      if (!tasks.isEmpty()) {
        process.after(weather.hop(), this::runNext);
      }
    }
  }

  @Override
  public boolean isCurrent() {
    return current;
  }
}
