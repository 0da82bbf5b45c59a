package io.dtm4j.store.sql;

import io.dtm4j.store.TransactionStore;
import io.dtm4j.store.contract.DurableStoreContract;
import java.time.Duration;
import java.time.ZoneId;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;

/** The suite on tables that a DTM in Go has made, when that DTM is gone. */
@Tag("long")
@TestInstance(Lifecycle.PER_CLASS)
class PostgresAdoptedContractTest extends DurableStoreContract {
  private SqlStoreConfig config = new SqlStoreConfig("", "", "", 1);

  @BeforeAll
  void makeDatabase() throws Exception {
    config = SharedServer.POSTGRES.newAdopted(false, ZoneId.of("Asia/Kolkata"));
  }

  @Override
  public Duration tick() {
    return Duration.ofSeconds(1);
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
