package io.dtm4j.store.sql;

import io.dtm4j.store.TransactionStore;
import io.dtm4j.store.contract.StoreDifferential;
import org.junit.jupiter.api.Tag;

@Tag("long")
class PostgresStoreDifferentialTest extends StoreDifferential {
  /** Less than a minute; an embedded store does many times as many. */
  @Override
  protected int sequences() {
    return 400;
  }

  @Override
  protected TransactionStore emptyStore() throws Exception {
    return SqlStore.open(SharedServer.POSTGRES.newDatabase());
  }
}
