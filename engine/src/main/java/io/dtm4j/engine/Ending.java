package io.dtm4j.engine;

/** Why a pass ends. */
public enum Ending {
  /** The status is final. */
  FINISHED,
  /** Nothing is in flight any more; the transaction waits for its next time. */
  RESTING
}
