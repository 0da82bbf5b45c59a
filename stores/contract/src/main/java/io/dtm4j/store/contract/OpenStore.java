package io.dtm4j.store.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** The store that a test works on. */
interface OpenStore {
  TransactionStore store();

  /** Whether several threads, or servers, may write at the same time. */
  boolean takesWritesOfSeveralThreads();

  /**
   * The shortest time that the store tells apart. Every store that dtm4j makes keeps milliseconds;
   * tables that a DTM in Go has made hold whole seconds.
   */
  Duration tick();

  /**
   * Whether names that differ only in the case of a letter, an accent or a space at the end are
   * different. Tables that a DTM in Go has made in MariaDB or MySQL take one for the other, and
   * then the second is refused.
   */
  boolean tellsSpellingsApart();

  /** The same of spaces at the end only. MySQL before 8.0.17 has no collation that tells them. */
  default boolean tellsSpacesApart() {
    return tellsSpellingsApart();
  }

  /**
   * The most bytes of a payload; tables that a DTM in Go has made in MariaDB have room for less.
   */
  int longestPayload();

  /** So many of the shortest times that the store tells apart. */
  default Duration ticks(long count) {
    return tick().multipliedBy(count);
  }

  /** The store's time; where it keeps no part of a tick, the end of the one that has begun. */
  default Instant latest() {
    return store().storeTime().plus(tick()).minusMillis(1);
  }

  /** That time; where the store keeps no part of a tick, the beginning of the one that it is in. */
  default Instant earliest(Instant time) {
    long millis = tick().toMillis();
    return Instant.ofEpochMilli(Math.floorDiv(time.toEpochMilli(), millis) * millis);
  }

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
