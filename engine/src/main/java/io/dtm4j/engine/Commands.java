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
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransType;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
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
     * Commit this; then answer success, or begin a pass on what was committed.
     *
     * @param runs whether a pass begins
     */
    record Commit(Batch batch, boolean runs) implements Verdict {}

    /** Answer at once; nothing changes. */
    record Answer(Reply reply) implements Verdict {}

    /** The transaction is on its way already: see that it is worked on, and wait if asked to. */
    record Join() implements Verdict {
      public static final Join INSTANCE = new Join();
    }
  }

  /**
   * Prepare.
   *
   * @param proposed the transaction as the request describes it
   * @param stored the record of that gid; null: none as far as is known
   * @param owner a fresh token for whoever takes the record over
   */
  public Verdict prepare(Transaction proposed, @Nullable Stored stored, Owner owner, Instant now) {
    if (stored == null) {
      return saveNew(proposed, GlobalStatus.PREPARED, owner, now);
    }
    return stored.transaction().status() == GlobalStatus.PREPARED
        ? new Verdict.Answer(Reply.Success.INSTANCE)
        : conflict(stored, "prepare");
  }

  /** Submit; parameters as in {@link #prepare}. */
  public Verdict submit(Transaction proposed, @Nullable Stored stored, Owner owner, Instant now) {
    if (stored == null) {
      return saveNew(proposed, GlobalStatus.SUBMITTED, owner, now);
    }
    Transaction transaction = stored.transaction();
    return switch (transaction.status()) {
      case PREPARED -> {
        List<Write> writes = new ArrayList<>();
        writes.add(new Write.SetStatus(GlobalStatus.SUBMITTED, null, null, now));
        writes.add(
            new Write.SetSchedule(
                new Schedule(
                    transaction.state().schedule().interval(),
                    now.plus(policy(transaction).lease())),
                now));
        Extra extra = extraWhenSubmitted(transaction, now);
        if (!extra.equals(transaction.state().extra())) {
          writes.add(new Write.SetExtra(extra));
        }
        yield new Verdict.Commit(
            new Batch(
                transaction.gid(),
                new Guard.InStatus(GlobalStatus.PREPARED, null),
                owner.marked(Owner.Mark.LEASED),
                writes),
            true);
      }
      case SUBMITTED -> Verdict.Join.INSTANCE;
      case ABORTING, SUCCEED, FAILED -> conflict(stored, "submit");
    };
  }

  /** Abort; what counts is the stored type, not the one the request names. */
  public Verdict abort(@Nullable Stored stored, Owner owner, Instant now) {
    if (stored == null) {
      return notFound();
    }
    Transaction transaction = stored.transaction();
    return transaction.definition().type() == TransType.MSG
            && transaction.status() == GlobalStatus.PREPARED
        ? end(transaction, owner, now)
        : conflict(stored, "abort");
  }

  /** Force-stop: failed by the operator's word, no branch is called. */
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
    Transaction transaction = resting.transaction();
    Schedule schedule = transaction.state().schedule();
    return new Batch(
        transaction.gid(),
        new Guard.AsRead(Due.of(resting)),
        owner.marked(Owner.Mark.LEASED),
        List.of(
            new Write.SetSchedule(
                new Schedule(schedule.interval(), now.plus(policy(transaction).lease())), now)));
  }

  private Verdict saveNew(Transaction proposed, GlobalStatus status, Owner owner, Instant now) {
    RetryPolicy policy = policy(proposed);
    boolean runs = status == GlobalStatus.SUBMITTED;
    Instant next =
        runs
            ? now.plus(policy.lease())
            : proposed.definition().type() == TransType.SAGA
                ? now.plus(policy.base())
                : now.plus(policy.timeoutWhilePrepared());
    State state =
        new State(
            status,
            "",
            "",
            now,
            null,
            new Schedule(policy.base(), next),
            runs ? extraWhenSubmitted(proposed, now) : Extra.NONE);
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

  private static Extra extraWhenSubmitted(Transaction transaction, Instant now) {
    Extra extra = transaction.state().extra();
    return transaction.definition().type() == TransType.MSG
        ? MsgRules.withDelay(extra, transaction.definition().customData(), now)
        : extra;
  }

  private static Verdict end(Transaction transaction, Owner owner, Instant now) {
    return new Verdict.Commit(
        new Batch(
            transaction.gid(),
            new Guard.InStatus(transaction.status(), null),
            owner.marked(Owner.Mark.RESTING),
            List.of(new Write.SetStatus(GlobalStatus.FAILED, null, null, now))),
        false);
  }

  private RetryPolicy policy(Transaction transaction) {
    return new RetryPolicy(settings, transaction.definition().options());
  }

  private static Verdict notFound() {
    return new Verdict.Answer(
        new Reply.Failed(ErrorCode.GID_NOT_FOUND, "no transaction has this gid"));
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
