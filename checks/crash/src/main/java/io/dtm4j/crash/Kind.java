package io.dtm4j.crash;

import java.util.Set;

/** The kinds of transactions of a mixed load. */
enum Kind {
  /** Two transfers in a row, which commit. */
  SAGA,
  /** A bank refuses in the last step. */
  SAGA_REFUSED,
  /** Steps at the same time, one of them waits for another. */
  SAGA_CONCURRENT,
  /** Steps at the same time, one of them refuses. */
  SAGA_CONCURRENT_REFUSED,
  /** A bank gives no answer at first. */
  SAGA_RETRIED,
  /** Steps that took effect are refused when they are called again: it commits unless it must. */
  SAGA_REPEAT_REFUSED,
  /** A plain saga whose branches are called over gRPC. */
  SAGA_GRPC,
  /** The same, refused in the last step. */
  SAGA_GRPC_REFUSED,
  /** Submitted at once. */
  MESSAGE,
  /** Submitted at once; its last step goes to the two subscribers of a topic. */
  MESSAGE_TO_TOPIC,
  /** Prepared, the local transaction done, submitted. */
  MESSAGE_TWO_PHASES,
  /** Prepared, the local transaction done, and the client is gone: the check-back decides. */
  MESSAGE_ABANDONED,
  /** Prepared, and the client is gone before its local transaction: the check-back decides. */
  MESSAGE_FORGOTTEN,
  /** Prepared and aborted. */
  MESSAGE_ABORTED,
  /** Prepared, three branches registered and tried, submitted. */
  TCC,
  /** The last try is refused: aborted. */
  TCC_REFUSED,
  /** The client is gone after a try: cancelled when the time is over. */
  TCC_ABANDONED,
  /** Three branches that keep a prepared amount, submitted. */
  XA,
  /** The last branch cannot be prepared: aborted. */
  XA_REFUSED,
  /** The client is gone after a branch: rolled back when the time is over. */
  XA_ABANDONED,
  /** Three recorded steps. */
  WORKFLOW,
  /** The last step is refused: its application undoes all of them. */
  WORKFLOW_REFUSED,
  /** The application dies in the middle: called back, it goes on from what is recorded. */
  WORKFLOW_ABANDONED;

  /** Who decides how it goes on, and what its rows are. */
  enum Mode {
    SAGA,
    MESSAGE,
    TWO_PHASES,
    WORKFLOW
  }

  Mode mode() {
    return switch (this) {
      case SAGA,
          SAGA_REFUSED,
          SAGA_CONCURRENT,
          SAGA_CONCURRENT_REFUSED,
          SAGA_RETRIED,
          SAGA_REPEAT_REFUSED,
          SAGA_GRPC,
          SAGA_GRPC_REFUSED ->
          Mode.SAGA;
      case MESSAGE,
          MESSAGE_TO_TOPIC,
          MESSAGE_TWO_PHASES,
          MESSAGE_ABANDONED,
          MESSAGE_FORGOTTEN,
          MESSAGE_ABORTED ->
          Mode.MESSAGE;
      case TCC, TCC_REFUSED, TCC_ABANDONED, XA, XA_REFUSED, XA_ABANDONED -> Mode.TWO_PHASES;
      case WORKFLOW, WORKFLOW_REFUSED, WORKFLOW_ABANDONED -> Mode.WORKFLOW;
    };
  }

  /** Whether it is a TCC; of two phases, the others are XA. */
  boolean isTcc() {
    return this == TCC || this == TCC_REFUSED || this == TCC_ABANDONED;
  }

  /** Whether its last step refuses. */
  boolean isRefused() {
    return switch (this) {
      case SAGA_REFUSED, TCC_REFUSED, XA_REFUSED, WORKFLOW_REFUSED -> true;
      default -> false;
    };
  }

  /** Whether its client is gone in the middle. */
  boolean isAbandoned() {
    return this == TCC_ABANDONED || this == XA_ABANDONED || this == WORKFLOW_ABANDONED;
  }

  /** How many branches it has once all are there. */
  int branches() {
    return switch (this) {
      case MESSAGE_TWO_PHASES, MESSAGE_ABANDONED, MESSAGE_FORGOTTEN, MESSAGE_ABORTED -> 2;
      default -> 3;
    };
  }

  /**
   * The statuses in which it may end, once it is stored.
   *
   * @param done whether its client has done what makes it succeed: its local transaction, or a
   *     submit that was taken
   */
  Set<String> ends(boolean done) {
    return switch (this) {
      case SAGA,
          SAGA_CONCURRENT,
          SAGA_RETRIED,
          SAGA_GRPC,
          MESSAGE,
          MESSAGE_TO_TOPIC,
          WORKFLOW,
          WORKFLOW_ABANDONED ->
          Set.of("succeed");
      case SAGA_REPEAT_REFUSED -> Set.of("succeed", "failed");
      case MESSAGE_TWO_PHASES, MESSAGE_ABANDONED, TCC, XA -> Set.of(done ? "succeed" : "failed");
      case SAGA_REFUSED,
          SAGA_CONCURRENT_REFUSED,
          SAGA_GRPC_REFUSED,
          MESSAGE_FORGOTTEN,
          MESSAGE_ABORTED,
          TCC_REFUSED,
          TCC_ABANDONED,
          XA_REFUSED,
          XA_ABANDONED,
          WORKFLOW_REFUSED ->
          Set.of("failed");
    };
  }
}
