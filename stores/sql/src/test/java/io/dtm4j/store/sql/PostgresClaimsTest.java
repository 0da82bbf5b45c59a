package io.dtm4j.store.sql;

class PostgresClaimsTest extends SqlClaimsTest {
  PostgresClaimsTest() {
    super(SharedServer.POSTGRES);
  }
}
