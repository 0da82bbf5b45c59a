package io.dtm4j.store.sql;

class Postgres18StoreTest extends SqlStoreTest {
  Postgres18StoreTest() {
    super(SharedServer.POSTGRES_18);
  }
}
