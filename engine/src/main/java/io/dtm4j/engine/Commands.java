package io.dtm4j.engine;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransType;
import io.dtm4j.protocol.WorkflowEnd;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What requests of clients do to a transaction: docs/spec/http-api.md 4 and 5. Pure, like {@link
 * Engine}. Each method is asked with the record as last seen; when its batch loses it is asked
 * again with the record that won (R4).
 */
public final class Commands {
  private final Settings settings;

  public Commands(Settings settings) {
    this.settings = settings;
  }

  /** What is to be done about a command. */
  public sealed interface Verdict {
    /**
     * Commit this; then answer success, or begin a pass on what was committed. A batch without an
     * owner leaves the claim to whoever has it, and no pass begins.
     *
     * @param runs whether a pass begins
     */
    record Commit(Batch batch, boolean runs) implements Verdict {}

    /** Answer at once; nothing changes. */
    record Answer(Reply reply) implements Verdict {}

    /**
     * The transaction is on its way already: see that it is worked on, and wait if asked to.
     *
     * @param first to be committed before, without touching the claim; null: nothing
     */
    record Join(@Nullable Batch first) implements Verdict {
      public static final Join INSTANCE = new Join(null);
    }
  }

  /**
   * Prepare, submit or prepareWorkflow of a gid that is not known.
   *
   * @param proposed the transaction as the request describes it
   * @param status {@code prepared} or {@code submitted}
   * @param owner a fresh token
   */
  public Verdict create(Transaction proposed, GlobalStatus status, Owner owner, Instant now) {
    RetryPolicy policy = policy(proposed);
    boolean runs = status == GlobalStatus.SUBMITTED;
    Instant next =
        runs
            ? now.plus(policy.lease())
            : switch (proposed.definition().type()) {
              case SAGA, WORKFLOW -> now.plus(policy.base());
              case TCC, XA, MSG -> now.plus(policy.timeoutWhilePrepared());
            };
    Extra extra = proposed.state().extra();
    State state =
        new State(
            status,
            "",
            "",
            now,
            null,
            new Schedule(policy.base(), next),
            runs ? extra.withDelayUntil(MsgRules.endOfDelay(proposed.definition(), now)) : extra);
    var created =
        new Transaction(proposed.gid(), proposed.definition(), state, proposed.branches());
    return new Verdict.Commit(
        new Batch(
            proposed.gid(),
            Guard.Absent.INSTANCE,
            owner.marked(runs ? Owner.Mark.LEASED : Owner.Mark.RESTING),
            List.of(new Write.SaveNew(created))),
        runs);
  }

  /** Prepare of a known gid. */
  public Verdict prepare(Stored stored) {
    return stored.transaction().status() == GlobalStatus.PREPARED
        ? new Verdict.Answer(Reply.Success.INSTANCE)
        : conflict(stored, "prepare");
  }

  /** PrepareWorkflow of a known gid: what is stored is the answer, whatever its status. */
  public Verdict prepareWorkflow(Stored stored) {
    return stored.transaction().definition().type() == TransType.WORKFLOW
        ? new Verdict.Answer(Reply.Success.INSTANCE)
        : conflict(stored, "prepareWorkflow");
  }

  /**
   * Submit of a known gid; not of a workflow, which is ended.
   *
   * @param given options of the submit; those that are not their defaults are added to the stored
   *     ones (docs/decisions/0006)
   * @param owner a fresh token for whoever takes the record over
   */
  public Verdict submit(Options given, Stored stored, Owner owner, Instant now) {
    Transaction transaction = stored.transaction();
    if (transaction.definition().type() == TransType.WORKFLOW) {
      return conflict(stored, "submit without trans_type workflow");
    }
    return switch (transaction.status()) {
      case PREPARED -> {
        Options options = transaction.definition().options();
        Options added = options.with(given);
        List<Write> writes = new ArrayList<>();
        writes.add(new Write.SetStatus(GlobalStatus.SUBMITTED, null, null, now));
        if (added.equals(options)) {
          writes.add(leased(transaction, now));
        } else {
          RetryPolicy policy = new RetryPolicy(settings, added);
          writes.add(new Write.SetOptions(added));
          writes.add(
              new Write.SetSchedule(new Schedule(policy.base(), now.plus(policy.lease())), now));
        }
        Instant delayed = MsgRules.endOfDelay(transaction.definition(), now);
        if (delayed != null) {
          writes.add(new Write.Delay(delayed));
        }
        yield takesOver(transaction, owner, writes);
      }
      case SUBMITTED -> Verdict.Join.INSTANCE;
      case ABORTING, SUCCEED, FAILED -> conflict(stored, "submit");
    };
  }

