package io.dtm4j.store.sql;

import org.jspecify.annotations.Nullable;

/** Nothing is stored, because of somebody else; the same again may succeed at once. */
final class ConflictException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  ConflictException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
