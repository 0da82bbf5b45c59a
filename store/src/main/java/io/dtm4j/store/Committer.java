package io.dtm4j.store;

import io.dtm4j.model.Batch;
import java.time.Duration;
import java.time.Instant;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Makes batches durable. Any thread; never blocks. */
public interface Committer {
  /**
   * Hands a batch over. Batches of one gid keep their order. Once handed over it is committed or
   * definitely refused, however long the store is away (R6).
   *
   * @param loop where {@code done} runs, exactly once
   */
  void commit(Batch batch, EventLoop loop, Consumer<CommitResult> done);

  /**
   * Runs other writing work (claims, renewals, key-values) in turn with the batches, repeated while
   * its outcome is not known or the store is not available. The work must be repeatable: a repeat
   * may find its own first attempt (a key-value that it created itself is taken then). Exactly one
   * of the two callbacks runs, once.
   *
   * @param loop where the callbacks run
   * @param done told the result
   * @param failed told whatever else the work threw, or {@link StoreUnavailableException} when the
   *     committer is closed
   */
  <T extends @Nullable Object> void perform(
      Function<TransactionStore, T> work,
      EventLoop loop,
      Consumer<T> done,
      Consumer<Throwable> failed);

  /** Batches and other work handed over and not finished. */
  int backlog();

  /**
   * How long what is handed over now is likely to wait: as long as what waits longest has by now,
   * or as what is before it takes at the present speed of the store.
   */
  Duration expectedWait();

  /**
   * Since when something handed over has to be sent again and again because its outcome is not
   * known, by the store's time; null when all is well. While it lasts nothing new becomes durable,
   * so doors refuse new work.
   */
  @Nullable Instant repeatingSince();
}