  /**
   * Submit of a workflow: the application ends it (docs/spec/http-api.md 4.4).
   *
   * @param reqExtra says how
   * @param stored the record of that gid; null: there is none
   * @param owner a fresh token
   */
  public Verdict endWorkflow(
      Map<String, String> reqExtra, @Nullable Stored stored, Owner owner, Instant now) {
    WorkflowEnd end = WorkflowEnd.of(reqExtra);
    if (end == null) {
      return failed(ErrorCode.BAD_REQUEST, "req_extra: status is neither succeed nor failed");
    }
    if (stored == null) {
      return notFound();
    }
    Transaction transaction = stored.transaction();
    if (transaction.definition().type() != TransType.WORKFLOW) {
      return conflict(stored, "submit as a workflow");
    }
    if (transaction.status().isFinal()) {
      // The first answer may have been lost.
      return transaction.status() == end.status()
          ? new Verdict.Answer(Reply.Success.INSTANCE)
          : decided(stored);
    }
    Op contrary = end.status() == GlobalStatus.SUCCEED ? Op.ROLLBACK : Op.COMMIT;
    if (hasRow(transaction, contrary)) {
      return decided(stored);
    }
    try {
      Bounds.checkGrowth(transaction, "req_extra: result", end.result());
    } catch (RefusedException e) {
      return new Verdict.Answer(e.reply());
    }
    return new Verdict.Commit(
        new Batch(
            transaction.gid(),
            Guard.InStatus.as(transaction, contrary),
            owner.marked(Owner.Mark.RESTING),
            List.of(
                new Write.SetStatus(
                    end.status(), orNull(end.reason()), orNull(end.result()), now))),
        false);
  }

  /**
   * RegisterBranch (docs/spec/http-api.md 4.7). A row that is there with other content is found by
   * the commit. What is exactly there already counts as registered.
   *
   * @param stored the record of that gid; null: there is none
   */
  public Verdict registerBranch(Registration registration, @Nullable Stored stored, Instant now) {
    if (stored == null) {
      return new Verdict.Answer(
          new Reply.Refused(ErrorCode.GID_NOT_FOUND, "no transaction has this gid", null));
    }
    Transaction transaction = stored.transaction();
    TransType type = transaction.definition().type();
    if (transaction.status() != GlobalStatus.PREPARED) {
      return type == TransType.WORKFLOW && transaction.status() == GlobalStatus.SUCCEED
          ? decided(stored)
          : conflict(stored, "registerBranch");
    }
    if (type != registration.type()) {
      return failed(
          ErrorCode.BAD_REQUEST,
          "trans_type: %s (expected: %s, as the transaction is)"
              .formatted(registration.type().wireName(), type.wireName()));
    }
    Op contrary = type == TransType.WORKFLOW ? contraryOf(registration) : null;
    if (contrary != null && hasRow(transaction, contrary)) {
      return decided(stored);
    }
    try {
      Bounds.checkCallable(transaction, registration.rows());
      Bounds.checkGrowth(transaction, registration.rows());
    } catch (RefusedException e) {
      return new Verdict.Answer(e.reply());
    }
    List<Write> writes = new ArrayList<>();
    writes.add(new Write.AddBranches(registration.rows()));
    if (type == TransType.WORKFLOW) {
      writes.add(new Write.Postpone(now)); // it lives, so it is not called back soon
    }
    return new Verdict.Commit(
        new Batch(transaction.gid(), Guard.InStatus.as(transaction, contrary), null, writes),
        false);
  }

  /** R2: the first row of one of these ops decides which way a workflow ends. */
  private static @Nullable Op contraryOf(Registration step) {
    Op op = step.rows().getFirst().key().op();
    return op.equals(Op.COMMIT) ? Op.ROLLBACK : op.equals(Op.ROLLBACK) ? Op.COMMIT : null;
  }

  private static boolean hasRow(Transaction transaction, Op op) {
    return transaction.branches().stream().anyMatch(branch -> branch.key().op().equals(op));
  }

  /**
   * Abort; what counts is the stored type, not the one the request names.
   *
   * @param reason of a tcc or xa, kept as far as {@link State#shortened}; "" keeps the old one
   * @param stored the record of that gid; null: there is none
   * @param owner a fresh token for whoever takes the record over
   */
  public Verdict abort(String reason, @Nullable Stored stored, Owner owner, Instant now) {
    if (stored == null) {
      return notFound();
    }
    Transaction transaction = stored.transaction();
    return switch (transaction.definition().type()) {
      case MSG ->
          transaction.status() == GlobalStatus.PREPARED
              ? end(transaction, owner, now)
              : conflict(stored, "abort");
      case TCC, XA -> rollBack(reason, stored, owner, now);
      case SAGA, WORKFLOW -> conflict(stored, "abort");
    };
  }

