package io.dtm4j.store.sql;

import org.junit.jupiter.api.Tag;

@Tag("tidb")
class TiDbStoreTest extends SqlStoreTest {
  TiDbStoreTest() {
    super(SharedServer.TIDB);
  }
}
