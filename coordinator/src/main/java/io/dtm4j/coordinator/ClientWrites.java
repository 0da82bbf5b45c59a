package io.dtm4j.coordinator;

import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Reply;
import io.dtm4j.store.Committer;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.StoreRejectedException;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes that are no batches, on behalf of clients: refused while the store takes nothing, and
 * given an answer after some seconds even when their outcome is not known yet (R6). Thread-safe;
 * never blocks.
 */
public final class ClientWrites {
  /** After so long without an outcome a client is told that it is not known (R6). */
  static final Duration OUTCOME_WITHIN = Duration.ofSeconds(3);

  private static final Logger log = LoggerFactory.getLogger(ClientWrites.class);

  private final TransactionStore store;
  private final Committer committer;
  private final Timers timers;

  /**
   * @param store asked whether all is well with it
   */
  public ClientWrites(TransactionStore store, Committer committer, Timers timers) {
    this.store = store;
    this.committer = committer;
    this.timers = timers;
  }

  /** Why no write of a client is taken at the moment; null: all is well. */
  static @Nullable Reply refusal(TransactionStore store, Committer committer) {
    return committer.repeatingSince() == null && store.trouble() == null
        ? null
        : new Reply.Failed(
            ErrorCode.STORE_UNAVAILABLE,
            "the store does not take writes at the moment; nothing was stored, try again later");
  }

  /**
   * Carries out a write. Exactly one of the two callbacks runs, once, on {@code loop}.
   *
   * @param work may be repeated, see {@link Committer#perform}
   */
  <T> void perform(
      Function<TransactionStore, T> work,
      EventLoop loop,
      Consumer<T> done,
      Consumer<Reply> trouble) {
    Reply refusal = refusal(store, committer);
    if (refusal != null) {
      trouble.accept(refusal);
      return;
    }
    var told = new AtomicBoolean();
    Timers.Timer patience =
        timers.after(
            OUTCOME_WITHIN,
            () ->
                loop.execute(
                    () -> {
                      if (told.compareAndSet(false, true)) {
                        trouble.accept(Waiter.outcomeUnknown());
                      }
                    }));
    committer.<T>perform(
        work,
        loop,
        result -> {
          patience.cancel();
          if (told.compareAndSet(false, true)) {
            done.accept(result);
          }
        },
        e -> {
          patience.cancel();
          log.atWarn().addKeyValue("cause", String.valueOf(e)).log("a write was refused");
          if (told.compareAndSet(false, true)) {
            trouble.accept(replyTo(e));
          }
        });
  }

  private static Reply replyTo(Throwable e) {
    return e instanceof StoreRejectedException rejected && rejected.code() != null
        ? new Reply.Failed(rejected.code(), String.valueOf(rejected.getMessage()))
        : new Reply.Failed(
            ErrorCode.STORE_UNAVAILABLE,
            "the store cannot be written at the moment, try again later");
  }
}
