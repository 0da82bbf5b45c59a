package io.dtm4j.store;

import static java.util.Comparator.comparing;
import static java.util.Objects.requireNonNull;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
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
  private static final Comparator<Cursors.Name> BY_NAME =
      comparing(Cursors.Name::category).thenComparing(Cursors.Name::key);

  private final InstantSource clock;
  private final Map<Gid, Stored> transactions = new HashMap<>();

  /** In the order in which they were stored. */
  private final NavigableMap<Long, Gid> gids = new TreeMap<>();

  private final NavigableMap<String, NavigableMap<String, KeyValue>> keyValues = new TreeMap<>();
  private long lastNumber;

  /**
   * @param clock the store's time
   */
  public MemoryStore(InstantSource clock) {
    this.clock = clock;
  }

  @Override
  public synchronized List<CommitResult> commit(List<Batch> group) {
    var changed = new LinkedHashMap<Gid, Stored>();
    var results = new ArrayList<CommitResult>();
    for (Batch batch : group) {
      Stored stored = changed.get(batch.gid());
      switch (apply(batch, stored == null ? transactions.get(batch.gid()) : stored)) {
        case Batch.Applied.Changed now -> {
          changed.put(batch.gid(), now.stored());
          results.add(new CommitResult.Committed(now.stored()));
        }
        case Batch.Applied.Refused refused -> results.add(new CommitResult.Lost(refused.stored()));
        case Batch.Applied.Conflict conflict ->
            results.add(new CommitResult.Conflict(conflict.key()));
      }
    }
    for (Map.Entry<Gid, Stored> entry : changed.entrySet()) {
      if (transactions.put(entry.getKey(), entry.getValue()) == null) {
        gids.put(++lastNumber, entry.getKey());
      }
    }
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
      Batch taking = Batch.claim(due, owners.apply(due.gid()), until, now);
      if (taking.applyTo(stored) instanceof Batch.Applied.Changed changed) {
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
        transactions.put(held.gid(), stored.released(now));
      }
    }
  }

  /**
   * All holders are gone, as when a new process opens a store that it has to itself.
   *
   * @return what they have left
   */
  protected synchronized List<Stored> abandonAll() {
    Instant now = storeTime();
    List<Stored> left =
        transactions.values().stream()
            .filter(stored -> stored.isLeasedTo(stored.owner().claim()))
            .map(stored -> stored.abandoned(now))
            .toList();
    left.forEach(stored -> transactions.put(stored.transaction().gid(), stored));
    return left;
  }

  /** The unfinished record that is leased under that claim, or null. */
  private @Nullable Stored leasedTo(Lease held) {
    Stored stored = transactions.get(held.gid());
    return stored != null && stored.isLeasedTo(held.claim()) ? stored : null;
  }

  @Override
  public synchronized Reset resetDue(Duration after, int limit) {
    Page.checkLimit(limit);
    Instant now = storeTime();
    List<Stored> later =
        unfinished()
            .map(due -> requireNonNull(transactions.get(due.gid())))
            .filter(stored -> Reset.concerns(stored, now.plus(after)))
            .limit(limit + 1L)
            .toList();
    List<Stored> some = later.subList(0, Math.min(limit, later.size()));
    for (Stored stored : some) {
      transactions.put(stored.transaction().gid(), Reset.broughtForward(stored, now));
    }
    return new Reset(some.size(), later.size() > limit);
  }

  @Override
  public synchronized Page<Listed> list(Filter filter, String cursor, int limit) {
    Page.checkLimit(limit);
    long before = cursor.isEmpty() ? Long.MAX_VALUE : Cursors.number(cursor);
    var items = new ArrayList<Listed>();
    long last = before;
    for (Map.Entry<Long, Gid> entry : gids.headMap(before, false).descendingMap().entrySet()) {
      Listed one = Listed.of(requireNonNull(transactions.get(entry.getValue())));
      if (filter.matches(one)) {
        if (items.size() == limit) {
          return new Page<>(items, Long.toString(last));
        }
        items.add(one);
        last = entry.getKey();
      }
    }
    return new Page<>(items, "");
  }

  @Override
  public synchronized Counts counts() {
    List<Due> unfinished = unfinished().toList();
    return new Counts(
        unfinished.size(), unfinished.isEmpty() ? null : unfinished.getFirst().nextTime());
  }

  @Override
  public synchronized @Nullable Instant oldestUnfinished() {
    return gids.values().stream()
        .map(gid -> requireNonNull(transactions.get(gid)).transaction())
        .filter(transaction -> !transaction.status().isFinal())
        .findFirst()
        .map(transaction -> transaction.definition().createTime().truncatedTo(ChronoUnit.MILLIS))
        .orElse(null);
  }

  @Override
  public synchronized Page<Gid> endedBefore(Instant time, String cursor, int limit) {
    Page.checkLimit(limit);
    long behind = cursor.isEmpty() ? 0 : Cursors.number(cursor);
    var items = new ArrayList<Gid>();
    for (Map.Entry<Long, Gid> entry : gids.tailMap(behind, false).entrySet()) {
      if (items.size() == limit) {
        return new Page<>(items, Long.toString(entry.getKey() - 1));
      }
      if (requireNonNull(transactions.get(entry.getValue())).endedBefore(time)) {
        items.add(entry.getValue());
      }
    }
    return new Page<>(items, "");
  }

  @Override
  public synchronized int delete(List<Gid> deleted, Instant endedBefore) {
    int count = 0;
    for (Gid gid : deleted) {
      Stored stored = transactions.get(gid);
      if (stored != null && stored.endedBefore(endedBefore)) {
        transactions.remove(gid);
        gids.values().remove(gid);
        count++;
      }
    }
    return count;
  }

  @Override
  public synchronized Optional<KeyValue> findKeyValue(String category, String key) {
    return Optional.ofNullable(category(category).get(key));
  }

  @Override
  public synchronized List<KeyValue> findKeyValues(
      @Nullable String category, @Nullable String key) {
    return values(category).filter(one -> key == null || key.equals(one.key())).toList();
  }

  @Override
  public synchronized Page<KeyValue> listKeyValues(
      @Nullable String category, String cursor, int limit) {
    Page.checkLimit(limit);
    Cursors.Name last = cursor.isEmpty() ? null : Cursors.name(cursor);
    List<KeyValue> following =
        values(category)
            .filter(one -> last == null || BY_NAME.compare(Cursors.Name.of(one), last) > 0)
            .limit(limit + 1L)
            .toList();
    List<KeyValue> items = following.subList(0, Math.min(limit, following.size()));
    return new Page<>(items, following.size() > limit ? Cursors.behind(items.getLast()) : "");
  }

  private Stream<KeyValue> values(@Nullable String category) {
    return keyValues.values().stream()
        .flatMap(values -> values.values().stream())
        .filter(one -> category == null || category.equals(one.category()));
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

  private NavigableMap<String, KeyValue> category(String category) {
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
