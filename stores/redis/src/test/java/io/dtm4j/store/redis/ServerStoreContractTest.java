package io.dtm4j.store.redis;

import io.dtm4j.store.TransactionStore;
import io.dtm4j.store.contract.DurableStoreContract;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;

@Tag("long")
@TestInstance(Lifecycle.PER_CLASS)
class ServerStoreContractTest extends DurableStoreContract {
  private RedisStoreConfig config =
      new RedisStoreConfig(List.of("127.0.0.1:1"), "", "", "", Duration.ZERO, 0);

  @BeforeAll
  void chooseKeys() throws Exception {
    config = Shared.SERVER.newStore();
  }

  @Override
  protected TransactionStore emptyStore() {
    return Shared.emptied(config);
  }

  @Override
  public boolean takesWritesOfSeveralThreads() {
    return true;
  }

  @Override
  protected TransactionStore reopen(TransactionStore store) {
    store.close();
    return RedisStore.open(config);
  }
}
