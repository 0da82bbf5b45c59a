package io.dtm4j.store.sql;

class Postgres18StoreTest extends PostgresFamilyStoreTest {
  Postgres18StoreTest() {
    super(SharedServer.POSTGRES_18);
  }
}
