package io.dtm4j.engine;

import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import java.time.Duration;
import java.time.Instant;

/**
 * The second phase of TCC and XA: docs/spec/transactions.md 5 and 6. The clients run the first one
 * and register its branches; submit, abort or a timeout decides the direction, once, and then one
 * branch after the other is called until all have succeeded.
 */
final class TwoPhaseRules implements ModeRules {
  static final TwoPhaseRules TCC = new TwoPhaseRules(Op.CONFIRM, Op.CANCEL, true);
  static final TwoPhaseRules XA = new TwoPhaseRules(Op.COMMIT, Op.ROLLBACK, false);

  private final Op forward;
  private final Op backward;
  private final boolean lastFirst;

  /**
   * @param lastFirst whether what was registered last is called first
   */
  private TwoPhaseRules(Op forward, Op backward, boolean lastFirst) {
    this.forward = forward;
    this.backward = backward;
    this.lastFirst = lastFirst;
  }

  /** The second phase may not fail; whatever is no success is tried again. */
  @Override
  public void answered(Draft draft, int row, BranchAnswer answer) {
    draft.settleOrRetry(row, answer);
  }

  @Override
  public boolean isStillWanted(GlobalStatus status, int row) {
    return true; // nothing is called before the direction is decided
  }

  @Override
  public void advance(Draft draft) {
    switch (draft.status()) {
      case PREPARED -> awaitDecision(draft);
      case SUBMITTED -> walk(draft, forward, GlobalStatus.SUCCEED);
      case ABORTING -> walk(draft, backward, GlobalStatus.FAILED);
      case SUCCEED, FAILED -> {}
    }
  }

  private static void awaitDecision(Draft draft) {
    Duration timeout = draft.retry().timeoutWhilePrepared();
    Instant due = draft.before().definition().createTime().plus(timeout);
    if (draft.now().isBefore(due)) {
      draft.rest(due);
    } else {
      String reason = "Timeout after " + timeout.toSeconds() + " seconds";
      draft.changeStatus(GlobalStatus.ABORTING, reason);
      draft.beginAnew(); // a branch may be registered before this is committed
    }
  }

  private void walk(Draft draft, Op op, GlobalStatus end) {
    for (int i = 0; i < draft.rows(); i++) {
      int row = lastFirst ? draft.rows() - 1 - i : i;
      if (!draft.branch(row).key().op().equals(op)) {
        continue;
      }
      if (draft.mayCall(row)) {
        draft.call(row);
      }
      if (draft.branch(row).isOpen()) {
        if (!draft.hasInFlight()) {
          draft.restForRetry(null);
        }
        return;
      }
    }
    draft.changeStatus(end, null);
  }
}
