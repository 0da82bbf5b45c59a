package io.dtm4j.store.sql;

class MariaDbStoreContractTest extends SqlStoreContract {
  MariaDbStoreContractTest() {
    super(SharedServer.MARIADB);
  }
}
