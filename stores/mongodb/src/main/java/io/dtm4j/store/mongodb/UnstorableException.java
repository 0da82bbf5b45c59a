package io.dtm4j.store.mongodb;

/** A value that no document can hold. Nothing is stored. */
final class UnstorableException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  UnstorableException(String message) {
    super(message);
  }
}
