package io.dtm4j.store.sql;

import org.junit.jupiter.api.Tag;

@Tag("tidb")
class TiDbAdoptedContractTest extends AdoptedContract {
  TiDbAdoptedContractTest() {
    super(SharedServer.TIDB);
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
