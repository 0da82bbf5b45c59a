package io.dtm4j.store.sql;

class PostgresStoreContractTest extends SqlStoreContract {
  PostgresStoreContractTest() {
    super(SharedServer.POSTGRES);
  }
}
