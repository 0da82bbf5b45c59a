package io.dtm4j.store;

import static java.util.Objects.requireNonNull;
import static java.util.concurrent.TimeUnit.SECONDS;

import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;

/** An event loop whose tasks the test runs. */
class TestLoop implements EventLoop {
  private final LinkedBlockingQueue<Runnable> queue = new LinkedBlockingQueue<>();
  private final AtomicInteger tasks = new AtomicInteger();

  @Override
  public void execute(Runnable task) {
    tasks.incrementAndGet();
    queue.add(task);
  }

  @Override
  public boolean isCurrent() {
    return false;
  }

  int tasks() {
    return tasks.get();
  }

  void runNext() throws InterruptedException {
    requireNonNull(queue.poll(10, SECONDS), "nothing came").run();
  }

  void runUntil(BooleanSupplier condition) throws InterruptedException {
    while (!condition.getAsBoolean()) {
      runNext();
    }
  }
}
