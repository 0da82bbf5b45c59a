package io.dtm4j.store.sql;

class PostgresAdoptedContractTest extends AdoptedContract {
  PostgresAdoptedContractTest() {
    super(SharedServer.POSTGRES);
  }
}
