package io.dtm4j.store.mongodb;

import io.dtm4j.store.TransactionStore;
import io.dtm4j.store.contract.StoreDifferential;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;

@Tag("long")
class RealMongoStoreDifferentialTest extends StoreDifferential {
  private final MongoStoreConfig config = RealServer.newDatabase();

  @AfterEach
  void reset() {
    MongoStore.reset(config);
  }

  @Override
  protected int sequences() {
    return 400;
  }

  @Override
  protected TransactionStore emptyStore() {
    return MongoStore.open(config);
  }
}
