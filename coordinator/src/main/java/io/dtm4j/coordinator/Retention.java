package io.dtm4j.coordinator;

import io.dtm4j.protocol.Gid;
import io.dtm4j.store.Committer;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.Page;
import io.dtm4j.store.Reads;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.time.Instant;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Deletes finished transactions when they have been kept long enough. Once a minute a reader looks
 * for them; they are deleted in small steps between the commits. After each step it pauses nine
 * times as long as the step took, so that deleting never takes more than a tenth of the store's
 * time. Thread-safe; never blocks.
 */
public final class Retention {
  private static final Logger log = LoggerFactory.getLogger(Retention.class);
  private static final Duration EVERY = Duration.ofMinutes(1);
  private static final Duration SHORTEST_PAUSE = Duration.ofMillis(10);
  private static final int PAUSE_FACTOR = 9;

  /** Some milliseconds of the lane. */
  private static final int STEP = 200;

  private final TransactionStore store;
  private final Committer committer;
  private final Reads reads;
  private final Timers timers;
  private final LongSupplier nanoTime;
  private final EventLoop loop;
  private final Duration keep;
  private volatile boolean stopped;

  /**
   * @param loop where the results of steps are told
   * @param keep how long a transaction is kept after its end; zero or less: for ever, so nothing is
   *     ever deleted; {@code Store.DataExpire}
   */
  public Retention(
      TransactionStore store,
      Committer committer,
      Reads reads,
      Timers timers,
      LongSupplier nanoTime,
      EventLoop loop,
      Duration keep) {
    this.store = store;
    this.committer = committer;
    this.reads = reads;
    this.timers = timers;
    this.nanoTime = nanoTime;
    this.loop = loop;
    this.keep = keep;
  }

  /** Begins a minute from now, when a start is over, and goes on. */
  public void start() {
    if (keep.isPositive()) {
      timers.after(EVERY, this::sweep);
    }
  }

  /** Begins no step any more. */
  public void stop() {
    stopped = true;
  }

  private void sweep() {
    step(store.storeTime().minus(keep), "", 0);
  }

  private void step(Instant endedBefore, String cursor, long deletedSoFar) {
    if (stopped) {
      return;
    }
    reads.<Page<Gid>>submit(
        () -> store.endedBefore(endedBefore, cursor, STEP),
        loop,
        page -> {
          if (page.items().isEmpty()) {
            goOn(endedBefore, page.next(), deletedSoFar, SHORTEST_PAUSE);
          } else {
            delete(endedBefore, page, deletedSoFar);
          }
        },
        this::failed);
  }

  private void delete(Instant endedBefore, Page<Gid> page, long deletedSoFar) {
    long began = nanoTime.getAsLong();
    committer.<Integer>perform(
        writing -> writing.delete(page.items(), endedBefore),
        loop,
        count -> goOn(endedBefore, page.next(), deletedSoFar + count, pauseAfter(began)),
        this::failed);
  }

  private void goOn(Instant endedBefore, String next, long deleted, Duration pause) {
    if (!next.isEmpty()) {
      timers.after(pause, () -> step(endedBefore, next, deleted));
      return;
    }
    if (deleted > 0) {
      log.atDebug().addKeyValue("transactions", deleted).log("old transactions deleted");
    }
    timers.after(EVERY, this::sweep);
  }

  private void failed(Throwable e) {
    if (!stopped) {
      log.atWarn().addKeyValue("cause", String.valueOf(e)).log("old transactions stay");
      timers.after(EVERY, this::sweep);
    }
  }

  private Duration pauseAfter(long began) {
    Duration took = Duration.ofNanos(nanoTime.getAsLong() - began);
    Duration pause = took.multipliedBy(PAUSE_FACTOR);
    return pause.compareTo(SHORTEST_PAUSE) < 0 ? SHORTEST_PAUSE : pause;
  }
}
