package io.dtm4j.store.sql;

import io.dtm4j.store.TransactionStore;
import io.dtm4j.store.contract.DurableStoreContract;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;

@Tag("long")
@TestInstance(Lifecycle.PER_CLASS)
class MariaDbStoreContractTest extends DurableStoreContract {
  private SqlStoreConfig config = new SqlStoreConfig("", "", "", 1);

  @BeforeAll
  void makeDatabase() throws Exception {
    config = SharedServer.MARIADB.newDatabase();
  }

  @Override
  protected TransactionStore emptyStore() throws Exception {
    return SharedServer.emptied(config);
  }

  @Override
  public boolean takesWritesOfSeveralThreads() {
    return true;
  }

  @Override
  protected TransactionStore reopen(TransactionStore store) {
    store.close();
    return SqlStore.open(config);
  }
}
