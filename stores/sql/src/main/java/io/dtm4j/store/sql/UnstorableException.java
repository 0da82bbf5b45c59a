package io.dtm4j.store.sql;

import io.dtm4j.protocol.ErrorCode;
import org.jspecify.annotations.Nullable;

/** A value that no column can hold. Nothing is stored. */
final class UnstorableException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final @Nullable ErrorCode code;

  UnstorableException(String message) {
    this(null, message);
  }

  /**
   * @param code what the client is told that has sent it; null: it is no client's to mend
   */
  UnstorableException(@Nullable ErrorCode code, String message) {
    super(message);
    this.code = code;
  }

  @Nullable ErrorCode code() {
    return code;
  }
}
