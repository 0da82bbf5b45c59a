package io.dtm4j.store.sql;

class MySqlStoreTest extends SqlStoreTest {
  MySqlStoreTest() {
    super(SharedServer.MYSQL);
  }

  /** From 8.0.17 on it does. */
  @Override
  boolean tellsSpacesApart() {
    return false;
  }
}
