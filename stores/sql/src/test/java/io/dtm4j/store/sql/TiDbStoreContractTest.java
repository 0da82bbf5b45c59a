package io.dtm4j.store.sql;

import org.junit.jupiter.api.Tag;

@Tag("tidb")
class TiDbStoreContractTest extends SqlStoreContract {
  TiDbStoreContractTest() {
    super(SharedServer.TIDB);
  }
}
