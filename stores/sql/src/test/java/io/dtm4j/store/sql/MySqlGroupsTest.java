package io.dtm4j.store.sql;

class MySqlGroupsTest extends SqlGroupsTest {
  MySqlGroupsTest() {
    super(SharedServer.MYSQL);
  }

  /** It knows no such time of transactions only. */
  @Override
  String impatient(String session) {
    return session.replace("wait_timeout = 30", "wait_timeout = 1");
  }
}
