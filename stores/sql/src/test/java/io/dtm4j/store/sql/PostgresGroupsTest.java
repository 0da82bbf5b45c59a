package io.dtm4j.store.sql;

class PostgresGroupsTest extends PostgresFamilyGroupsTest {
  PostgresGroupsTest() {
    super(SharedServer.POSTGRES);
  }
}
