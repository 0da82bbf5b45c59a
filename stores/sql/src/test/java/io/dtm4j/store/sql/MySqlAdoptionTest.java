package io.dtm4j.store.sql;

class MySqlAdoptionTest extends MySqlFamilyAdoptionTest {
  MySqlAdoptionTest() {
    super(SharedServer.MYSQL);
  }
}
