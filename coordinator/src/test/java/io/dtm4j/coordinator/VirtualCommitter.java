package io.dtm4j.coordinator;

import io.dtm4j.model.Batch;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.Committer;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.FaultyStore;
import io.dtm4j.store.FaultyStore.Fault;
import io.dtm4j.store.LaneWork;
import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The work of a real lane in virtual time: the weather decides what becomes of each attempt, the
 * lane what follows from that.
 */
final class VirtualCommitter implements Committer {
  private static final Duration PAUSE = Duration.ofMillis(50);

  /** What takes longer may keep others waiting that need it. */
  private static final Duration SLOW = Duration.ofMillis(500);

  /** Told of batches. */
  interface Listener {
    void handedOver(Batch batch);

    /** Whoever has handed it over is told what came of it. */
    default void settled(Batch batch, CommitResult result) {}
  }

  private final VirtualTime time;
  private final VirtualProcess process;
  private final Weather weather;
  private final TransactionStore store;
  private final Listener listener;
  private final @Nullable Disk disk;
  private final @Nullable SharedWrites inSteps;

  /** As whoever does not hear from it sees the store. */
  private final TransactionStore unheard;

  private final LaneWork work = new LaneWork();
  private final Deque<Instant> handedOverAt = new ArrayDeque<>();
  private boolean busy;
  private @Nullable Instant repeatingSince;

  /**
   * @param disk below the store; null: the store is elsewhere
   * @param listener told of every batch
   */
  VirtualCommitter(
      VirtualTime time,
      VirtualProcess process,
      Weather weather,
      TransactionStore store,
      @Nullable Disk disk,
      Listener listener) {
    this(time, process, weather, store, disk, null, listener);
  }

  /**
   * The same.
   *
   * @param inSteps how writes take effect; null: each in one moment
   */
  VirtualCommitter(
      VirtualTime time,
      VirtualProcess process,
      Weather weather,
      TransactionStore store,
      @Nullable Disk disk,
      @Nullable SharedWrites inSteps,
      Listener listener) {
    this.time = time;
    this.process = process;
    this.weather = weather;
    this.store = StoreFaults.before(store);
    this.disk = disk;
    this.inSteps = inSteps;
    unheard = new FaultyStore(store, _ -> Fault.AFTER_EFFECT);
    this.listener = listener;
  }

  @Override
  public void commit(Batch batch, EventLoop loop, Consumer<CommitResult> done) {
    listener.handedOver(batch);
    handOver(
        LaneWork.job(
            batch,
            loop,
            result -> {
              listener.settled(batch, result);
              done.accept(result);
            }));
  }

  @Override
  public <T extends @Nullable Object> void perform(
      Function<TransactionStore, T> something,
      EventLoop loop,
      Consumer<T> done,
      Consumer<Throwable> failed) {
    handOver(LaneWork.job(something, loop, done, failed));
  }

  private void handOver(LaneWork.Job job) {
    handedOverAt.add(time.instant());
    work.add(List.of(job));
    if (!busy) {
      busy = true;
      process.after(Duration.ZERO, this::goOn);
    }
  }

  /** After an unknown outcome: a store that is embedded is closed and opened before. */
  private void goOnAfterTrouble() {
    if (disk != null) {
      disk.open();
    }
    goOn();
  }

  private void goOn() {
    LaneWork.Try next = work.next();
    tell();
    if (next == null) {
      busy = false;
    } else {
      attempt(next);
    }
  }

  private void tell() {
    List<LaneWork.Job> finished = work.takeFinished();
    finished.forEach(_ -> handedOverAt.remove());
    LaneWork.tell(finished);
  }

  private void attempt(LaneWork.Try next) {
    if (inSteps != null) {
      inSteps.send(next, process, weather, this::ended);
      return;
    }
    Fault fault = weather.nextWrite();
    Duration there = fault == Fault.LATE_EFFECT ? weather.lateness() : weather.write();
    if (fault == Fault.NONE) {
      Duration thereAndBack = there.plus(weather.write());
      if (thereAndBack.compareTo(SLOW) > 0) {
        process.disturbed(thereAndBack);
      }
      var outcome = new AtomicReference<LaneWork.@Nullable Outcome>();
      time.after(there, () -> outcome.set(takeEffect(next)));
      process.after(thereAndBack, () -> ended(outcome.get()));
    } else {
      if (fault != Fault.BEFORE_EFFECT) {
        time.after(there, () -> takeEffectUnheard(next));
      }
      Duration failsAfter = weather.write().plus(weather.write());
      process.disturbed(failsAfter.plus(PAUSE));
      process.after(failsAfter, () -> ended(null));
    }
  }

  /** It has reached the store; null: it is lost, or failed. */
  private LaneWork.@Nullable Outcome takeEffect(LaneWork.Try what) {
    return isLostWithItsSender() ? null : whatBecomesOf(what);
  }

  /** Sends it again at once while its outcome is not known: only {@link StoreFaults} does that. */
  private LaneWork.Outcome whatBecomesOf(LaneWork.Try what) {
    while (true) {
      try {
        return what.on(store);
      } catch (OutcomeUnknownException _) {
        // the same again, before anything else
      }
    }
  }

  private boolean isLostWithItsSender() {
    return process.isDead() && (disk != null || weather.diesWithSender());
  }

  private void takeEffectUnheard(LaneWork.Try what) {
    if (isLostWithItsSender()) {
      return;
    }
    if (disk == null) {
      writeUnheard(what);
    } else {
      disk.syncFails(() -> writeUnheard(what));
    }
  }

  private void writeUnheard(LaneWork.Try what) {
    try {
      var _ = what.on(unheard);
    } catch (OutcomeUnknownException _) {
      // nobody is told anything
    }
  }

  /** How an attempt ended; null: nobody knows. */
  private void ended(LaneWork.@Nullable Outcome outcome) {
    if (outcome == null) {
      if (repeatingSince == null) {
        repeatingSince = time.instant();
      }
      process.after(PAUSE, this::goOnAfterTrouble);
    } else {
      repeatingSince = null;
      work.settle(outcome);
      tell();
      goOn();
    }
  }

  @Override
  public int backlog() {
    return handedOverAt.size();
  }

  @Override
  public Duration expectedWait() {
    Instant first = handedOverAt.peek();
    return first == null ? Duration.ZERO : Duration.between(first, time.instant());
  }

  @Override
  public @Nullable Instant repeatingSince() {
    return repeatingSince;
  }
}
