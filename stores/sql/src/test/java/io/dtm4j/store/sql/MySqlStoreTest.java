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

  /** It knows no such time of transactions only. */
  @Override
  String impatient(String session) {
    return session.replace("wait_timeout = 30", "wait_timeout = 1");
  }
}
