package io.dtm4j.store.sql;

import org.junit.jupiter.api.Tag;

@Tag("tidb")
class TiDbAdoptedDifferentialTest extends AdoptedDifferential {
  TiDbAdoptedDifferentialTest() {
    super(SharedServer.TIDB);
  }

  /** It takes some ten times as long as others. */
  @Override
  protected int sequences() {
    return 100;
  }

  @Override
  protected boolean areEnough() {
    return false;
  }
}
