package io.dtm4j.engine;

import io.dtm4j.model.Attempt;
import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.CustomData;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;

/**
 * Workflows: docs/spec/transactions.md 8. The application drives and ends them ({@link Commands});
 * a pass only calls it back, so that it goes on after a crash. What it answers changes nothing but
 * the time of the next call: that is one interval later, and the interval doubles when it gives no
 * answer twice in a row.
 */
final class WorkflowRules implements ModeRules {
  private static final String BRANCH_ID = "00";

  private static BranchKey resumeOf(CustomData.Workflow workflow) {
    return new BranchKey(BRANCH_ID, Op.of(workflow.name()));
  }

  private static CustomData.Workflow workflowOf(Draft draft) {
    return CustomData.workflow(draft.before().definition().customData());
  }

  @Override
  public void answered(Draft draft, int row, BranchAnswer answer) {
    BranchKey resume = resumeOf(workflowOf(draft));
    boolean silentBefore = draft.lastAnswer(resume) == Attempt.Kind.UNKNOWN;
    if (answer instanceof BranchAnswer.Success) {
      draft.forgetAttempts(resume);
    } else {
      draft.leaveOpen(row, resume, answer);
      draft.countOneMoreThanDoublings();
    }
    if (!(answer instanceof BranchAnswer.Unknown)) {
      draft.interval(draft.retry().base());
    } else if (silentBefore) {
      draft.interval(draft.retry().doubled(draft.interval()));
    }
    draft.restForInterval();
  }

  @Override
  public boolean isStillWanted(GlobalStatus status, int row) {
    return true; // whoever ends the workflow takes it over
  }

  @Override
  public void advance(Draft draft) {
    if (draft.isAtRest() || draft.hasInFlight()) {
      return;
    }
    String url = draft.before().definition().queryPrepared();
    if (url.isEmpty()) {
      draft.rest(draft.now().plus(RetryPolicy.LONGEST)); // only the application moves it
    } else if (draft.mayAsk(Call.NO_ROW)) {
      CustomData.Workflow workflow = workflowOf(draft);
      draft.call(Call.NO_ROW, resumeOf(workflow), url, Payload.of(workflow.data()));
    } else {
      draft.restForRetry(null);
    }
  }
}
