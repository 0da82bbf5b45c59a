package io.dtm4j.store.sql;

class MariaDbAdoptedContractTest extends AdoptedContract {
  MariaDbAdoptedContractTest() {
    super(SharedServer.MARIADB);
  }

  @Override
  public boolean tellsSpellingsApart() {
    return false;
  }

  @Override
  public int longestPayload() {
    return 65_535;
  }
}
