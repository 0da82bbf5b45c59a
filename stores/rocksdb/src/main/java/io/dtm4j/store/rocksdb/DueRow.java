package io.dtm4j.store.rocksdb;

/**
 * A row of the due index, whose key says when and which.
 *
 * @param isHeld somebody works on it, or did when the store was left
 * @param number the number of the transaction
 */
record DueRow(boolean isHeld, long number) {
  /** Begins a row that is held. */
  static final byte HELD = 1;

  static byte[] write(RowWriter writer, boolean isHeld, long number) {
    return writer.clear().code(isHeld ? HELD : 0).number(number).copy();
  }

  static DueRow read(byte[] row) {
    var reader = new RowReader(row, 0);
    return new DueRow(reader.code() == HELD, reader.number());
  }
}
