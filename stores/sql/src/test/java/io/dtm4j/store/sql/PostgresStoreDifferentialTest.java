package io.dtm4j.store.sql;

class PostgresStoreDifferentialTest extends SqlStoreDifferential {
  PostgresStoreDifferentialTest() {
    super(SharedServer.POSTGRES);
  }
}
