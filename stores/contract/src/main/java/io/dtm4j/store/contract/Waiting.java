package io.dtm4j.store.contract;

import static java.util.concurrent.TimeUnit.SECONDS;

import io.dtm4j.model.Batch;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.Committer;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.TransactionStore;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** Lets a test wait for what other threads do; whatever takes longer than a minute fails. */
final class Waiting {
  private static final int LONGEST = 60;

  private Waiting() {}

  /** Hands a batch over and waits for its result. */
  static CommitResult commit(Committer committer, Batch batch) {
    var result = new CompletableFuture<CommitResult>();
    committer.commit(batch, OnTheSpot.INSTANCE, result::complete);
    return get(result);
  }

  /** Hands other work over and waits for its result. */
  static <T> T perform(Committer committer, Function<TransactionStore, T> work) {
    var result = new CompletableFuture<T>();
    committer.perform(work, OnTheSpot.INSTANCE, result::complete, result::completeExceptionally);
    return get(result);
  }

  static <T extends @Nullable Object> T get(Future<T> future) {
    try {
      return future.get(LONGEST, SECONDS);
    } catch (InterruptedException | ExecutionException | TimeoutException e) {
      throw new AssertionError(e);
    }
  }

  /** Waits on the thread of a lane. */
  static boolean await(CountDownLatch latch) {
    try {
      return latch.await(LONGEST, SECONDS);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** A loop that runs what it gets on the thread that brings it. */
  static EventLoop onTheSpot() {
    return OnTheSpot.INSTANCE;
  }

  /**
   * Runs two things at the same time, again and again; each round is checked when both are done.
   */
  static void race(int rounds, IntConsumer one, IntConsumer other, IntConsumer check) {
    var start = new CyclicBarrier(2);
    try (var thread = Executors.newSingleThreadExecutor()) {
      for (int i = 0; i < rounds; i++) {
        int round = i;
        Future<?> rival =
            thread.submit(
                () -> {
                  await(start);
                  other.accept(round);
                });
        await(start);
        one.accept(round);
        get(rival);
        check.accept(round);
      }
    }
  }

  private static void await(CyclicBarrier barrier) {
    try {
      barrier.await(LONGEST, SECONDS);
    } catch (InterruptedException | BrokenBarrierException | TimeoutException e) {
      throw new AssertionError(e);
    }
  }

  private enum OnTheSpot implements EventLoop {
    INSTANCE;

    @Override
    public void execute(Runnable task) {
      task.run();
    }

    @Override
    public boolean isCurrent() {
      return true;
    }
  }
}
