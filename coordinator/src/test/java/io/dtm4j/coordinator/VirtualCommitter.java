package io.dtm4j.coordinator;

import io.dtm4j.model.Batch;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.Committer;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.StoreRejectedException;
import io.dtm4j.store.TransactionStore;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A committer with one lane in virtual time. The weather decides what becomes of each attempt; what
 * has no definite outcome is sent again, the very same, before anything else (R6).
 */
final class VirtualCommitter implements Committer {
  private static final Duration PAUSE = Duration.ofMillis(50);

  /** What takes longer may keep others waiting that need it. */
  private static final Duration SLOW = Duration.ofMillis(500);

  private final VirtualTime time;
  private final VirtualProcess process;
  private final Weather weather;
  private final TransactionStore store;
  private final Consumer<Batch> handedOver;
  private final Deque<Job> waiting = new ArrayDeque<>();
  private int backlog;
  private boolean busy;
  private @Nullable Instant repeatingSince;

  /**
   * @param handedOver told of every batch
   */
  VirtualCommitter(
      VirtualTime time,
      VirtualProcess process,
      Weather weather,
      TransactionStore store,
      Consumer<Batch> handedOver) {
    this.time = time;
    this.process = process;
    this.weather = weather;
    this.store = store;
    this.handedOver = handedOver;
  }

  /** Something handed over, and how its loop is told what came of it. */
  private interface Job {
    /** Takes effect at the store; what is returned tells the result. */
    Runnable takeEffect(TransactionStore store);
  }

  @Override
  public void commit(Batch batch, EventLoop loop, Consumer<CommitResult> done) {
    handedOver.accept(batch);
    handOver(
        to -> {
          CommitResult result = resultOf(batch, to);
          return () -> loop.execute(() -> done.accept(result));
        });
  }

  private static CommitResult resultOf(Batch batch, TransactionStore store) {
    try {
      return store.commit(List.of(batch)).getFirst();
    } catch (StoreRejectedException e) {
      return new CommitResult.Rejected(String.valueOf(e.getMessage()));
    }
  }

  @Override
  public <T extends @Nullable Object> void perform(
      Function<TransactionStore, T> work,
      EventLoop loop,
      Consumer<T> done,
      Consumer<Throwable> failed) {
    handOver(
        to -> {
          try {
            T result = work.apply(to);
            return () -> loop.execute(() -> done.accept(result));
          } catch (OutcomeUnknownException e) {
            throw e; // by the weather
          } catch (RuntimeException e) {
            return () -> loop.execute(() -> failed.accept(e));
          }
        });
  }

  private void handOver(Job job) {
    backlog++;
    waiting.add(job);
    if (!busy) {
      busy = true;
      process.after(Duration.ZERO, this::sendWhatHasGathered);
    }
  }

  private void sendWhatHasGathered() {
    List<Job> group = List.copyOf(waiting);
    waiting.clear();
    send(group);
  }

  private void send(List<Job> group) {
    Weather.Fate fate = weather.nextWrite();
    List<Runnable> results = new ArrayList<>();
    Duration there = fate == Weather.Fate.LATE ? weather.lateness() : weather.write();
    if (fate == Weather.Fate.CONFIRMED) {
      Duration thereAndBack = there.plus(weather.write());
      if (thereAndBack.compareTo(SLOW) > 0) {
        process.disturbed(thereAndBack);
      }
      time.after(there, () -> takeEffect(group, results));
      process.after(thereAndBack, () -> confirmed(results));
    } else {
      if (fate != Weather.Fate.LOST) {
        time.after(there, () -> takeEffectUnconfirmed(group));
      }
      Duration failsAfter = weather.write().plus(weather.write());
      process.disturbed(failsAfter.plus(PAUSE));
      process.after(failsAfter, () -> unknown(group));
    }
  }

  private void takeEffect(List<Job> group, List<Runnable> results) {
    if (!process.isDead() || !weather.diesWithSender()) {
      group.forEach(job -> results.add(job.takeEffect(store)));
    }
  }

  private void takeEffectUnconfirmed(List<Job> group) {
    if (process.isDead() && weather.diesWithSender()) {
      return;
    }
    for (Job job : group) {
      try {
        var _ = job.takeEffect(unconfirmed());
      } catch (OutcomeUnknownException _) {
        // nobody is told anything
      }
    }
  }

  /** The store as whoever does not hear from it: what it does is done, then the call fails. */
  private TransactionStore unconfirmed() {
    InvocationHandler doesAndFails =
        (_, method, arguments) -> {
          try {
            var _ = method.invoke(store, arguments);
          } catch (InvocationTargetException e) {
            throw e.getCause();
          }
          throw new OutcomeUnknownException("on purpose", null);
        };
    return (TransactionStore)
        Proxy.newProxyInstance(
            TransactionStore.class.getClassLoader(),
            new Class<?>[] {TransactionStore.class},
            doesAndFails);
  }

  private void unknown(List<Job> group) {
    if (repeatingSince == null) {
      repeatingSince = time.instant();
    }
    process.after(PAUSE, () -> send(group));
  }

  private void confirmed(List<Runnable> results) {
    repeatingSince = null;
    backlog -= results.size();
    results.forEach(Runnable::run);
    if (waiting.isEmpty()) {
      busy = false;
    } else {
      sendWhatHasGathered();
    }
  }

  @Override
  public int backlog() {
    return backlog;
  }

  @Override
  public @Nullable Instant repeatingSince() {
    return repeatingSince;
  }
}
