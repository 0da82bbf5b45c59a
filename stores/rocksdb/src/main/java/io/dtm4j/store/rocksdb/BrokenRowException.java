package io.dtm4j.store.rocksdb;

import org.rocksdb.RocksDBException;
import org.rocksdb.Status;

/**
 * A row that is there but makes no sense: damage of the disk, or a defect. Repeating does not help.
 */
final class BrokenRowException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  BrokenRowException(String message, Throwable cause) {
    super(message, cause);
  }

  /** Whether this says that what is stored is damaged; anything else concerns all rows. */
  static boolean isCause(RocksDBException e) {
    return e.getStatus() != null && e.getStatus().getCode() == Status.Code.Corruption;
  }
}
