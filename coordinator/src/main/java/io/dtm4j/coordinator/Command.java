package io.dtm4j.coordinator;

import io.dtm4j.protocol.TransactionRequest;

/**
 * A request to change a transaction, from whichever door.
 *
 * @param request as it came; a door only cleans the gid as its protocol wants it
 */
public record Command(Kind kind, TransactionRequest request) {
  /** What is wanted. */
  public enum Kind {
    PREPARE,
    SUBMIT,
    ABORT,
    FORCE_STOP,
    RESET_NEXT_CRON_TIME
  }
}
