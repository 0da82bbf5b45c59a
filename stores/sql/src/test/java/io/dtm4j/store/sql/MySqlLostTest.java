package io.dtm4j.store.sql;

class MySqlLostTest extends LostServerTest {
  MySqlLostTest() {
    super(SharedServer.MYSQL);
  }
}
