package io.dtm4j.store.sql;

class MariaDbStoreDifferentialTest extends SqlStoreDifferential {
  MariaDbStoreDifferentialTest() {
    super(SharedServer.MARIADB);
  }
}
