package io.dtm4j.store.contract;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.Counts;
import io.dtm4j.store.Filter;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.Lease;
import io.dtm4j.store.Listed;
import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.Page;
import io.dtm4j.store.Reset;
import io.dtm4j.store.StoreRejectedException;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * A store whose writes end without a known outcome when it is told so, as those of a real one do
 * when a connection breaks. Reads are never disturbed. As thread-safe as the store behind it.
 */
public final class FaultyStore implements TransactionStore {
  /** What becomes of a write. */
  public enum Fault {
    /** It goes well. */
    NONE,
    /** It never reaches the store; the caller does not know. */
    BEFORE_EFFECT,
    /** It is stored; the caller does not know. */
    AFTER_EFFECT,
    /** It is under way until {@link #land}; the caller does not know. */
    LATE_EFFECT
  }

  private final TransactionStore store;
  private final Supplier<Fault> faults;
  private final Queue<Supplier<?>> underWay = new ArrayDeque<>(); // guarded by itself

  /**
   * @param store what it stands before
   * @param faults asked once for each write, on its thread, before anything happens
   */
  public FaultyStore(TransactionStore store, Supplier<Fault> faults) {
    this.store = store;
    this.faults = faults;
  }

  /** One that fails so many writes of a hundred, a third of them in each way. */
  public static FaultyStore randomly(TransactionStore store, RandomGenerator random, int percent) {
    Fault[] faults = Fault.values();
    return new FaultyStore(
        store,
        () ->
            random.nextInt(100) < percent
                ? faults[1 + random.nextInt(faults.length - 1)]
                : Fault.NONE);
  }

  /** The writes that are under way reach the store now, in their order. */
  public void land() {
    while (true) {
      Supplier<?> write;
      synchronized (underWay) {
        write = underWay.poll();
      }
      if (write == null) {
        return;
      }
      try {
        var _ = write.get();
      } catch (StoreRejectedException _) {
        // nobody waits for it any more
      }
    }
  }

  private <T> T write(Supplier<T> effect) {
    switch (faults.get()) {
      case NONE -> {
        return effect.get();
      }
      case BEFORE_EFFECT -> {}
      case AFTER_EFFECT -> {
        var _ = effect.get();
      }
      case LATE_EFFECT -> {
        synchronized (underWay) {
          underWay.add(effect);
        }
      }
    }
    var unknown = new OutcomeUnknownException("connection lost, on purpose", null);
    unknown.setStackTrace(new StackTraceElement[0]); // it tells nothing and would fill the logs
    throw unknown;
  }

  @Override
  public List<CommitResult> commit(List<Batch> group) {
    return write(() -> store.commit(group));
  }

  @Override
  public Optional<Stored> find(Gid gid) {
    return store.find(gid);
  }

  @Override
  public List<Stored> claimDue(Duration lease, Function<Gid, Owner> owners, int limit) {
    return write(() -> store.claimDue(lease, owners, limit));
  }

  @Override
  public List<Due> dueBefore(Instant time, @Nullable Due after, int limit) {
    return store.dueBefore(time, after, limit);
  }

  @Override
  public List<Stored> claim(List<Due> dues, Duration lease, Function<Gid, Owner> owners) {
    return write(() -> store.claim(dues, lease, owners));
  }

  @Override
  public List<Lease> renew(List<Lease> leases, Duration lease) {
    return write(() -> store.renew(leases, lease));
  }

  @Override
  public void release(List<Lease> leases) {
    write(
        () -> {
          store.release(leases);
          return leases;
        });
  }

  @Override
  public Reset resetDue(Duration after, int limit) {
    return write(() -> store.resetDue(after, limit));
  }

  @Override
  public Page<Listed> list(Filter filter, String cursor, int limit) {
    return store.list(filter, cursor, limit);
  }

  @Override
  public Counts counts() {
    return store.counts();
  }

  @Override
  public @Nullable Instant oldestUnfinished() {
    return store.oldestUnfinished();
  }

  @Override
  public Page<Gid> endedBefore(Instant time, String cursor, int limit) {
    return store.endedBefore(time, cursor, limit);
  }

  @Override
  public int delete(List<Gid> gids, Instant endedBefore) {
    return write(() -> store.delete(gids, endedBefore));
  }

  @Override
  public Optional<KeyValue> findKeyValue(String category, String key) {
    return store.findKeyValue(category, key);
  }

  @Override
  public List<KeyValue> findKeyValues(@Nullable String category, @Nullable String key) {
    return store.findKeyValues(category, key);
  }

  @Override
  public Page<KeyValue> listKeyValues(@Nullable String category, String cursor, int limit) {
    return store.listKeyValues(category, cursor, limit);
  }

  @Override
  public boolean createKeyValue(String category, String key, String value) {
    return write(() -> store.createKeyValue(category, key, value));
  }

  @Override
  public boolean updateKeyValue(String category, String key, String value, long version) {
    return write(() -> store.updateKeyValue(category, key, value, version));
  }

  @Override
  public boolean deleteKeyValue(String category, String key) {
    return write(() -> store.deleteKeyValue(category, key));
  }

  @Override
  public Instant storeTime() {
    return store.storeTime();
  }

  @Override
  public @Nullable String trouble() {
    return store.trouble();
  }

  @Override
  public void close() {
    store.close();
  }
}
