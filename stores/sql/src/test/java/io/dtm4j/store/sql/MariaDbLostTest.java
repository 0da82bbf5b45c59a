package io.dtm4j.store.sql;

class MariaDbLostTest extends LostServerTest {
  MariaDbLostTest() {
    super(SharedServer.MARIADB);
  }
}
