package io.dtm4j.coordinator;

import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Reply;
import io.dtm4j.store.Committer;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Says whether requests of clients are taken at the moment: known transactions up to twice the
 * limits, new ones up to the limits and while no write waits too long, and nothing while the store
 * takes no writes or the server stops. Whatever is refused here was not stored. Records count from
 * the moment in which a command has them, not only when their passes begin: many may be on their
 * way to the store. Thread-safe.
 */
final class Admission {
  /**
   * When a write is to wait so long, nothing new is taken: a client hears within three seconds what
   * became of its request, and what is waited for later than that has lost its client. However slow
   * the store is, it then works for those who still wait.
   */
  private static final Duration LONGEST_WAIT = ClientWrites.OUTCOME_WITHIN.dividedBy(3);

  private final Coordinator coordinator;
  private final TransactionStore store;
  private final Committer committer;
  private final CoordinatorLimits limits;

  /** Bytes of the records that commands have in memory. */
  private final AtomicLong commandBytes = new AtomicLong();

  private volatile boolean stopping;

  Admission(
      Coordinator coordinator,
      TransactionStore store,
      Committer committer,
      CoordinatorLimits limits) {
    this.coordinator = coordinator;
    this.store = store;
    this.committer = committer;
    this.limits = limits;
  }

  /** From now on nothing is taken. */
  void stop() {
    stopping = true;
  }

  boolean isStopping() {
    return stopping;
  }

  /** Why nothing is taken at the moment; null: something is. */
  @Nullable Reply refusal() {
    if (stopping) {
      return stopped();
    }
    Reply trouble = ClientWrites.refusal(store, committer);
    return trouble == null && exceeds(2) ? overloaded() : trouble;
  }

  /** Whether only known transactions are taken. */
  boolean isFull() {
    return exceeds(1) || committer.expectedWait().compareTo(LONGEST_WAIT) > 0;
  }

  /** A command has so many bytes more of records in memory; negative: fewer. */
  void hold(long bytes) {
    commandBytes.addAndGet(bytes);
  }

  private boolean exceeds(int times) {
    return coordinator.openPasses() >= times * limits.openPasses()
        || coordinator.openBytes() + commandBytes.get() >= times * limits.openBytes()
        || committer.backlog() >= times * limits.commitBacklog();
  }

  static Reply stopped() {
    return new Reply.Failed(
        ErrorCode.STOPPING, "the server is stopping; nothing was stored, ask another one");
  }

  static Reply overloaded() {
    return new Reply.Failed(
        ErrorCode.OVERLOADED,
        "too many transactions are open, or wait for the store; nothing was stored, try again later");
  }
}
