package io.dtm4j.store.sql;

class MariaDbAdoptionTest extends MySqlFamilyAdoptionTest {
  MariaDbAdoptionTest() {
    super(SharedServer.MARIADB);
  }
}
