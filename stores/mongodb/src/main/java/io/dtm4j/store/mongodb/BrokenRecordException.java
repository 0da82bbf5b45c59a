package io.dtm4j.store.mongodb;

import org.jspecify.annotations.Nullable;

/** A stored document that makes no sense. Others can be read all the same. */
final class BrokenRecordException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  BrokenRecordException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
