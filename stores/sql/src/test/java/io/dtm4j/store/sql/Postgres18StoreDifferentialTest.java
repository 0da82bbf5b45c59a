package io.dtm4j.store.sql;

class Postgres18StoreDifferentialTest extends SqlStoreDifferential {
  Postgres18StoreDifferentialTest() {
    super(SharedServer.POSTGRES_18);
  }
}
