package io.dtm4j.store.contract;

import io.dtm4j.store.MemoryStore;
import io.dtm4j.store.TransactionStore;
import java.time.InstantSource;

class MemoryStoreTest extends TransactionStoreContract {
  @Override
  protected TransactionStore emptyStore() {
    return new MemoryStore(InstantSource.system());
  }

  @Override
  public boolean takesWritesOfSeveralThreads() {
    return true;
  }
}
