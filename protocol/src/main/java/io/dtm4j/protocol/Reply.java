package io.dtm4j.protocol;

import org.jspecify.annotations.Nullable;

/**
 * The end of a request that changes a transaction (docs/spec/http-api.md 1.1). Each door turns it
 * into its own codes in one place.
 */
public sealed interface Reply {
  /** Taken, nothing to report. */
  record Success() implements Reply {
    public static final Success INSTANCE = new Success();
  }

  /**
   * A definite no; HTTP 409.
   *
   * @param code why
   * @param message the text, without the word the wire appends
   * @param status the status of the transaction when {@code wait_result} led here, else null
   */
  record Refused(ErrorCode code, String message, @Nullable GlobalStatus status) implements Reply {}

  /**
   * Not finished yet; HTTP 425.
   *
   * @param code why
   * @param message the text, without the word the wire appends
   * @param status the status of the transaction when {@code wait_result} led here, else null
   */
  record Unfinished(ErrorCode code, String message, @Nullable GlobalStatus status)
      implements Reply {}

  /**
   * Anything else that is no success: bad requests, unknown gids, trouble of the server; mostly
   * HTTP 500.
   *
   * @param code why
   * @param message cause and next step
   */
  record Failed(ErrorCode code, String message) implements Reply {}
}
