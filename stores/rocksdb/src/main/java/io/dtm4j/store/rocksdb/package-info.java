/** The embedded store: transactions in RocksDB, synced to disk. */
@NullMarked
package io.dtm4j.store.rocksdb;

import org.jspecify.annotations.NullMarked;
