package io.dtm4j.store.sql;

class PostgresStoreTest extends PostgresFamilyStoreTest {
  PostgresStoreTest() {
    super(SharedServer.POSTGRES);
  }
}
