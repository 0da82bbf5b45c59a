package io.dtm4j.coordinator;

import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Reply;
import io.dtm4j.store.Committer;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.time.Instant;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Says whether requests should be sent to this server. Once a second it looks into the store, on
 * the way that all writes take, so that a store that refuses, and one that says nothing any more,
 * are noticed without requests; who asks is answered from what is known, however often. A server
 * with too much work is ready: if it were not, the others would get its share, too. Thread-safe;
 * never blocks.
 */
public final class Readiness {
  private static final Duration LOOK_EVERY = Duration.ofSeconds(1);

  private final TransactionStore store;
  private final Committer committer;
  private final Timers timers;
  private final LongSupplier nanoTime;
  private final EventLoop loop;

  /** By the monotonic clock: since when a look is on its way; 0: none is. */
  private volatile long lookingSince;

  /** What the last look met; null: nothing. */
  private volatile @Nullable String trouble;

  private volatile boolean stopping;

  /**
   * @param loop where the results of looks are told
   */
  public Readiness(
      TransactionStore store,
      Committer committer,
      Timers timers,
      LongSupplier nanoTime,
      EventLoop loop) {
    this.store = store;
    this.committer = committer;
    this.timers = timers;
    this.nanoTime = nanoTime;
    this.loop = loop;
  }

  /** Looks at once, and goes on doing so. */
  public void start() {
    look();
  }

  /** From now on the server is not ready. */
  public void stop() {
    stopping = true;
  }

  /** Why no requests should be sent here, with a text for operators; null: they should. */
  public Reply.@Nullable Failed refusal() {
    if (stopping) {
      return new Reply.Failed(ErrorCode.STOPPING, "the server is stopping");
    }
    String why = store.trouble();
    Instant since = committer.repeatingSince();
    if (why == null && since != null) {
      why = "the outcome of a write is not known since " + since;
    }
    if (why == null && isSilent()) {
      why = "the store has not answered for " + ClientWrites.OUTCOME_WITHIN.toSeconds() + " s";
    }
    why = why == null ? trouble : why;
    return why == null ? null : new Reply.Failed(ErrorCode.STORE_UNAVAILABLE, why);
  }

  private boolean isSilent() {
    long since = lookingSince;
    return since != 0 && nanoTime.getAsLong() - since > ClientWrites.OUTCOME_WITHIN.toNanos();
  }

  private void look() {
    if (stopping) {
      return;
    }
    lookingSince = nanoTime.getAsLong() | 1;
    committer.<@Nullable String>perform(
        Readiness::troubleOf, loop, this::seen, e -> seen(String.valueOf(e)));
  }

  /**
   * A read that fails must not hold the writes up, as a repetition would; nor one that takes long,
   * as counting a million does.
   */
  private static @Nullable String troubleOf(TransactionStore store) {
    try {
      var _ = store.dueBefore(store.storeTime(), null, 1);
      return null;
    } catch (RuntimeException e) {
      return String.valueOf(e.getMessage());
    }
  }

  private void seen(@Nullable String met) {
    trouble = met;
    lookingSince = 0;
    if (!stopping) {
      timers.after(LOOK_EVERY, this::look);
    }
  }
}
