package io.dtm4j.store;

import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs blocking reads of a store away from the event loops, on a few platform threads (native
 * stores would pin virtual ones). Thread-safe; never blocks the caller.
 */
public final class StoreReaders implements Reads, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(StoreReaders.class);
  private static final Duration CLOSE_WITHIN = Duration.ofSeconds(5);

  private final ThreadPoolExecutor threads;

  /**
   * @param threads reads that run at the same time
   * @param waiting reads that may wait for a thread; one more is refused at once
   */
  public StoreReaders(int threads, int waiting) {
    this.threads =
        new ThreadPoolExecutor(
            threads,
            threads,
            0,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(waiting),
            Thread.ofPlatform().name("store-reader-", 1).daemon().factory());
  }

  /** {@inheritDoc} A read is not begun when too many wait already, or this is closed. */
  @Override
  public <T extends @Nullable Object> void submit(
      Supplier<T> read, EventLoop loop, Consumer<T> done, Consumer<Throwable> failed) {
    var task = new Read<>(read, loop, done, failed);
    try {
      threads.execute(task);
    } catch (RejectedExecutionException e) {
      task.refuse(threads.isShutdown() ? "the store readers are closed" : "too many reads wait", e);
    }
  }

  /** Reads that wait for a thread. */
  public int waiting() {
    return threads.getQueue().size();
  }

  /** Lets running reads end, for a bounded time; those that still wait are refused. */
  @Override
  public void close() {
    threads.shutdown();
    var waiting = new ArrayList<Runnable>();
    threads.getQueue().drainTo(waiting);
    for (Runnable task : waiting) {
      ((Read<?>) task).refuse("the store readers are closed", null);
    }
    try {
      if (!threads.awaitTermination(CLOSE_WITHIN.toMillis(), TimeUnit.MILLISECONDS)) {
        log.atWarn().log("a read of the store does not end");
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private record Read<T extends @Nullable Object>(
      Supplier<T> read, EventLoop loop, Consumer<T> done, Consumer<Throwable> failed)
      implements Runnable {
    @Override
    public void run() {
      T result;
      try {
        result = read.get();
      } catch (Throwable e) {
        loop.execute(() -> failed.accept(e));
        return;
      }
      loop.execute(() -> done.accept(result));
    }

    void refuse(String why, @Nullable Throwable cause) {
      loop.execute(() -> failed.accept(new StoreUnavailableException(why, cause)));
    }
  }
}
