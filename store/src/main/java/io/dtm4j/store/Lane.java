package io.dtm4j.store;

import io.dtm4j.model.Batch;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One thread that makes batches durable, group by group.
 *
 * <p>Handing over pushes onto a stack by compare-and-set; the lane takes the whole stack at once
 * and turns it round, which keeps the order of each caller and costs one atomic step per group. An
 * idle lane parks; only a caller that sees it parked pays for waking it. (A blocking queue cost 20
 * % more CPU per transaction.)
 */
final class Lane {
  private static final Logger log = LoggerFactory.getLogger(Lane.class);
  private static final int LARGE_GROUP = 64;
  private static final long FIRST_PAUSE_MILLIS = 50;
  private static final long LONGEST_PAUSE_MILLIS = 1_000;

  private final TransactionStore store;
  private final CommitObserver observer;
  private final Consumer<Duration> pause;
  private final LongSupplier nanoTime;
  private final Thread thread;

  private final AtomicReference<LaneWork.@Nullable Job> newest = new AtomicReference<>();
  private final AtomicInteger backlog = new AtomicInteger();
  private volatile boolean parked;
  private volatile boolean finishing;
  private volatile boolean abandoned;
  private volatile boolean ended;
  private volatile @Nullable Instant repeatingSince;

  /** When the first of what is at the store was handed over, by the monotonic clock; 0: nothing. */
  private volatile long oldest;

  /** What each batch of a group has taken lately; 0: not known. */
  private volatile long nanosPerBatch;

  // Below: the lane's own thread only.
  private final LaneWork work = new LaneWork();
  private int failures;

  Lane(String name, TransactionStore store, CommitObserver observer) {
    this(name, store, observer, time -> LockSupport.parkNanos(time.toNanos()), System::nanoTime);
  }

  /**
   * @param observer told what is worth counting
   * @param pause lets the lane's thread wait between two attempts; may return early
   * @param nanoTime the monotonic clock, in nanoseconds
   */
  Lane(
      String name,
      TransactionStore store,
      CommitObserver observer,
      Consumer<Duration> pause,
      LongSupplier nanoTime) {
    this.store = store;
    this.observer = observer;
    this.pause = pause;
    this.nanoTime = nanoTime;
    thread = Thread.ofPlatform().name(name).daemon().start(this::run);
  }

  void commit(Batch batch, EventLoop loop, Consumer<CommitResult> done) {
    handOver(LaneWork.job(batch, loop, done));
  }

  <T extends @Nullable Object> void perform(
      Function<TransactionStore, T> something,
      EventLoop loop,
      Consumer<T> done,
      Consumer<Throwable> failed) {
    handOver(LaneWork.job(something, loop, done, failed));
  }

  int backlog() {
    return backlog.get();
  }

  Duration expectedWait() {
    long since = oldest;
    long waited = since == 0 ? 0 : nanoTime.getAsLong() - since;
    return Duration.ofNanos(Math.max(waited, backlog.get() * nanosPerBatch));
  }

  @Nullable Instant repeatingSince() {
    return repeatingSince;
  }

  /** Ends the lane as soon as everything handed over is done. */
  void finish() {
    finishing = true;
    LockSupport.unpark(thread);
  }

  /** Whether the lane has ended in time; if not, it gives up as soon as the store lets it. */
  boolean awaitEnd(Duration time) {
    try {
      if (thread.join(time)) {
        return backlog.get() == 0;
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    abandoned = true;
    LockSupport.unpark(thread);
    return false;
  }

  private void handOver(LaneWork.Job job) {
    backlog.incrementAndGet();
    job.handedOver = nanoTime.getAsLong();
    do {
      job.before = newest.get();
    } while (!newest.compareAndSet(job.before, job));
    if (ended) {
      handBack(LaneWork.refused(takeAll()));
    } else if (parked) {
      parked = false; // whoever comes next need not wake it again
      LockSupport.unpark(thread);
    }
  }

  /** What was handed over since the last time, in the order in which it came. */
  private List<LaneWork.Job> takeAll() {
    var jobs = new ArrayList<LaneWork.Job>();
    for (LaneWork.Job job = newest.getAndSet(null); job != null; job = job.before) {
      jobs.add(job);
    }
    return jobs.reversed();
  }

  private void run() {
    try {
      while (!abandoned) {
        work.add(takeAll());
        LaneWork.Try next = work.next();
        handBack(work.takeFinished());
        oldest = next == null ? 0 : next.handedOver() | 1;
        if (next != null) {
          attempt(next);
        } else if (finishing) {
          break;
        } else {
          rest();
        }
      }
    } catch (Throwable e) {
      log.atError().setCause(e).log("a commit lane died; restart the server");
    }
    // What was under way has no outcome when the lane is abandoned; close() reports it.
    ended = true;
    work.add(takeAll());
    handBack(LaneWork.refused(work.takeRest()));
  }

  private void rest() {
    parked = true;
    if (newest.get() == null && !finishing) {
      LockSupport.park(this);
    }
    parked = false;
  }

  private void attempt(LaneWork.Try next) {
    long began = nanoTime.getAsLong();
    LaneWork.Outcome outcome;
    try {
      outcome = next.on(store);
      if (outcome instanceof LaneWork.Outcome.Committed committed) {
        long took = nanoTime.getAsLong() - began;
        notePace(committed.results().size(), took);
        observer.committed(committed.results().size(), took);
      }
    } catch (Throwable e) { // also of the observer: what is stored is found by the repeat
      failed(e);
      return;
    }
    if (failures > 0) {
      repeatingSince = null;
      log.atInfo().addKeyValue("attempts", failures + 1).log("the outcome is known now");
      failures = 0;
    }
    work.settle(outcome);
    handBack(work.takeFinished());
  }

  /**
   * Of a small group most of the time is that of the sync, which a large one takes once, too: it
   * tells only that the store is no slower than that. A few batches may be large as well.
   */
  private void notePace(int batches, long nanos) {
    long each = nanos / batches;
    if (batches >= LARGE_GROUP || work.isFull() || each < nanosPerBatch) {
      nanosPerBatch = each;
    }
  }

  /** The outcome is not known: it is tried again after a pause. */
  private void failed(Throwable e) {
    failures++;
    observer.repeated();
    if (failures == 1) {
      repeatingSince = store.storeTime();
      log.atWarn().setCause(e).log("outcome of a write is not known, it is sent again");
    } else if (Integer.bitCount(failures) == 1) { // less and less often
      log.atWarn()
          .addKeyValue("attempts", failures)
          .addKeyValue("cause", e)
          .log("outcome of a write is still not known");
    }
    pause.accept(Duration.ofMillis(pauseMillis(failures)));
  }

  private static long pauseMillis(int failures) {
    long doubled = FIRST_PAUSE_MILLIS << Math.min(failures - 1, 10);
    return Math.min(doubled, LONGEST_PAUSE_MILLIS);
  }

  private void handBack(List<LaneWork.Job> finished) {
    if (!finished.isEmpty()) {
      backlog.addAndGet(-finished.size());
      LaneWork.tell(finished);
    }
  }
}
