package io.dtm4j.store.sql;

class MySqlStoreDifferentialTest extends SqlStoreDifferential {
  MySqlStoreDifferentialTest() {
    super(SharedServer.MYSQL);
  }
}
