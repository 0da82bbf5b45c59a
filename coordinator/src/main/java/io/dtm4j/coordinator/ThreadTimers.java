package io.dtm4j.coordinator;

import java.time.Duration;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor.DiscardPolicy;
import java.util.concurrent.TimeUnit;

/** Timers of the real time, on one daemon thread. Thread-safe. */
public final class ThreadTimers implements Timers, AutoCloseable {
  private final ScheduledThreadPoolExecutor thread =
      new ScheduledThreadPoolExecutor(
          1, Thread.ofPlatform().name("timers").daemon().factory(), new DiscardPolicy());

  public ThreadTimers() {
    thread.setRemoveOnCancelPolicy(true);
    thread.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
  }

  @Override
  public Timer after(Duration delay, Runnable action) {
    long nanos = Math.max(0, delay.toNanos());
    ScheduledFuture<?> future = thread.schedule(action, nanos, TimeUnit.NANOSECONDS);
    return () -> future.cancel(false);
  }

  /** No timer fires any more; those that are set later never do. */
  @Override
  public void close() {
    thread.shutdownNow();
  }
}
