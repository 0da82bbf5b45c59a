package io.dtm4j.store;

import io.dtm4j.protocol.ErrorCode;
import org.jspecify.annotations.Nullable;

/**
 * Nothing of a group is stored, nor ever will be: something in it cannot be stored, or the group is
 * too much at a time. The caller halves the group until only what is broken fails.
 */
public final class StoreRejectedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final @Nullable ErrorCode code;

  public StoreRejectedException(String message, Throwable cause) {
    this(message, cause, null);
  }

  /**
   * @param code what the client is told that has sent it, with the message; null: it is no client's
   *     to mend
   */
  public StoreRejectedException(String message, Throwable cause, @Nullable ErrorCode code) {
    super(message, cause);
    this.code = code;
  }

  /** What the client is told that has sent it; null: it is no client's to mend. */
  public @Nullable ErrorCode code() {
    return code;
  }
}
