package io.dtm4j.store.rocksdb;

import io.dtm4j.store.TransactionStore;
import io.dtm4j.store.contract.StoreDifferential;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

class RocksDbStoreDifferentialTest extends StoreDifferential {
  @TempDir Path directory;

  @Override
  protected TransactionStore emptyStore() {
    return RocksDbStore.open(new RocksDbConfig(directory, true));
  }

  @Override
  protected TransactionStore reopen(TransactionStore store) {
    store.close();
    return RocksDbStore.open(new RocksDbConfig(directory, true));
  }
}
