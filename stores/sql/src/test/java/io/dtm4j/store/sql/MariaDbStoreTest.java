package io.dtm4j.store.sql;

class MariaDbStoreTest extends SqlStoreTest {
  MariaDbStoreTest() {
    super(SharedServer.MARIADB);
  }
}
