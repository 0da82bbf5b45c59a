package io.dtm4j.store.contract;

import io.dtm4j.store.MemoryStore;
import io.dtm4j.store.TransactionStore;
import java.time.InstantSource;

/** That the sequences themselves are sound; what they find, other stores show. */
class MemoryStoreDifferentialTest extends StoreDifferential {
  @Override
  protected TransactionStore emptyStore() {
    return new MemoryStore(InstantSource.system());
  }
}
