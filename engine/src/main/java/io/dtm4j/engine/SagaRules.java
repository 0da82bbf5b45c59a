package io.dtm4j.engine;

import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.HttpAnswers;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Sagas: docs/spec/transactions.md 4. The actions run forward in the order of the {@link Plan};
 * when one is refused, all that may have been executed is compensated backward.
 */
final class SagaRules implements ModeRules {
  private static final int ROWS_PER_STEP = 2;

  /** 4.3: the reason when a failed action was stored by a server that kept its text in memory. */
  private static final String LOST_REASON = "fail message lost";

  private static int compensationOf(int step) {
    return ROWS_PER_STEP * step;
  }

  private static int actionOf(int step) {
    return ROWS_PER_STEP * step + 1;
  }

  private static boolean isAction(int row) {
    return row % ROWS_PER_STEP == 1;
  }

  @Override
  public void answered(Draft draft, int row, BranchAnswer answer) {
    if (isAction(row)) {
      actionAnswered(draft, row, answer);
    } else {
      draft.settleOrRetry(row, answer); // 4.5: a compensation may not fail
    }
  }

  private static void actionAnswered(Draft draft, int row, BranchAnswer answer) {
    boolean forward = draft.status() == GlobalStatus.SUBMITTED;
    switch (answer) {
      case BranchAnswer.Success _ -> {
        draft.settle(row, BranchStatus.SUCCEED);
        if (forward && draft.extra().dirty()) {
          draft.keep(draft.extra().withDirty(false)); // what may have run ahead is runnable now
        }
      }
      case BranchAnswer.Failure(String text) -> {
        draft.settle(row, BranchStatus.FAILED);
        if (forward) {
          String url = draft.branch(row).url();
          rollBack(draft, "url:" + url + " return failed: " + HttpAnswers.endingInFailure(text));
        }
      }
      case BranchAnswer.Ongoing _, BranchAnswer.Unknown _ -> {
        draft.leaveOpen(row, answer);
        if (forward && draft.before().definition().options().retryLimit() > 0) {
          draft.countCalls();
          repeatOrGiveUp(draft, row);
        }
      }
    }
  }

  /** 4.6: the count is durable before the repeat leaves, so no crash grants more repeats. */
  private static void repeatOrGiveUp(Draft draft, int row) {
    long limit = draft.before().definition().options().retryLimit();
    long used = draft.extra().retryCount();
    if (used < limit) {
      draft.keep(draft.extra().withRetryCount(used + 1));
      draft.askAgain(row);
    } else {
      rollBack(draft, "RetryCount is greater than RetryLimit, RetryLimit: " + limit);
    }
  }

  /** No action is called once the saga is aborting. */
  @Override
  public boolean isStillWanted(GlobalStatus status, int row) {
    return !isAction(row) || status == GlobalStatus.SUBMITTED;
  }

  @Override
  public void advance(Draft draft) {
    if (draft.status() == GlobalStatus.SUBMITTED) {
      forward(draft);
    }
    if (draft.status() == GlobalStatus.ABORTING) {
      backward(draft);
    }
    if (draft.status().isFinal()) {
      return;
    }
    Instant timeout = draft.status() == GlobalStatus.SUBMITTED ? timeoutOf(draft) : null;
    if (draft.hasInFlight()) {
      if (timeout != null) {
        draft.wakeAt(timeout);
      }
    } else if (draft.status() == GlobalStatus.PREPARED) {
      draft.rest(draft.now().plus(RetryPolicy.LONGEST)); // only a submit moves a prepared saga
    } else {
      draft.restForRetry(timeout);
    }
  }

  /** 4.1, forward phase: starts every action that may run, or ends it. */
  private static void forward(Draft draft) {
    if (draft.plan().isSequential()) {
      draft.letRunAhead();
    }
    for (int step = 0; step < draft.plan().steps(); step++) {
      if (draft.branch(actionOf(step)).status() == BranchStatus.FAILED) {
        rollBack(draft, LOST_REASON);
        return;
      }
    }
    boolean timedOut = isTimedOut(draft);
    boolean moved;
    do {
      moved = false;
      boolean allDone = true;
      for (int step = 0; step < draft.plan().steps(); step++) {
        int row = actionOf(step);
        if (draft.branch(row).isDone()) {
          continue;
        }
        allDone = false;
        if (!timedOut && !draft.isParked() && draft.mayCall(row) && isRunnable(draft, step)) {
          draft.call(row);
          moved |= draft.branch(row).isDone();
        }
      }
      if (allDone) {
        draft.changeStatus(GlobalStatus.SUCCEED, null);
        return;
      }
    } while (moved);
    if (timedOut) {
      long seconds = draft.before().definition().options().timeoutToFail();
      rollBack(draft, "Timeout after " + seconds + " seconds");
    }
  }

