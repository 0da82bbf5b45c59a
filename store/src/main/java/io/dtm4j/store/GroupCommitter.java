package io.dtm4j.store;

import io.dtm4j.model.Batch;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the batches of many transactions durable together. They are spread over lanes by their gid;
 * each lane is one platform thread that commits what has gathered while its last commit ran. It
 * never waits for more: a lone batch goes at once, and under load the groups grow by themselves.
 *
 * <p>A group whose outcome is not known is sent again, the very same, until its outcome is
 * definite, and nothing of the lane goes ahead of it (R6). When the store rejects a group as a
 * whole, it is halved until only what is broken fails: its batch, and all batches of that gid
 * behind it in the lane, are {@link CommitResult.Rejected}.
 *
 * <p>Thread-safe. The store stays the caller's, who closes it after this.
 */
public final class GroupCommitter implements Committer, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(GroupCommitter.class);
  private static final Duration CLOSE_WITHIN = Duration.ofSeconds(5);

  private final Duration closeWithin;
  private final List<Lane> lanes;

  /** One lane, which suits an embedded store. */
  public GroupCommitter(TransactionStore store) {
    this(store, 1, CLOSE_WITHIN);
  }

  /**
   * @param lanes threads that commit side by side; more than one only for a store that takes writes
   *     from several threads
   * @param closeWithin how long {@link #close} may take
   */
  public GroupCommitter(TransactionStore store, int lanes, Duration closeWithin) {
    this(store, lanes, closeWithin, CommitObserver.NONE);
  }

  /**
   * The same.
   *
   * @param observer told what is worth counting
   */
  public GroupCommitter(
      TransactionStore store, int lanes, Duration closeWithin, CommitObserver observer) {
    this.closeWithin = closeWithin;
    this.lanes =
        IntStream.rangeClosed(1, lanes)
            .mapToObj(i -> new Lane("commit-lane-" + i, store, observer))
            .toList();
  }

  @Override
  public void commit(Batch batch, EventLoop loop, Consumer<CommitResult> done) {
    lanes.get(Math.floorMod(batch.gid().hashCode(), lanes.size())).commit(batch, loop, done);
  }

  /** {@inheritDoc} It goes to the first lane, in order with that lane's batches. */
  @Override
  public <T extends @Nullable Object> void perform(
      Function<TransactionStore, T> work,
      EventLoop loop,
      Consumer<T> done,
      Consumer<Throwable> failed) {
    lanes.getFirst().perform(work, loop, done, failed);
  }

  @Override
  public int backlog() { // asked before each command, as the next: no streams
    int sum = 0;
    for (Lane lane : lanes) {
      sum += lane.backlog();
    }
    return sum;
  }

  @Override
  public Duration expectedWait() {
    Duration longest = Duration.ZERO;
    for (Lane lane : lanes) {
      Duration wait = lane.expectedWait();
      longest = wait.compareTo(longest) > 0 ? wait : longest;
    }
    return longest;
  }

  @Override
  public @Nullable Instant repeatingSince() {
    Instant first = null;
    for (Lane lane : lanes) {
      Instant since = lane.repeatingSince();
      if (since != null && (first == null || since.isBefore(first))) {
        first = since;
      }
    }
    return first;
  }

  /**
   * Commits what was handed over, then ends the lanes; blocks for a bounded time. What was sent and
   * has no outcome by then is never answered, as after a crash: recovery finds what became of it.
   * What was not sent yet, and what comes later, is refused.
   */
  @Override
  public void close() {
    long deadline = System.nanoTime() + closeWithin.toNanos();
    lanes.forEach(Lane::finish);
    for (Lane lane : lanes) {
      if (!lane.awaitEnd(Duration.ofNanos(deadline - System.nanoTime()))) {
        log.atError()
            .addKeyValue("backlog", lane.backlog())
            .log("the store did not take all writes before the end; recovery will find them");
      }
    }
  }
}
