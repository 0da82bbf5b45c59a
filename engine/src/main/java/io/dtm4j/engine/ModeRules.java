package io.dtm4j.engine;

import io.dtm4j.protocol.BranchAnswer;

/** The rules of one mode. Stateless. */
sealed interface ModeRules permits SagaRules, MsgRules {
  /** A call that was in flight has been answered. */
  void answered(Draft draft, int row, BranchAnswer answer);

  /** Does all that can be done now: status changes, calls, or rest when nothing is in flight. */
  void advance(Draft draft);
}
