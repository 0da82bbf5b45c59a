package io.dtm4j.model;

import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Options;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One change to a stored transaction, applied to the record as it is at the commit. Each store
 * turns it into its own language; {@link Batch#applyTo} says what each means.
 */
public sealed interface Write {
  /** Stores a new transaction with all its rows. */
  record SaveNew(Transaction transaction) implements Write {}

  /**
   * Appends rows. A row whose key is there with the same content counts as appended already; with
   * other content the whole batch is refused. Content is url and payload, and the status of a row
   * that comes with a definite one.
   */
  record AddBranches(List<Branch> branches) implements Write {
    public AddBranches {
      branches = List.copyOf(branches);
    }
  }

  /**
   * A definite answer of a branch.
   *
   * @param row its place in the order of the rows, from 0
   * @param key its name; says the same as {@code row}
   */
  record SetBranch(int row, BranchKey key, BranchStatus status, Instant at) implements Write {}

  /**
   * A new status of the transaction; final ones set the end time.
   *
   * @param reason the rollback reason, {@link State#shortened}; null: stays
   * @param result the result of a workflow; null: stays
   */
  record SetStatus(
      GlobalStatus status, @Nullable String reason, @Nullable String result, Instant at)
      implements Write {
    public SetStatus {
      reason = reason == null ? null : State.shortened(reason);
    }
  }

  /**
   * When the transaction is looked at again. While a lease lasts and the claim stays the same, the
   * later of stored and new time wins.
   */
  record SetSchedule(Schedule schedule, Instant at) implements Write {}

  /**
   * Somebody works on the transaction until then; its interval is that of the record at the commit.
   * Else as {@link SetSchedule}.
   */
  record Lease(Instant until, Instant at) implements Write {}

  /**
   * The transaction is due at that time, if it rests as of the commit; whoever works on it must
   * look at it again when coming to rest, as by {@link LookAgain}, and keeps the lease.
   */
  record BringForward(Instant at) implements Write {}

  /**
   * The transaction is looked at again not before one interval after this time. Its interval is
   * that of the record at the commit, and a later time stays.
   */
  record Postpone(Instant at) implements Write {}

  /** Replaces what dtm4j keeps beyond DTM's record; by itself no update in the eyes of DTM. */
  record SetExtra(Extra extra) implements Write {}

  /**
   * The message is not sent before that time; what else dtm4j keeps stays. By itself no update in
   * the eyes of DTM.
   */
  record Delay(Instant until) implements Write {}

  /** Other options than those with which the transaction was created; by itself no update. */
  record SetOptions(Options options) implements Write {}

  /** Whoever works on the transaction must look at it again when coming to rest (R4). */
  record LookAgain() implements Write {
    public static final LookAgain INSTANCE = new LookAgain();
  }
}
