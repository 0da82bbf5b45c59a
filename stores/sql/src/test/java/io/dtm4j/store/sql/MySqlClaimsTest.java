package io.dtm4j.store.sql;

class MySqlClaimsTest extends SqlClaimsTest {
  MySqlClaimsTest() {
    super(SharedServer.MYSQL);
  }
}
