package io.dtm4j.engine;

import io.dtm4j.model.Branch;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Reply;
import org.jspecify.annotations.Nullable;

/**
 * What a client that waits for the result of its submit or abort is told: docs/spec/transactions.md
 * 9. A workflow is never waited for.
 */
public final class WaitRules {
  private static final String GOES_ON = "not finished yet; it goes on, query tells how it ends";

  private WaitRules() {}

  /** The answer when a wait ends with this pass. */
  public static Reply replyOf(Pass pass) {
    return reply(pass.transaction(), pass.gravest);
  }

  /** The answer when a wait ends without a pass, from what is stored. */
  public static Reply replyOf(Transaction transaction) {
    return reply(transaction, null);
  }

  /**
   * The answer to an abort, when a submit would be told that: it has got what it wanted when all is
   * rolled back.
   */
  public static Reply ofAbort(Reply ofSubmit) {
    return ofSubmit instanceof Reply.Refused refused
            && refused.code() == ErrorCode.ROLLED_BACK
            && refused.status() == GlobalStatus.FAILED
        ? Reply.Success.INSTANCE
        : ofSubmit;
  }

  private static Reply reply(Transaction transaction, @Nullable BranchAnswer gravest) {
    GlobalStatus status = transaction.status();
    if (status == GlobalStatus.SUCCEED) {
      return Reply.Success.INSTANCE;
    }
    return switch (transaction.definition().type()) {
      case SAGA -> {
        String reason = transaction.state().reason();
        yield reason.isEmpty() && status != GlobalStatus.FAILED
            ? new Reply.Refused(ErrorCode.NOT_FINISHED, GOES_ON, status)
            : rolledBack(transaction);
      }
      case MSG, WORKFLOW ->
          status == GlobalStatus.FAILED
              ? rolledBack(transaction)
              : grave(status, gravest, new Reply.Refused(ErrorCode.NOT_FINISHED, GOES_ON, status));
      case TCC, XA ->
          status == GlobalStatus.FAILED
              ? isRolledBack(transaction) ? rolledBack(transaction) : stopped(status)
              : grave(
                  status, gravest, new Reply.Unfinished(ErrorCode.NOT_FINISHED, GOES_ON, status));
    };
  }

  /** The gravest answer of a branch is told; otherwise that it is not finished. */
  private static Reply grave(
      GlobalStatus status, @Nullable BranchAnswer gravest, Reply notFinished) {
    return switch (gravest) {
      case BranchAnswer.Failure(String text) ->
          new Reply.Refused(ErrorCode.BRANCH_REFUSED, "a branch refused: " + text, status);
      case BranchAnswer.Unknown(String text) ->
          new Reply.Failed(
              ErrorCode.BRANCH_UNREACHABLE, "a branch gave no definite answer: " + text);
      case BranchAnswer.Ongoing _, BranchAnswer.Success _ -> notFinished;
      case null -> notFinished;
    };
  }

  private static Reply rolledBack(Transaction transaction) {
    String reason = transaction.state().reason();
    return new Reply.Refused(
        ErrorCode.ROLLED_BACK,
        reason.isEmpty() ? "the transaction failed" : reason,
        transaction.status());
  }

  /** Whether every branch has been cancelled or rolled back. */
  private static boolean isRolledBack(Transaction transaction) {
    return transaction.branches().stream()
        .filter(
            branch -> branch.key().op().equals(Op.CANCEL) || branch.key().op().equals(Op.ROLLBACK))
        .allMatch(Branch::isDone);
  }

  private static Reply stopped(GlobalStatus status) {
    return new Reply.Refused(
        ErrorCode.STATUS_CONFLICT, "it was stopped before every branch was rolled back", status);
  }
}
