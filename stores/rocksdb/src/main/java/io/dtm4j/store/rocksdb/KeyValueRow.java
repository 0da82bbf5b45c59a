package io.dtm4j.store.rocksdb;

import io.dtm4j.store.Cursors;
import io.dtm4j.store.KeyValue;

/** A value beside the transactions. Category and key are in the key of the row. */
final class KeyValueRow {
  private static final int VERSION = 1;

  private KeyValueRow() {}

  static byte[] write(RowWriter writer, KeyValue value) {
    return writer
        .clear()
        .code(VERSION)
        .number(value.version())
        .time(value.createTime())
        .time(value.updateTime(), value.createTime())
        .text(value.value())
        .copy();
  }

  static KeyValue read(byte[] key, byte[] row) {
    return read(Keys.nameOfValue(key), row);
  }

  static KeyValue read(Cursors.Name name, byte[] row) {
    try {
      RowReader reader = RowReader.of(row, VERSION);
      long version = reader.number();
      var createTime = reader.time();
      var updateTime = reader.time(createTime);
      return new KeyValue(
          name.category(), name.key(), reader.text(), version, createTime, updateTime);
    } catch (IllegalStateException | IndexOutOfBoundsException e) {
      throw new BrokenRowException("value " + name + " cannot be read", e);
    }
  }
}
