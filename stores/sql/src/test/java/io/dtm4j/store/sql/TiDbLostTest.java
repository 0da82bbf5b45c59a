package io.dtm4j.store.sql;

import io.dtm4j.databases.DatabaseServer;
import org.junit.jupiter.api.Tag;

@Tag("tidb")
class TiDbLostTest extends LostServerTest {
  TiDbLostTest() {
    super(SharedServer.TIDB);
  }

  /** The store inside it is one for tests. */
  @Override
  void bringDown(DatabaseServer running) throws Exception {
    running.shutDown();
  }
}
