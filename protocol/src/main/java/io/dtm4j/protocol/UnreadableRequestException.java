package io.dtm4j.protocol;

/**
 * A body that is no request. The message names the member and what was expected, and carries
 * nothing of the body, so it may be shown and logged.
 */
public final class UnreadableRequestException extends Exception {
  private static final long serialVersionUID = 1L;

  private final ErrorCode code;

  UnreadableRequestException(ErrorCode code, String message) {
    // Thrown for what strangers send: without a stack trace it costs little.
    super(message, null, false, false);
    this.code = code;
  }

  /** {@link ErrorCode#BAD_JSON}, or {@link ErrorCode#LIMIT_EXCEEDED}. */
  public ErrorCode code() {
    return code;
  }
}
