package io.dtm4j.store.sql;

import org.jspecify.annotations.Nullable;

/** A stored row that makes no sense. Others can be read all the same. */
final class BrokenRowException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  BrokenRowException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
