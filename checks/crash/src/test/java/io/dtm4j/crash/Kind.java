package io.dtm4j.crash;

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
  /** Submitted at once. */
  MESSAGE,
  /** Prepared, the local transaction done, submitted. */
  MESSAGE_TWO_PHASES,
  /** Prepared, the local transaction done, and the client is gone: the check-back decides. */
  MESSAGE_ABANDONED,
  /** Prepared, and the client is gone before its local transaction: the check-back decides. */
  MESSAGE_FORGOTTEN,
  /** Prepared and aborted. */
  MESSAGE_ABORTED;

  boolean isSaga() {
    return compareTo(MESSAGE) < 0;
  }

  /** The status in which it ends, once it is stored. */
  String end(boolean localDone) {
    return switch (this) {
      case SAGA, SAGA_CONCURRENT, SAGA_RETRIED, MESSAGE -> "succeed";
      case SAGA_REFUSED, SAGA_CONCURRENT_REFUSED -> "failed";
      case MESSAGE_TWO_PHASES, MESSAGE_ABANDONED -> localDone ? "succeed" : "failed";
      case MESSAGE_FORGOTTEN, MESSAGE_ABORTED -> "failed";
    };
  }
}
