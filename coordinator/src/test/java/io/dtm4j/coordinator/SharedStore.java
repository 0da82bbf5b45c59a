package io.dtm4j.coordinator;

import static java.util.Comparator.comparing;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.Filter;
import io.dtm4j.store.Lease;
import io.dtm4j.store.MemoryStore;
import io.dtm4j.store.Page;
import io.dtm4j.store.StoreRejectedException;
import io.dtm4j.store.TransactionStore;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The store of all servers. Tells of every change when it takes effect. */
final class SharedStore extends MemoryStore {
  /** Who changed a record. */
  enum Cause {
    /** A pass, under its claim. */
    PASS,
    /** A command of a client. */
    COMMAND,
    /** A claim of what is due. */
    CLAIM,
    /** A renewal or release. */
    LEASE
  }

  /** Told of every change. */
  interface Listener {
    void changed(Stored now, Cause cause);
  }

  private final Listener listener;
  private final Set<Gid> rejected = new HashSet<>();
  private @Nullable ErrorCode rejectedWith;
  private final Set<Gid> everRejected = new HashSet<>();
  private boolean refusesDeletions;
  private @Nullable String trouble;
  private boolean nextClaimFails;
  private int renewalsThatFail;
  private Runnable whileRenewalsFail = () -> {};
  private int mostRenewedAtOnce;
  private Runnable beforeKeyValue = () -> {};
  private Instant newest = Instant.MIN;

  SharedStore(InstantSource clock, Listener listener) {
    super(clock);
    this.listener = listener;
  }

  /** As a server sees it, which does not know the store's time exactly. */
  TransactionStore seenBy(Weather weather) {
    InvocationHandler handler =
        (_, method, arguments) -> {
          Object result;
          try {
            result = method.invoke(this, arguments);
          } catch (InvocationTargetException e) {
            throw e.getCause();
          }
          return method.getName().equals("storeTime") && result instanceof Instant now
              ? now.plus(weather.clockError())
              : result;
        };
    return (TransactionStore)
        Proxy.newProxyInstance(
            TransactionStore.class.getClassLoader(),
            new Class<?>[] {TransactionStore.class},
            handler);
  }

  /** From now on no batch of that gid can be stored. */
  void reject(Gid gid) {
    rejected.add(gid);
    everRejected.add(gid);
  }

  /** The same, because of something that a client can mend. */
  void reject(Gid gid, ErrorCode code) {
    reject(gid);
    rejectedWith = code;
  }

  /** From now on batches of that gid can be stored again. */
  void accept(Gid gid) {
    rejected.remove(gid);
  }

  /** Whether no batch of that gid can be stored. */
  boolean isRejected(Gid gid) {
    return rejected.contains(gid);
  }

  /** Whether there was a time when no batch of that gid could be stored. */
  boolean wasEverRejected(Gid gid) {
    return everRejected.contains(gid);
  }

  /** The next claim fails, and nothing is claimed. */
  void failNextClaim() {
    nextClaimFails = true;
  }

  /** So many of the next renewals fail and change nothing, and that happens at the same time. */
  void failRenewals(int number, Runnable meanwhile) {
    renewalsThatFail = number;
    whileRenewalsFail = meanwhile;
  }

  /** How many leases have come in one renewal at most. */
  int mostRenewedAtOnce() {
    return mostRenewedAtOnce;
  }

  /** That happens just before the next change of a key-value, after its reading. */
  void beforeNextChangeOfKeyValue(Runnable meanwhile) {
    beforeKeyValue = meanwhile;
  }

  /** All that is stored, in the order in which it came. */
  List<Stored> everything() {
    return list(Filter.ALL, "", Page.MAX_LIMIT).items().stream()
        .map(listed -> find(listed.gid()).orElseThrow())
        .toList()
        .reversed();
  }

  /** When something was changed for the last time. */
  Instant newest() {
    return newest;
  }

  /** It was then. */
  void newest(Instant time) {
    newest = time;
  }

