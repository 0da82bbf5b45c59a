package io.dtm4j.store.sql;

class Postgres18ClaimsTest extends SqlClaimsTest {
  Postgres18ClaimsTest() {
    super(SharedServer.POSTGRES_18);
  }
}
