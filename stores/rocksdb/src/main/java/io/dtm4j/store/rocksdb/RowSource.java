package io.dtm4j.store.rocksdb;

import org.jspecify.annotations.Nullable;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.RocksDBException;

/** Where rows are read: the database as it is, or as of one moment. */
interface RowSource {
  /** The row of that key, or null. */
  byte @Nullable [] get(ColumnFamilyHandle family, byte[] key) throws RocksDBException;
}