  /** Whether nothing can be deleted from now on. */
  void refuseDeletions(boolean refuse) {
    refusesDeletions = refuse;
  }

  /** What it says of itself; null: all is well. */
  void trouble(@Nullable String words) {
    trouble = words;
  }

  @Override
  public @Nullable String trouble() {
    return trouble;
  }

  @Override
  public synchronized List<CommitResult> commit(List<Batch> group) {
    if (group.stream().anyMatch(batch -> isRejected(batch.gid()))) {
      throw new StoreRejectedException(
          "rejected on purpose", new IllegalStateException(), rejectedWith);
    }
    List<CommitResult> results = new ArrayList<>();
    for (Batch batch : group) {
      CommitResult result = super.commit(List.of(batch)).getFirst();
      if (result instanceof CommitResult.Committed committed && committed.stored() != null) {
        tell(
            committed.stored(), batch.guard() instanceof Guard.HeldBy ? Cause.PASS : Cause.COMMAND);
      }
      results.add(result);
    }
    return results;
  }

  @Override
  public synchronized List<Stored> claimDue(
      Duration lease, Function<Gid, Owner> owners, int limit) {
    return told(super.claimDue(lease, owners, limit));
  }

  @Override
  public synchronized List<Stored> claim(
      List<Due> dues, Duration lease, Function<Gid, Owner> owners) {
    if (nextClaimFails) {
      nextClaimFails = false;
      throw new StoreRejectedException(
          "rejected on purpose", new IllegalStateException(), rejectedWith);
    }
    return told(super.claim(dues, lease, owners));
  }

  /** A claim that is on its way; null: it has lost. */
  synchronized @Nullable Stored claim(Batch taking) {
    if (super.commit(List.of(taking)).getFirst() instanceof CommitResult.Committed committed
        && committed.stored() != null) {
      tell(committed.stored(), Cause.CLAIM);
      return committed.stored();
    }
    return null;
  }

  @Override
  public synchronized int delete(List<Gid> gids, Instant endedBefore) {
    if (refusesDeletions) {
      throw new StoreRejectedException("refused on purpose", new IllegalStateException());
    }
    return super.delete(gids, endedBefore);
  }

  @Override
  public synchronized boolean updateKeyValue(
      String category, String key, String value, long version) {
    Runnable before = beforeKeyValue;
    beforeKeyValue = () -> {};
    before.run();
    return super.updateKeyValue(category, key, value, version);
  }

  private List<Stored> told(List<Stored> claimed) {
    claimed.forEach(stored -> tell(stored, Cause.CLAIM));
    return claimed;
  }

  @Override
  public synchronized List<Lease> renew(List<Lease> leases, Duration lease) {
    if (renewalsThatFail > 0) {
      renewalsThatFail--;
      whileRenewalsFail.run();
      throw new StoreRejectedException("no renewal on purpose", new IllegalStateException());
    }
    if (new HashSet<>(leases).size() < leases.size()) {
      throw new Violation("R7: a lease is renewed once at a time", leases);
    }
    mostRenewedAtOnce = Math.max(mostRenewedAtOnce, leases.size());
    List<Lease> lost = super.renew(leases, lease);
    tellOf(leases);
    return lost;
  }

  @Override
  public synchronized void release(List<Lease> leases) {
    super.release(leases);
    tellOf(leases);
  }

  @Override
  protected synchronized List<Stored> abandonAll() {
    List<Stored> left =
        super.abandonAll().stream()
            .sorted(comparing(stored -> stored.transaction().gid().value()))
            .toList();
    left.forEach(stored -> tell(stored, Cause.LEASE));
    return left;
  }

  private void tell(Stored now, Cause cause) {
    newest = storeTime();
    listener.changed(now, cause);
  }

  private void tellOf(List<Lease> leases) {
    for (Lease lease : leases) {
      find(lease.gid()).ifPresent(stored -> tell(stored, Cause.LEASE));
    }
  }
}
