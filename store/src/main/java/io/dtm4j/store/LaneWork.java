package io.dtm4j.store;

import static io.dtm4j.protocol.PlainText.bytesOf;
import static java.util.Objects.requireNonNull;

import io.dtm4j.model.Attempt;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Extra;
import io.dtm4j.model.State;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Payload;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a lane has to do, in its order: which group goes to the store next, and what follows from
 * its outcome (R6). Nothing is sent from here: whoever has the thread tries {@link #next} and says
 * how it went, and what has no definite outcome comes again, the very same, before anything else.
 *
 * <p>A group that the store rejects as a whole is halved until only what is broken fails: its
 * batch, and all batches of that gid behind it.
 *
 * <p>Confined to one thread; the jobs may come from any.
 */
public final class LaneWork {
  static final int MAX_BATCHES = 1_024;
  static final long MAX_BYTES = 8L << 20;

  private static final Logger log = LoggerFactory.getLogger(LaneWork.class);
  private static final long BYTES_PER_WRITE = 100;

  private final ArrayDeque<Job> gathered = new ArrayDeque<>();

  /** What is left of a group that was halved, in its order. */
  private final ArrayDeque<List<BatchJob>> parts = new ArrayDeque<>();

  /** Gids of the present group that cannot be stored. */
  private final Map<Gid, CommitResult.Rejected> broken = new HashMap<>();

  private final List<Job> finished = new ArrayList<>();
  private @Nullable Try current;
  private boolean full;

  /** One thing that goes to the store; it may be tried any number of times. */
  public sealed interface Try {
    /**
     * Tries it. Blocks.
     *
     * @return the definite outcome
     * @throws RuntimeException when the outcome is not known: try it again
     */
    Outcome on(TransactionStore store);

    /** When the first of it was handed over, as its lane has noted. */
    long handedOver();
  }

  /** How it went, definitely. */
  public sealed interface Outcome {
    /** Batches that were stored or lost, as the results say. */
    record Committed(List<CommitResult> results) implements Outcome {}

    /** Nothing of it is stored: something in it is broken. */
    record Rejected(StoreRejectedException cause) implements Outcome {}

    /**
     * Other work has come to its end.
     *
     * @param tell tells its result, on its loop
     */
    record Performed(Runnable tell) implements Outcome {}
  }

  private record Group(List<BatchJob> jobs) implements Try {
    @Override
    public Outcome on(TransactionStore store) {
      List<Batch> batches = jobs.stream().map(job -> job.batch).toList();
      List<CommitResult> results;
      HaltPoint.BEFORE_COMMIT.pass();
      try {
        results = store.commit(batches);
      } catch (StoreRejectedException e) {
        return new Outcome.Rejected(e);
      }
      HaltPoint.AFTER_COMMIT_BEFORE_RESULT.pass();
      if (results.size() != batches.size()) {
        throw new IllegalStateException(
            results.size() + " results (expected: " + batches.size() + ")");
      }
      return new Outcome.Committed(results);
    }

    @Override
    public long handedOver() {
      return jobs.getFirst().handedOver();
    }
  }

  private record Other(OtherJob<?> job) implements Try {
    @Override
    public Outcome on(TransactionStore store) {
      return job.on(store);
    }

    @Override
    public long handedOver() {
      return job.handedOver();
    }
  }

  /** Takes what was handed over, in its order. */
  public void add(Collection<? extends Job> jobs) {
    gathered.addAll(jobs);
  }

  /**
   * What goes to the store next: the same until it is settled. Null: nothing is left to do.
   *
   * <p>Look at {@link #takeFinished} afterwards, too.
   */
  public @Nullable Try next() {
    if (current == null) {
      full = false;
      current = nextPart();
    }
    if (current == null) {
      rejectBroken(gathered);
      broken.clear();
      Job first = gathered.peek();
      if (first instanceof OtherJob<?> other) {
        gathered.remove();
        current = new Other(other);
      } else if (first != null) {
        current = new Group(nextGroup());
      }
    }
    return current;
  }

  /** Whether what goes to the store now is a group that has no room for the next batch. */
  boolean isFull() {
    return full;
  }

  private @Nullable Try nextPart() {
    for (List<BatchJob> part = parts.poll(); part != null; part = parts.poll()) {
      var left = new ArrayList<>(part);
      rejectBroken(left);
      if (!left.isEmpty()) {
        return new Group(left);
      }
    }
    return null;
  }

  private List<BatchJob> nextGroup() {
    var group = new ArrayList<BatchJob>();
    long bytes = 0;
    while (group.size() < MAX_BATCHES && gathered.peek() instanceof BatchJob job) {
      bytes += sizeOf(job.batch);
      if (bytes > MAX_BYTES && !group.isEmpty()) {
        full = true;
        break;
      }
      group.add(job);
      gathered.remove();
    }
    return group;
  }

  /** What was tried has this outcome. */
  public void settle(Outcome outcome) {
    Try tried = requireNonNull(current, "nothing was tried");
    current = null;
    switch (outcome) {
      case Outcome.Committed(List<CommitResult> results) -> {
        List<BatchJob> jobs = ((Group) tried).jobs();
        for (int i = 0; i < jobs.size(); i++) {
          jobs.get(i).result = results.get(i);
        }
        finished.addAll(jobs);
      }
      case Outcome.Rejected(StoreRejectedException cause) -> divide(((Group) tried).jobs(), cause);
      case Outcome.Performed(Runnable tell) -> {
        OtherJob<?> job = ((Other) tried).job();
        job.outcome = tell;
        finished.add(job);
      }
    }
  }

  /** Nothing of the group is stored: finds what is broken in it and commits the rest. */
  private void divide(List<BatchJob> group, StoreRejectedException cause) {
    if (group.size() == 1) {
      BatchJob job = group.getFirst();
      var rejected = new CommitResult.Rejected(String.valueOf(cause.getMessage()), cause.code());
      job.result = rejected;
      broken.put(job.batch.gid(), rejected);
      finished.add(job);
    } else {
      int half = group.size() / 2;
      parts.push(group.subList(half, group.size()));
      parts.push(group.subList(0, half));
    }
  }

  /** Takes the batches of broken gids out: they have come to their end. */
  private void rejectBroken(Collection<? extends Job> jobs) {
    if (!broken.isEmpty()) {
      jobs.removeIf(
          job -> {
            if (!(job instanceof BatchJob batchJob)) {
              return false;
            }
            batchJob.result = broken.get(batchJob.batch.gid());
            return batchJob.result != null && finished.add(job);
          });
    }
  }

  /** Those that have come to their end since the last time; their clients are to be told. */
  public List<Job> takeFinished() {
    List<Job> taken = List.copyOf(finished);
    finished.clear();
    return taken;
  }

  /** What is certainly not stored: the lane ends. */
  List<Job> takeRest() {
    List<Job> rest = new ArrayList<>();
    parts.forEach(rest::addAll);
    rest.addAll(gathered);
    parts.clear();
    gathered.clear();
    return rest;
  }

  /** They come too late, and are to be told so. Any thread. */
  static List<Job> refused(List<Job> jobs) {
    jobs.forEach(Job::refuse);
    return jobs;
  }

  /** Tells results: one task per loop for all of them, a task for each cost up to 20 % more CPU. */
  public static void tell(List<Job> jobs) {
    var byLoop = new LinkedHashMap<EventLoop, List<Job>>(); // in an order that can be repeated
    for (Job job : jobs) {
      byLoop.computeIfAbsent(job.loop, _ -> new ArrayList<>()).add(job);
    }
    byLoop.forEach(LaneWork::tell);
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
            case Write.SaveNew save -> sizeOf(save.transaction());
            case Write.AddBranches add -> sizeOf(add.branches());
            case Write.SetStatus set ->
                BYTES_PER_WRITE + bytesOrNone(set.reason()) + bytesOrNone(set.result());
            case Write.SetExtra set -> sizeOf(set.extra());
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

  private static long sizeOf(Transaction transaction) {
    Definition definition = transaction.definition();
    State state = transaction.state();
    return BYTES_PER_WRITE
        + bytesOf(definition.queryPrepared())
        + bytesOf(definition.customData())
        + sizeOf(definition.options().branchHeaders())
        + sizeOf(state.extra())
        + bytesOf(state.reason())
        + bytesOf(state.result())
        + sizeOf(transaction.branches());
  }

  /** What has a bound counts as if it reached it. */
  private static long sizeOf(Extra extra) {
    long size = BYTES_PER_WRITE + (long) extra.attempts().size() * Attempt.MAX_TEXT;
    for (Map.Entry<String, String> member : extra.unknown().entrySet()) {
      size += bytesOf(member.getKey()) + bytesOf(member.getValue());
    }
    return size;
  }

  private static long sizeOf(List<Branch> rows) {
    long size = 0;
    Payload last = Payload.EMPTY;
    for (Branch row : rows) {
      size += BYTES_PER_WRITE + bytesOf(row.url());
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
      size += bytesOf(header.getKey()) + bytesOf(header.getValue());
    }
    return size;
  }

  private static long bytesOrNone(@Nullable String text) {
    return text == null ? 0 : bytesOf(text);
  }

  /** A batch that is to be committed; see {@link Committer#commit}. */
  public static Job job(Batch batch, EventLoop loop, Consumer<CommitResult> done) {
    return new BatchJob(batch, loop, done);
  }

  /** Other work on the store; see {@link Committer#perform}. */
  public static <T extends @Nullable Object> Job job(
      Function<TransactionStore, T> work,
      EventLoop loop,
      Consumer<T> done,
      Consumer<Throwable> failed) {
    return new OtherJob<>(work, loop, done, failed);
  }

  /** Something handed over. */
  public abstract static class Job {
    private final EventLoop loop;

    /** What was handed over before it, while a lane has not looked yet. */
    @Nullable Job before;

    /** When a lane took it, by the monotonic clock; 0: none has. */
    long handedOver;

    private Job(EventLoop loop) {
      this.loop = loop;
    }

    long handedOver() {
      return handedOver;
    }

    /** Sets the result that says: came too late. */
    abstract void refuse();

    /** Tells the result; on the loop. */
    abstract void tell();
  }

  private static final class BatchJob extends Job {
    private final Batch batch;
    private final Consumer<CommitResult> done;
    private @Nullable CommitResult result;

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
    private final Function<TransactionStore, T> work;
    private final Consumer<T> done;
    private final Consumer<Throwable> failed;
    private Runnable outcome = () -> {};

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

    Outcome on(TransactionStore store) {
      try {
        T result = work.apply(store);
        return new Outcome.Performed(() -> done.accept(result));
      } catch (OutcomeUnknownException | StoreUnavailableException e) {
        throw e;
      } catch (Throwable e) {
        return new Outcome.Performed(() -> failed.accept(e));
      }
    }

    @Override
    void refuse() {
      outcome = () -> failed.accept(new StoreUnavailableException("the committer is closed", null));
    }

    @Override
    void tell() {
      outcome.run();
    }
  }
}
