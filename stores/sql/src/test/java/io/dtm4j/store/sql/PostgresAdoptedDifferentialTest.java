package io.dtm4j.store.sql;

class PostgresAdoptedDifferentialTest extends AdoptedDifferential {
  PostgresAdoptedDifferentialTest() {
    super(SharedServer.POSTGRES);
  }
}
