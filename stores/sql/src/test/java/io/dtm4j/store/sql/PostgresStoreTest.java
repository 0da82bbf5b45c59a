package io.dtm4j.store.sql;

class PostgresStoreTest extends SqlStoreTest {
  PostgresStoreTest() {
    super(SharedServer.POSTGRES);
  }
}
