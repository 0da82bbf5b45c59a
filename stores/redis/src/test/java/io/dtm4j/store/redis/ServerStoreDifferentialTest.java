package io.dtm4j.store.redis;

import io.dtm4j.store.TransactionStore;
import io.dtm4j.store.contract.StoreDifferential;
import org.junit.jupiter.api.Tag;

@Tag("long")
class ServerStoreDifferentialTest extends StoreDifferential {
  @Override
  protected int sequences() {
    return 400;
  }

  @Override
  protected TransactionStore emptyStore() throws Exception {
    return RedisStore.open(Shared.SERVER.newStore());
  }
}
