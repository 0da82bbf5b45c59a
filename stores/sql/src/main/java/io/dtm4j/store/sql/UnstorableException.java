package io.dtm4j.store.sql;

/** A value that no column can hold. Nothing is stored. */
final class UnstorableException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  UnstorableException(String message) {
    super(message);
  }
}
