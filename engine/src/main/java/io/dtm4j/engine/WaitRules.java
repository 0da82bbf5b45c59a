package io.dtm4j.engine;

import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransType;
import org.jspecify.annotations.Nullable;

/** What a client that waits for the result of its submit is told: docs/spec/transactions.md 9. */
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

  private static Reply reply(Transaction transaction, @Nullable BranchAnswer gravest) {
    GlobalStatus status = transaction.status();
    String reason = transaction.state().reason();
    if (status == GlobalStatus.SUCCEED) {
      return Reply.Success.INSTANCE;
    }
    if (!reason.isEmpty() || status == GlobalStatus.FAILED) {
      return new Reply.Refused(
          ErrorCode.ROLLED_BACK, reason.isEmpty() ? "the transaction failed" : reason, status);
    }
    if (transaction.definition().type() == TransType.MSG && gravest != null) {
      return switch (gravest) {
        case BranchAnswer.Failure(String text) ->
            new Reply.Refused(ErrorCode.BRANCH_REFUSED, "a branch refused: " + text, status);
        case BranchAnswer.Unknown(String text) ->
            new Reply.Failed(
                ErrorCode.BRANCH_UNREACHABLE, "a branch gave no definite answer: " + text);
        case BranchAnswer.Ongoing _, BranchAnswer.Success _ ->
            new Reply.Refused(ErrorCode.NOT_FINISHED, GOES_ON, status);
      };
    }
    return new Reply.Refused(ErrorCode.NOT_FINISHED, GOES_ON, status);
  }
}
