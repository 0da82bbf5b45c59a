package io.dtm4j.store.sql;

class MariaDbAdoptedDifferentialTest extends AdoptedDifferential {
  MariaDbAdoptedDifferentialTest() {
    super(SharedServer.MARIADB);
  }
}
