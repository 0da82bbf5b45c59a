package io.dtm4j.store.sql;

class Postgres18GroupsTest extends PostgresFamilyGroupsTest {
  Postgres18GroupsTest() {
    super(SharedServer.POSTGRES_18);
  }
}
