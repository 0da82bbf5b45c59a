package io.dtm4j.store.sql;

import static java.util.Objects.requireNonNull;

import io.dtm4j.store.TransactionStore;
import io.dtm4j.store.contract.DurableStoreContract;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;

/** The suite of all stores, on a database of such a server. */
@Tag("long")
@TestInstance(Lifecycle.PER_CLASS)
abstract class SqlStoreContract extends DurableStoreContract {
  private final SharedServer server;
  private SqlStoreConfig config = new SqlStoreConfig("", "", "", 1);
  private Schema.@Nullable Ready ready;

  SqlStoreContract(SharedServer server) {
    this.server = server;
  }

  @BeforeAll
  void makeDatabase() throws Exception {
    config = newDatabase(server);
    ready = new Schema(config, Address.dialectOf(config.url())).prepare();
  }

  SqlStoreConfig newDatabase(SharedServer of) throws Exception {
    return of.newDatabase();
  }

  /** Its tables are looked at once only: that takes longer than most tests. */
  @Override
  protected TransactionStore emptyStore() throws Exception {
    OnSharedServer.execute(
        config, "delete from trans_branch_op", "delete from trans_global", "delete from kv");
    return SqlStore.open(config, requireNonNull(ready), System::nanoTime);
  }

  @Override
  public boolean takesWritesOfSeveralThreads() {
    return true;
  }

  @Override
  protected TransactionStore reopen(TransactionStore store) {
    store.close();
    return SqlStore.open(config);
  }
}
