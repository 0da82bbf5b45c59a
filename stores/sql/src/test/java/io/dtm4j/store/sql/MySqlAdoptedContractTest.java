package io.dtm4j.store.sql;

class MySqlAdoptedContractTest extends AdoptedContract {
  MySqlAdoptedContractTest() {
    super(SharedServer.MYSQL);
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