  private Verdict rollBack(String reason, Stored stored, Owner owner, Instant now) {
    Transaction transaction = stored.transaction();
    var aborting = new Write.SetStatus(GlobalStatus.ABORTING, orNull(reason), null, now);
    return switch (transaction.status()) {
      case PREPARED -> takesOver(transaction, owner, List.of(aborting, leased(transaction, now)));
      case ABORTING ->
          aborting.reason() == null || aborting.reason().equals(transaction.state().reason())
              ? Verdict.Join.INSTANCE
              : new Verdict.Join(
                  new Batch(
                      transaction.gid(), Guard.InStatus.as(transaction), null, List.of(aborting)));
      case SUBMITTED, SUCCEED, FAILED -> conflict(stored, "abort");
    };
  }

  /**
   * ResetNextCronTime: due now. While somebody works on it, it is looked at again when that comes
   * to its end. What is finished gets the time, too, and rests. Which of these it is says the
   * record at the commit, so any number of them at a time all succeed.
   *
   * @param stored the record of that gid; null: there is none
   */
  public Verdict resetNextCronTime(@Nullable Stored stored, Instant now) {
    if (stored == null) {
      return notFound();
    }
    return new Verdict.Commit(
        new Batch(
            stored.transaction().gid(),
            Guard.Known.INSTANCE,
            null,
            List.of(new Write.BringForward(now))),
        false);
  }

  /**
   * Force-stop: failed by the operator's word, no branch is called; parameters as in {@link
   * #abort}.
   */
  public Verdict forceStop(@Nullable Stored stored, Owner owner, Instant now) {
    if (stored == null) {
      return notFound();
    }
    return stored.transaction().status().isFinal()
        ? conflict(stored, "forceStop")
        : end(stored.transaction(), owner, now);
  }

  /**
   * Takes over a record that rests, as it was read, so that somebody works on it now.
   *
   * @param owner a fresh token
   */
  public Batch takeOver(Stored resting, Owner owner, Instant now) {
    return Batch.claim(
        Due.of(resting),
        owner.marked(Owner.Mark.LEASED),
        now.plus(policy(resting.transaction()).lease()),
        now);
  }

  private Write leased(Transaction transaction, Instant now) {
    return new Write.Lease(now.plus(policy(transaction).lease()), now);
  }

  /** A prepared transaction is decided; whoever had it before loses it. */
  private static Verdict takesOver(Transaction transaction, Owner owner, List<Write> writes) {
    return new Verdict.Commit(
        new Batch(
            transaction.gid(),
            Guard.InStatus.as(transaction),
            owner.marked(Owner.Mark.LEASED),
            writes),
        true);
  }

  private static Verdict end(Transaction transaction, Owner owner, Instant now) {
    return new Verdict.Commit(
        new Batch(
            transaction.gid(),
            Guard.InStatus.as(transaction),
            owner.marked(Owner.Mark.RESTING),
            List.of(new Write.SetStatus(GlobalStatus.FAILED, null, null, now))),
        false);
  }

  private RetryPolicy policy(Transaction transaction) {
    return new RetryPolicy(settings, transaction.definition().options());
  }

  private static @Nullable String orNull(String text) {
    return text.isEmpty() ? null : text;
  }

  private static Verdict notFound() {
    return failed(ErrorCode.GID_NOT_FOUND, "no transaction has this gid");
  }

  private static Verdict failed(ErrorCode code, String message) {
    return new Verdict.Answer(new Reply.Failed(code, message));
  }

  private static Verdict decided(Stored stored) {
    GlobalStatus status = stored.transaction().status();
    return new Verdict.Answer(
        new Reply.Refused(
            ErrorCode.WORKFLOW_DECIDED,
            status.isFinal()
                ? "the workflow is " + status.wireName() + " already"
                : "another run of the workflow has decided the other way",
            null));
  }

  private static Verdict conflict(Stored stored, String operation) {
    Transaction transaction = stored.transaction();
    return new Verdict.Answer(
        new Reply.Refused(
            ErrorCode.STATUS_CONFLICT,
            operation
                + " is not possible: the "
                + transaction.definition().type().wireName()
                + " is "
                + transaction.status().wireName(),
            null));
  }
}
