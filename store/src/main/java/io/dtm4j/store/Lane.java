package io.dtm4j.store;

import static java.util.Objects.requireNonNull;

import io.dtm4j.model.Attempt;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Payload;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
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
  static final int MAX_BATCHES = 1_024;
  static final long MAX_BYTES = 8L << 20;

  private static final Logger log = LoggerFactory.getLogger(Lane.class);
  private static final long FIRST_PAUSE_MILLIS = 50;
  private static final long LONGEST_PAUSE_MILLIS = 1_000;
  private static final long BYTES_PER_WRITE = 100;

  private final TransactionStore store;
  private final CommitObserver observer;
  private final Consumer<Duration> pause;
  private final Thread thread;

  private final AtomicReference<@Nullable Job> newest = new AtomicReference<>();
  private final AtomicInteger backlog = new AtomicInteger();
  private volatile boolean parked;
  private volatile boolean finishing;
  private volatile boolean abandoned;
  private volatile boolean ended;
  private volatile @Nullable Instant repeatingSince;

  // Below: the lane's own thread only.
  private final ArrayDeque<Job> gathered = new ArrayDeque<>();
  private final Map<Gid, CommitResult.Rejected> broken = new HashMap<>();

  Lane(String name, TransactionStore store, CommitObserver observer) {
    this(name, store, observer, time -> LockSupport.parkNanos(time.toNanos()));
  }

  /**
   * @param observer told what is worth counting
   * @param pause lets the lane's thread wait between two attempts; may return early
   */
  Lane(String name, TransactionStore store, CommitObserver observer, Consumer<Duration> pause) {
    this.store = store;
    this.observer = observer;
    this.pause = pause;
    thread = Thread.ofPlatform().name(name).daemon().start(this::run);
  }

  void commit(Batch batch, EventLoop loop, Consumer<CommitResult> done) {
    handOver(new BatchJob(batch, loop, done));
  }

  <T extends @Nullable Object> void perform(
      Function<TransactionStore, T> work,
      EventLoop loop,
      Consumer<T> done,
      Consumer<Throwable> failed) {
    handOver(new OtherJob<>(work, loop, done, failed));
  }

  int backlog() {
    return backlog.get();
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

  private void handOver(Job job) {
    backlog.incrementAndGet();
    do {
      job.next = newest.get();
    } while (!newest.compareAndSet(job.next, job));
    if (ended) {
      refuse(takeAll());
    } else if (parked) {
      parked = false; // whoever comes next need not wake it again
      LockSupport.unpark(thread);
    }
  }

  /** What was handed over since the last time, in the order in which it came. */
  private List<Job> takeAll() {
    var jobs = new ArrayList<Job>();
    for (Job job = newest.getAndSet(null); job != null; job = job.next) {
      jobs.add(job);
    }
    return jobs.reversed();
  }

  private void run() {
    try {
      while (!abandoned) {
        gathered.addAll(takeAll());
        Job next = gathered.peek();
        if (next == null && finishing) {
          break;
        } else if (next == null) {
          rest();
        } else if (next instanceof OtherJob<?> other) {
          gathered.remove();
          perform(other);
        } else {
          commitGroup();
        }
      }
    } catch (Abandoned _) {
      // what was under way has no outcome; close() reports it
    } catch (Throwable e) {
      log.atError().setCause(e).log("a commit lane died; restart the server");
    }
    ended = true;
    gathered.addAll(takeAll());
    refuse(List.copyOf(gathered));
  }

  private void refuse(List<Job> neverSent) {
    neverSent.forEach(Job::refuse);
    handBack(neverSent);
  }

  private void rest() {
    parked = true;
    if (newest.get() == null && !finishing) {
      LockSupport.park(this);
    }
    parked = false;
  }

  private void commitGroup() {
    var group = new ArrayList<BatchJob>();
    long bytes = 0;
    while (group.size() < MAX_BATCHES && gathered.peek() instanceof BatchJob job) {
      bytes += sizeOf(job.batch);
      if (bytes > MAX_BYTES && !group.isEmpty()) {
        break;
      }
      group.add(job);
      gathered.remove();
    }
    settle(group);
    if (!broken.isEmpty()) {
      gathered.addAll(takeAll());
      rejectBroken(gathered);
      broken.clear();
    }
  }

  /** Brings a group to its definite outcome. */
  private void settle(List<BatchJob> group) {
    List<Batch> batches = group.stream().map(job -> job.batch).toList();
    try {
      List<CommitResult> results =
          insist(() -> commit(batches), e -> !(e instanceof StoreRejectedException));
      for (int i = 0; i < results.size(); i++) {
        group.get(i).result = results.get(i);
      }
      handBack(group);
    } catch (StoreRejectedException e) {
      divide(group, e);
    }
  }

  private List<CommitResult> commit(List<Batch> batches) {
    HaltPoint.BEFORE_COMMIT.pass();
    long began = System.nanoTime();
    List<CommitResult> results = store.commit(batches);
    long took = System.nanoTime() - began;
    HaltPoint.AFTER_COMMIT_BEFORE_RESULT.pass();
    if (results.size() != batches.size()) {
      throw new IllegalStateException(
          results.size() + " results (expected: " + batches.size() + ")");
    }
    observer.committed(results.size(), took);
    return results;
  }

  /** Nothing of the group is stored: finds what is broken in it and commits the rest. */
  private void divide(List<BatchJob> group, StoreRejectedException rejection) {
    if (group.size() == 1) {
      BatchJob job = group.getFirst();
      broken.put(
          job.batch.gid(), new CommitResult.Rejected(String.valueOf(rejection.getMessage())));
      rejectBroken(new ArrayList<>(group));
      return;
    }
    int half = group.size() / 2;
    settle(group.subList(0, half));
    var second = new ArrayList<>(group.subList(half, group.size()));
    rejectBroken(second);
    if (!second.isEmpty()) {
      settle(second);
    }
  }

  /** Takes the batches of broken gids out and answers them. */
  private void rejectBroken(Collection<? extends Job> jobs) {
    var rejected = new ArrayList<Job>();
    jobs.removeIf(
        job -> {
          if (!(job instanceof BatchJob batchJob)) {
            return false;
          }
          batchJob.result = broken.get(batchJob.batch.gid());
          return batchJob.result != null && rejected.add(job);
        });
    handBack(rejected);
  }

  private <T extends @Nullable Object> void perform(OtherJob<T> job) {
    try {
      T result =
          insist(
              () -> job.work.apply(store),
              e -> e instanceof OutcomeUnknownException || e instanceof StoreUnavailableException);
      job.outcome = () -> job.done.accept(result);
    } catch (Abandoned e) {
      throw e;
    } catch (Throwable e) {
      job.fail(e);
    }
    handBack(List.of(job));
  }

  /**
   * Tries until the outcome is definite: a result, or an exception that is none of these.
   *
   * @throws Abandoned when the lane has to end before that
   */
  private <T extends @Nullable Object> T insist(
      Supplier<T> attempt, Predicate<Throwable> isUnknown) {
    for (int failures = 1; ; failures++) {
      try {
        T result = attempt.get();
        endOfTrouble(failures);
        return result;
      } catch (Throwable e) {
        if (!isUnknown.test(e)) {
          endOfTrouble(failures);
          throw e;
        }
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
      }
      pause.accept(Duration.ofMillis(pauseMillis(failures)));
      if (abandoned) {
        throw new Abandoned();
      }
    }
  }

  private void endOfTrouble(int attempts) {
    if (attempts > 1) {
      repeatingSince = null;
      log.atInfo().addKeyValue("attempts", attempts).log("the outcome is known now");
    }
  }

  private static long pauseMillis(int failures) {
    long doubled = FIRST_PAUSE_MILLIS << Math.min(failures - 1, 10);
    return Math.min(doubled, LONGEST_PAUSE_MILLIS);
  }

  /** One task per loop for all of them: a task for each cost up to 20 % more CPU. */
  private void handBack(List<? extends Job> finished) {
    var byLoop = new IdentityHashMap<EventLoop, List<Job>>();
    for (Job job : finished) {
      byLoop.computeIfAbsent(job.loop, _ -> new ArrayList<>()).add(job);
    }
    backlog.addAndGet(-finished.size());
    byLoop.forEach(Lane::tell);
  }

  private static void tell(EventLoop loop, List<Job> jobs) {
    try {
      loop.execute(
          () -> {
            for (Job job : jobs) {
              try {
                job.tell();
              } catch (Throwable e) { // whatever it is, the others are told
                log.atError().setCause(e).log("a callback of a commit failed");
              }
            }
          });
    } catch (RuntimeException e) { // the loop has ended, nobody waits there any more
      log.atWarn().addKeyValue("results", jobs.size()).setCause(e).log("results not delivered");
    }
  }

  /** Roughly what a batch adds to the size of a group. */
  private static long sizeOf(Batch batch) {
    long size = BYTES_PER_WRITE;
    for (Write write : batch.writes()) {
      size +=
          switch (write) {
            case Write.SaveNew save -> sizeOf(save.transaction().branches());
            case Write.AddBranches add -> sizeOf(add.branches());
            case Write.SetStatus set -> length(set.reason()) + length(set.result());
            case Write.SetExtra set ->
                (long) set.extra().attempts().size() * Attempt.MAX_TEXT + BYTES_PER_WRITE;
            case Write.SetOptions set -> sizeOf(set.options().branchHeaders());
            case Write.SetBranch _,
                Write.SetSchedule _,
                Write.Lease _,
                Write.BringForward _,
                Write.Postpone _,
                Write.Delay _,
                Write.LookAgain _ ->
                BYTES_PER_WRITE;
          };
    }
    return size;
  }

  private static long sizeOf(List<Branch> rows) {
    long size = 0;
    Payload last = Payload.EMPTY;
    for (Branch row : rows) {
      size += BYTES_PER_WRITE + row.url().length();
      if (!row.payload().equals(last)) { // the rows of a step share theirs
        last = row.payload();
        size += last.bytes().length;
      }
    }
    return size;
  }

  private static long sizeOf(Map<String, String> headers) {
    long size = BYTES_PER_WRITE;
    for (Map.Entry<String, String> header : headers.entrySet()) {
      size += header.getKey().length() + header.getValue().length();
    }
    return size;
  }

  private static long length(@Nullable String text) {
    return text == null ? 0 : text.length();
  }

  /** Something handed over, and its place in the stack. */
  private abstract static class Job {
    final EventLoop loop;
    @Nullable Job next;

    Job(EventLoop loop) {
      this.loop = loop;
    }

    /** Sets the result that says: came too late. */
    abstract void refuse();

    /** Tells the result; on the loop. */
    abstract void tell();
  }

  private static final class BatchJob extends Job {
    final Batch batch;
    final Consumer<CommitResult> done;
    @Nullable CommitResult result;

    BatchJob(Batch batch, EventLoop loop, Consumer<CommitResult> done) {
      super(loop);
      this.batch = batch;
      this.done = done;
    }

    @Override
    void refuse() {
      result = new CommitResult.Rejected("the committer is closed");
    }

    @Override
    void tell() {
      done.accept(requireNonNull(result));
    }
  }

  private static final class OtherJob<T extends @Nullable Object> extends Job {
    final Function<TransactionStore, T> work;
    final Consumer<T> done;
    final Consumer<Throwable> failed;
    Runnable outcome = () -> {};

    OtherJob(
        Function<TransactionStore, T> work,
        EventLoop loop,
        Consumer<T> done,
        Consumer<Throwable> failed) {
      super(loop);
      this.work = work;
      this.done = done;
      this.failed = failed;
    }

    void fail(Throwable cause) {
      outcome = () -> failed.accept(cause);
    }

    @Override
    void refuse() {
      fail(new StoreUnavailableException("the committer is closed", null));
    }

    @Override
    void tell() {
      outcome.run();
    }
  }

  /** The lane ends although the outcome is not known. */
  private static final class Abandoned extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }
}
