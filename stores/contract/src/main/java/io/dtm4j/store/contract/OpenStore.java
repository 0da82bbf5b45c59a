package io.dtm4j.store.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.TransactionStore;
import java.util.List;

/** The store that a test works on. */
interface OpenStore {
  TransactionStore store();

  /** Whether several threads, or servers, may write at the same time. */
  boolean takesWritesOfSeveralThreads();

  default CommitResult commit(Batch batch) {
    List<CommitResult> results = store().commit(List.of(batch));
    assertThat(results).hasSize(1);
    return results.getFirst();
  }

  /** Commits what must go through. */
  default void committed(Batch batch) {
    assertThat(commit(batch)).isInstanceOf(CommitResult.Committed.class);
  }

  /** Saves a new transaction; the record as it is then. */
  default Stored saved(Transaction transaction, Owner owner) {
    committed(Samples.saveNew(transaction, owner));
    return new Stored(transaction, owner);
  }

  default Stored found(String gid) {
    return store().find(new Gid(gid)).orElseThrow();
  }
}
