package io.dtm4j.store.rocksdb;

/**
 * A row that is there but makes no sense: damage of the disk, or a defect. Repeating does not help.
 */
final class BrokenRowException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  BrokenRowException(String message, Throwable cause) {
    super(message, cause);
  }
}
