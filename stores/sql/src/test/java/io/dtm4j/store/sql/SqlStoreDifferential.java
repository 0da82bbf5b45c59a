package io.dtm4j.store.sql;

import io.dtm4j.store.TransactionStore;
import io.dtm4j.store.contract.StoreDifferential;
import org.junit.jupiter.api.Tag;

/** Random calls, on databases of such a server. */
@Tag("long")
abstract class SqlStoreDifferential extends StoreDifferential {
  private final SharedServer server;

  SqlStoreDifferential(SharedServer server) {
    this.server = server;
  }

  /** Less than a minute; an embedded store does many times as many. */
  @Override
  protected int sequences() {
    return 400;
  }

  SqlStoreConfig newDatabase(SharedServer of) throws Exception {
    return of.newDatabase();
  }

  @Override
  protected TransactionStore emptyStore() throws Exception {
    return SqlStore.open(newDatabase(server));
  }
}
