package io.dtm4j.store.sql;

import org.jspecify.annotations.Nullable;

/** Nothing is stored, because of somebody else; the same again may succeed at once. */
final class ConflictException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final boolean duplicate;

  ConflictException(String message, @Nullable Throwable cause) {
    this(message, cause, false);
  }

  private ConflictException(String message, @Nullable Throwable cause, boolean duplicate) {
    super(message, cause);
    this.duplicate = duplicate;
  }

  /** There is such a row, which could not be seen before. */
  static ConflictException duplicate(Exception cause) {
    return new ConflictException(String.valueOf(cause.getMessage()), cause, true);
  }

  /** Whether the same again succeeds only if that row is found then. */
  boolean isDuplicate() {
    return duplicate;
  }
}
