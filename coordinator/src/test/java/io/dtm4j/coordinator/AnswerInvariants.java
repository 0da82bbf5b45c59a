package io.dtm4j.coordinator;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Guard;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransactionRequest;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What must hold of what clients hear. */
final class AnswerInvariants {
  private AnswerInvariants() {}

  static List<Invariant> all() {
    return List.of(
        new AnswersAreStored(), new SuccessIsTrue(), new RollbackIsTrue(), new AnswersComeLast());
  }

  private static final class AnswersAreStored extends Invariant {
    AnswersAreStored() {
      super("R1: nothing is a success before it is stored");
    }

    @Override
    void answered(Answer answer) {
      check(!(answer.reply() instanceof Reply.Success) || answer.stored() != null, answer);
    }
  }

  private static final class SuccessIsTrue extends Invariant {
    SuccessIsTrue() {
      super("R2: what a client hears of as done is stored");
    }

    @Override
    void answered(Answer answer) {
      if (!(answer.reply() instanceof Reply.Success)
          || answer.command() == null
          || answer.stored() == null) {
        return;
      }
      GlobalStatus status = answer.stored().transaction().status();
      boolean right =
          switch (answer.command().kind()) {
            case PREPARE, RESET_NEXT_CRON_TIME -> true;
            case SUBMIT -> isWhatWasSubmitted(answer.command().request(), status);
            case ABORT -> status == GlobalStatus.ABORTING || status == GlobalStatus.FAILED;
            case FORCE_STOP -> status == GlobalStatus.FAILED;
          };
      check(right, answer);
    }

    private static boolean isWhatWasSubmitted(TransactionRequest request, GlobalStatus status) {
      String end = request.reqExtra().get("status"); // of a workflow
      if (end != null) {
        return status.wireName().equals(end);
      }
      return request.options().waitResult()
          ? status == GlobalStatus.SUCCEED
          : status != GlobalStatus.PREPARED;
    }
  }

  private static final class RollbackIsTrue extends Invariant {
    RollbackIsTrue() {
      super("R2: what a client hears of as rolled back is stored as such");
    }

    @Override
    void answered(Answer answer) {
      if (answer.reply() instanceof Reply.Refused refused
          && refused.code() == ErrorCode.ROLLED_BACK) {
        GlobalStatus status =
            answer.stored() == null ? null : answer.stored().transaction().status();
        check(status == GlobalStatus.ABORTING || status == GlobalStatus.FAILED, answer);
      }
    }
  }

  private static final class AnswersComeLast extends Invariant {
    private record Asked(Server server, Gid gid) {}

    private final Map<Asked, Integer> open = new HashMap<>();

    AnswersComeLast() {
      super("nothing is written for a client that has been answered");
    }

    @Override
    void asked(Server server, Gid gid) {
      open.merge(new Asked(server, gid), 1, Integer::sum);
    }

    @Override
    void answered(Answer answer) {
      if (!answer.gid().isEmpty()) {
        open.merge(new Asked(answer.server(), new Gid(answer.gid())), -1, Integer::sum);
      }
    }

    @Override
    void handedOver(Server server, Batch batch) {
      check(
          batch.guard() instanceof Guard.HeldBy
              || open.getOrDefault(new Asked(server, batch.gid()), 0) > 0,
          batch);
    }
  }

  /** Told apart from the others because a client knows which branch it has registered. */
  static final class RegisteredBranchesAreStored extends Invariant {
    RegisteredBranchesAreStored() {
      super("R1: a branch is not registered before it is stored");
    }

    void registered(String branchId, io.dtm4j.model.@Nullable Stored stored) {
      check(
          stored != null
              && stored.transaction().branches().stream()
                  .anyMatch(branch -> branch.key().branchId().equals(branchId)),
          branchId);
    }
  }
}