  private static boolean isRunnable(Draft draft, int step) {
    for (int predecessor : draft.plan().before(step)) {
      if (!draft.branch(actionOf(predecessor)).isDone()) {
        return false;
      }
    }
    return true;
  }

  private static boolean isTimedOut(Draft draft) {
    Instant timeout = timeoutOf(draft);
    return timeout != null && !draft.now().isBefore(timeout);
  }

  private static @Nullable Instant timeoutOf(Draft draft) {
    long seconds = draft.before().definition().options().timeoutToFail();
    return seconds > 0 ? draft.before().definition().createTime().plusSeconds(seconds) : null;
  }

  /**
   * 4.2: from here on no action is called any more. Answers of actions in flight will still be
   * stored and would change what follows from the rows, so what is compensated is fixed now.
   */
  private static void rollBack(Draft draft, String reason) {
    draft.changeStatus(GlobalStatus.ABORTING, reason);
    boolean lateAnswers = false;
    for (int step = 0; step < draft.plan().steps(); step++) {
      lateAnswers |= draft.isInFlight(actionOf(step));
    }
    if (lateAnswers) {
      List<Integer> required = new ArrayList<>();
      for (int step = 0; step < draft.plan().steps(); step++) {
        if (mayHaveRun(draft, step)) {
          required.add(step);
        }
      }
      draft.keep(draft.extra().withRequired(required));
    }
  }

  /**
   * 4.2: was callable, or could be called ahead by a server that is gone: when its predecessors
   * were callable, and may have succeeded without a record of it. They may be refused since.
   */
  private static boolean mayHaveRun(Draft draft, int step) {
    if (wasCallable(draft, step)) {
      return true;
    }
    if (!draft.extra().dirty() || !draft.plan().isSequential()) {
      return false;
    }
    for (int predecessor : draft.plan().before(step)) {
      if (!wasCallable(draft, predecessor)) {
        return false;
      }
    }
    return true;
  }

  /** Done, refused, in flight, called without a definite answer, or callable before a crash. */
  private static boolean wasCallable(Draft draft, int step) {
    return !draft.branch(actionOf(step)).isOpen() || isRunnable(draft, step);
  }

  private static boolean[] required(Draft draft) {
    boolean[] required = new boolean[draft.plan().steps()];
    List<Integer> fixed = draft.extra().required();
    if (fixed != null) {
      fixed.forEach(step -> required[step] = true);
      return required;
    }
    for (int step = 0; step < required.length; step++) {
      required[step] = mayHaveRun(draft, step);
    }
    return required;
  }

  /** 4.1, backward phase: starts every compensation that is due; all done: the saga has failed. */
  private static void backward(Draft draft) {
    boolean[] required = required(draft);
    boolean moved;
    boolean allDone;
    do {
      moved = false;
      allDone = true;
      for (int step = required.length - 1; step >= 0; step--) {
        int row = compensationOf(step);
        if (!required[step] || draft.branch(row).isDone()) {
          continue;
        }
        allDone = false;
        // The compensation of an action whose call is in flight waits for the end of that call.
        if (!draft.isParked()
            && draft.mayCall(row)
            && !draft.isInFlight(actionOf(step))
            && isDue(draft, required, step)) {
          draft.call(row);
          moved |= draft.branch(row).isDone();
        }
      }
    } while (moved);
    if (allDone) {
      draft.changeStatus(GlobalStatus.FAILED, null);
    }
  }

  private static boolean isDue(Draft draft, boolean[] required, int step) {
    for (int dependent : draft.plan().after(step)) {
      if (required[dependent] && !draft.branch(compensationOf(dependent)).isDone()) {
        return false;
      }
    }
    return true;
  }
}
