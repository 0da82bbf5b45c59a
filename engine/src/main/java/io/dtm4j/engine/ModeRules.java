package io.dtm4j.engine;

import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.GlobalStatus;

/** The rules of one mode. Stateless. */
sealed interface ModeRules permits SagaRules, MsgRules, TwoPhaseRules, WorkflowRules {
  /** A call that was in flight has been answered. */
  void answered(Draft draft, int row, BranchAnswer answer);

  /** Whether a call of this row that has not left yet may leave in this status. */
  boolean isStillWanted(GlobalStatus status, int row);

  /** Does all that can be done now: status changes, calls, or rest when nothing is in flight. */
  void advance(Draft draft);
}
