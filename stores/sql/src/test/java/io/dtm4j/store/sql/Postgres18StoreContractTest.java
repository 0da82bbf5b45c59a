package io.dtm4j.store.sql;

class Postgres18StoreContractTest extends SqlStoreContract {
  Postgres18StoreContractTest() {
    super(SharedServer.POSTGRES_18);
  }
}
