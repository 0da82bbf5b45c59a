package io.dtm4j.store;

import static java.util.Comparator.comparing;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The shortest correct store: it forgets everything at its end, and looks through all it has for
 * what is due. For tests, and as the model that other stores are compared with. Thread-safe, for
 * writes of several lanes, too.
 */
public class MemoryStore implements TransactionStore {
  private static final Comparator<Due> BY_TIME =
      comparing(Due::nextTime).thenComparing(due -> due.gid().value());

  private final InstantSource clock;
  private final Map<Gid, Stored> transactions = new HashMap<>();
  private final Map<String, Map<String, KeyValue>> keyValues = new HashMap<>();

  /**
   * @param clock the store's time
   */
  public MemoryStore(InstantSource clock) {
    this.clock = clock;
  }

  @Override
  public synchronized List<CommitResult> commit(List<Batch> group) {
    var changed = new HashMap<Gid, Stored>();
    var results = new ArrayList<CommitResult>();
    for (Batch batch : group) {
      Stored stored = changed.get(batch.gid());
      switch (apply(batch, stored == null ? transactions.get(batch.gid()) : stored)) {
        case Batch.Applied.Changed now -> {
          changed.put(batch.gid(), now.stored());
          results.add(new CommitResult.Committed(now.stored(), now.dueNow()));
        }
        case Batch.Applied.Refused refused -> results.add(new CommitResult.Lost(refused.stored()));
        case Batch.Applied.Conflict conflict ->
            results.add(new CommitResult.Conflict(conflict.key()));
      }
    }
    transactions.putAll(changed);
    return results;
  }

  private static Batch.Applied apply(Batch batch, @Nullable Stored stored) {
    try {
      return batch.applyTo(stored);
    } catch (IllegalStateException | IndexOutOfBoundsException e) {
      throw new StoreRejectedException("batch of " + batch.gid() + " does not fit its record", e);
    }
  }

  @Override
  public synchronized Optional<Stored> find(Gid gid) {
    return Optional.ofNullable(transactions.get(gid));
  }

  @Override
  public synchronized List<Stored> claimDue(
      Duration lease, Function<Gid, Owner> owners, int limit) {
    Instant now = storeTime();
    List<Due> dues = unfinished().filter(due -> !due.nextTime().isAfter(now)).limit(limit).toList();
    return claim(dues, now.plus(lease), now, owners);
  }

  @Override
  public synchronized List<Due> dueBefore(Instant time, @Nullable Due after, int limit) {
    return unfinished()
        .filter(due -> due.nextTime().isBefore(time))
        .filter(due -> after == null || BY_TIME.compare(due, after) > 0)
        .limit(limit)
        .toList();
  }

  private Stream<Due> unfinished() {
    return transactions.values().stream()
        .filter(stored -> !stored.transaction().status().isFinal())
        .map(Due::of)
        .sorted(BY_TIME);
  }

  @Override
  public synchronized List<Stored> claim(
      List<Due> dues, Duration lease, Function<Gid, Owner> owners) {
    Instant now = storeTime();
    return claim(dues, now.plus(lease), now, owners);
  }

  private List<Stored> claim(
      List<Due> dues, Instant until, Instant now, Function<Gid, Owner> owners) {
    var claimed = new ArrayList<Stored>();
    for (Due due : dues) {
      Stored stored = transactions.get(due.gid());
      if (stored == null) {
        continue;
      }
      Duration interval = stored.transaction().state().schedule().interval();
      var moved = new Write.SetSchedule(new Schedule(interval, until), now);
      Owner owner = owners.apply(due.gid());
      var taken = new Batch(due.gid(), new Guard.AsRead(due), owner, List.of(moved));
      if (taken.applyTo(stored) instanceof Batch.Applied.Changed changed) {
        transactions.put(due.gid(), changed.stored());
        claimed.add(changed.stored());
      }
    }
    return claimed;
  }

  @Override
  public synchronized List<Lease> renew(List<Lease> leases, Duration lease) {
    Instant until = storeTime().plus(lease);
    var lost = new ArrayList<Lease>();
    for (Lease held : leases) {
      Stored stored = leasedTo(held);
      if (stored == null) {
        lost.add(held);
      } else if (stored.transaction().state().schedule().nextTime().isBefore(until)) {
        transactions.put(held.gid(), stored.withNextTime(until));
      }
    }
    return lost;
  }

  @Override
  public synchronized void release(List<Lease> leases) {
    Instant now = storeTime();
    for (Lease held : leases) {
      Stored stored = leasedTo(held);
      if (stored != null) {
        transactions.put(held.gid(), stored.atRest(now));
      }
    }
  }

  /** The unfinished record that is leased under that claim, or null. */
  private @Nullable Stored leasedTo(Lease held) {
    Stored stored = transactions.get(held.gid());
    return stored != null && stored.isLeasedTo(held.claim()) ? stored : null;
  }

  @Override
  public synchronized Optional<KeyValue> findKeyValue(String category, String key) {
    return Optional.ofNullable(category(category).get(key));
  }

  @Override
  public synchronized List<KeyValue> listKeyValues(String category) {
    return List.copyOf(category(category).values());
  }

  @Override
  public synchronized boolean createKeyValue(String category, String key, String value) {
    Instant now = storeTime();
    return category(category).putIfAbsent(key, new KeyValue(category, key, value, 1, now, now))
        == null;
  }

  @Override
  public synchronized boolean updateKeyValue(
      String category, String key, String value, long version) {
    KeyValue old = category(category).get(key);
    if (old == null || old.version() != version) {
      return false;
    }
    var updated = new KeyValue(category, key, value, version + 1, old.createTime(), storeTime());
    category(category).put(key, updated);
    return true;
  }

  @Override
  public synchronized boolean deleteKeyValue(String category, String key) {
    return category(category).remove(key) != null;
  }

  private Map<String, KeyValue> category(String category) {
    return keyValues.computeIfAbsent(category, _ -> new TreeMap<>());
  }

  @Override
  public Instant storeTime() {
    return clock.instant().truncatedTo(ChronoUnit.MILLIS);
  }

  @Override
  public @Nullable String trouble() {
    return null;
  }

  @Override
  public void close() {}
}
