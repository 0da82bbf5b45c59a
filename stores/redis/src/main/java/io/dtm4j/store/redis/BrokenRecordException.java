package io.dtm4j.store.redis;

/** What is stored of a transaction makes no sense. */
final class BrokenRecordException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  BrokenRecordException(String message, Throwable cause) {
    super(message, cause);
  }
}
