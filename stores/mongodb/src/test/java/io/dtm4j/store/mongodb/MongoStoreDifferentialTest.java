package io.dtm4j.store.mongodb;

import io.dtm4j.store.TransactionStore;
import io.dtm4j.store.contract.StoreDifferential;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;

@Tag("long")
class MongoStoreDifferentialTest extends StoreDifferential {
  private final MemoryServer server = new MemoryServer();

  @AfterEach
  void stop() {
    server.close();
  }

  /** Less than a minute; an embedded store does many times as many. */
  @Override
  protected int sequences() {
    return 400;
  }

  @Override
  protected TransactionStore emptyStore() {
    return MongoStore.open(server.newDatabase());
  }
}
