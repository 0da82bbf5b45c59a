package io.dtm4j.store.mongodb;

import io.dtm4j.store.TransactionStore;
import io.dtm4j.store.contract.DurableStoreContract;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;

@Tag("long")
@TestInstance(Lifecycle.PER_CLASS)
class MongoStoreContractTest extends DurableStoreContract {
  private final MemoryServer server = new MemoryServer();
  private final MongoStoreConfig config = server.newDatabase();

  @AfterAll
  void stop() {
    server.close();
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
