package io.dtm4j.store.mongodb;

import io.dtm4j.store.TransactionStore;
import io.dtm4j.store.contract.DurableStoreContract;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;

@Tag("long")
@TestInstance(Lifecycle.PER_CLASS)
class RealMongoStoreContractTest extends DurableStoreContract {
  private final MongoStoreConfig config = RealServer.newDatabase();

  @AfterAll
  void reset() {
    MongoStore.reset(config);
  }

  @Override
  protected TransactionStore emptyStore() {
    MongoStore.reset(config);
    return MongoStore.open(config);
  }

  @Override
  public boolean takesWritesOfSeveralThreads() {
    return true;
  }

  @Override
  protected TransactionStore reopen(TransactionStore store) {
    store.close();
    return MongoStore.open(config);
  }
}
