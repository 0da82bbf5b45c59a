package io.dtm4j.store.sql;

class PostgresLostTest extends LostServerTest {
  PostgresLostTest() {
    super(SharedServer.POSTGRES);
  }
}
