package io.dtm4j.store.sql;

class MySqlStoreContractTest extends SqlStoreContract {
  MySqlStoreContractTest() {
    super(SharedServer.MYSQL);
  }

  /** From 8.0.17 on it does. */
  @Override
  public boolean tellsSpacesApart() {
    return false;
  }
}
