package io.dtm4j.store.sql;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.Counts;
import io.dtm4j.store.Cursors;
import io.dtm4j.store.ElapsedTime;
import io.dtm4j.store.Filter;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.Lease;
import io.dtm4j.store.Listed;
import io.dtm4j.store.Page;
import io.dtm4j.store.Reset;
import io.dtm4j.store.StoreRejectedException;
import io.dtm4j.store.StoreTimeSource;
import io.dtm4j.store.StoreUnavailableException;
import io.dtm4j.store.TransactionStore;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The shared store: MariaDB, MySQL or PostgreSQL, in tables named and shaped as DTM's. Any number
 * of lanes and servers write at the same time; each group is one database transaction, durable when
 * its commit returns.
 *
 * <p>While the database cannot be reached every write says that its outcome is not known, reads
 * that the store is unavailable, and {@link #trouble} why; when it is there again the next call
 * goes through. While the database's time is not known nothing is claimed: the claims find nothing.
 * Thread-safe; every call but {@link #storeTime} and {@link #trouble} blocks.
 */
public final class SqlStore implements TransactionStore {
  private static final int DELETED_AT_ONCE = 200;

  private final Connections connections;
  private final Form form;
  private final boolean shared;
  private final StoreTimeSource clock;
  private final Backlog backlog;

  private SqlStore(Connections connections, Schema.Ready ready, LongSupplier nanoTime) {
    this.connections = connections;
    form = ready.form();
    shared = ready.shared();
    backlog = new Backlog(connections, nanoTime, Backlog.FEW);
    clock = new StoreTimeSource(() -> connections.read(SqlStore::databaseTime), nanoTime);
    clock.start();
  }

  /**
   * Opens the store; makes its tables in a database that does not have them yet.
   *
   * @throws IllegalArgumentException when the address cannot be used; the message says why
   * @throws StoreUnavailableException when the database cannot be reached or used, or a newer
   *     version has made its tables; the message says what to do
   */
  public static SqlStore open(SqlStoreConfig config) {
    return open(
        config, new Schema(config, Address.dialectOf(config.url())).prepare(), new ElapsedTime());
  }

  /** Opens it on tables that are there, with that monotonic clock. */
  static SqlStore open(SqlStoreConfig config, Schema.Ready ready, LongSupplier nanoTime) {
    var connections = new Connections(config, ready.dialect(), ready.form());
    try {
      return new SqlStore(connections, ready, nanoTime);
    } catch (RuntimeException e) {
      connections.close();
      throw e;
    }
  }

  /**
   * Deletes all transactions and key-values of a database. No server may be using it.
   *
   * @return false: it has no tables of dtm4j
   * @throws StoreUnavailableException when the database cannot be reached or used
   */
  public static boolean reset(SqlStoreConfig config) {
    return new Schema(config, Address.dialectOf(config.url())).empty();
  }

  static Instant databaseTime(Session session) throws SQLException {
    try (Prepared select = session.prepare(session.dialect().now());
        Columns rows = select.query()) {
      rows.next();
      return rows.now();
    }
  }

  @Override
  public List<CommitResult> commit(List<Batch> group) {
    if (group.isEmpty()) {
      return List.of();
    }
    if (form.isNarrow()) {
      List<Batch> narrow = narrowed(group);
      return connections.write(session -> new GroupWrite(session).apply(narrow));
    }
    FastGroup fast = FastGroup.of(group);
    if (!fast.isEmpty()) {
      try {
        return connections.write(fast::apply);
      } catch (FastGroup.MissedException _) {
        // lost, or written before, or marked: whichever, it has to be read
      }
    }
    return connections.write(session -> new GroupWrite(session).apply(group));
  }

  private List<Batch> narrowed(List<Batch> group) {
    try {
      return new Narrowing(form.limits()).of(group);
    } catch (UnstorableException e) {
      throw new StoreRejectedException(String.valueOf(e.getMessage()), e, e.code());
    }
  }

  /** Whether a DTM in Go works on the tables, too; nothing that has ended is deleted then. */
  boolean isShared() {
    return shared;
  }

  /** What the columns hold; a request that has more is refused, best before anything is stored. */
  public Limits limits() {
    return form.limits();
  }

  @Override
  public Optional<Stored> find(Gid gid) {
    if (!Texts.isStorable(gid.value())) {
      return Optional.empty();
    }
    return connections.read(session -> Optional.ofNullable(new Records(session).find(gid)));
  }

  @Override
  public List<Stored> claimDue(Duration lease, Function<Gid, Owner> owners, int limit) {
    var attempts = new AtomicInteger();
    return clock.isKnown()
        ? connections.write(session -> claims(session, lease, owners, attempts).due(limit))
        : List.of();
  }

  @Override
  public List<Due> dueBefore(Instant time, @Nullable Due after, int limit) {
    return connections.read(session -> DueIndex.before(session, time, after, limit));
  }

  @Override
  public List<Stored> claim(List<Due> dues, Duration lease, Function<Gid, Owner> owners) {
    var attempts = new AtomicInteger();
    return clock.isKnown()
        ? connections.write(session -> claims(session, lease, owners, attempts).asRead(dues))
        : List.of();
  }

  private Claims claims(
      Session session, Duration lease, Function<Gid, Owner> owners, AtomicInteger attempts) {
    return new Claims(session, storeTime(), lease, owners, attempts.getAndIncrement() > 0);
  }

  @Override
  public List<Lease> renew(List<Lease> leases, Duration lease) {
    return connections.write(session -> new Heads(session).renew(leases, storeTime().plus(lease)));
  }

  @Override
  public void release(List<Lease> leases) {
    connections.write(
        session -> {
          new Heads(session).release(leases, storeTime());
          return null;
        });
  }

  @Override
  public Reset resetDue(Duration after, int limit) {
    Page.checkLimit(limit);
    return connections.write(session -> new Heads(session).reset(after, storeTime(), limit));
  }

  @Override
  public Page<Listed> list(Filter filter, String cursor, int limit) {
    Page.checkLimit(limit);
    return connections.read(session -> new Listings(session).page(filter, cursor, limit));
  }

  @Override
  public Counts counts() {
    return backlog.counts();
  }

  @Override
  public @Nullable Instant oldestUnfinished() {
    return connections.<@Nullable Instant>read(session -> new Listings(session).oldestUnfinished());
  }

  @Override
  public Page<Gid> endedBefore(Instant time, String cursor, int limit) {
    Page.checkLimit(limit);
    if (shared) {
      return new Page<>(List.of(), ""); // it is the other's history, too
    }
    return connections.read(session -> new Listings(session).endedBefore(time, cursor, limit));
  }

  @Override
  public int delete(List<Gid> gids, Instant endedBefore) {
    if (!clock.isKnown()) {
      return 0; // the caller's time may be wrong by as much as the clock was set
    }
    int count = 0;
    for (int from = 0; from < gids.size(); from += DELETED_AT_ONCE) {
      List<Gid> part = gids.subList(from, Math.min(gids.size(), from + DELETED_AT_ONCE));
      for (List<Gid> few : connections.read(session -> new Listings(session).deletable(part))) {
        count += connections.write(session -> new Listings(session).delete(few, endedBefore));
      }
    }
    return count;
  }

  @Override
  public Optional<KeyValue> findKeyValue(String category, String key) {
    return findKeyValues(category, key).stream().findFirst();
  }

  @Override
  public List<KeyValue> findKeyValues(@Nullable String category, @Nullable String key) {
    if (isUnstorable(category) || isUnstorable(key)) {
      return List.of();
    }
    return connections.read(session -> KeyValues.find(session, category, key));
  }

  private void checkValue(String category, String key, String value) {
    try {
      Limits.check(form.limits().refusalOfValue(category, key, value));
    } catch (UnstorableException e) {
      throw new StoreRejectedException(String.valueOf(e.getMessage()), e, e.code());
    }
  }

  private static boolean isUnstorable(@Nullable String name) {
    return name != null && !Texts.isStorable(name);
  }

  @Override
  public Page<KeyValue> listKeyValues(@Nullable String category, String cursor, int limit) {
    Page.checkLimit(limit);
    if (!cursor.isEmpty()) {
      Cursors.name(cursor);
    }
    if (isUnstorable(category) || isUnstorable(cursor)) {
      return new Page<>(List.of(), "");
    }
    return connections.read(session -> KeyValues.page(session, category, cursor, limit));
  }

  @Override
  public boolean createKeyValue(String category, String key, String value) {
    checkValue(category, key, value);
    return connections.write(
        session -> KeyValues.create(session, category, key, value, storeTime()));
  }

  @Override
  public boolean updateKeyValue(String category, String key, String value, long version) {
    checkValue(category, key, value);
    return connections.write(
        session -> KeyValues.update(session, category, key, value, version, storeTime()));
  }

  @Override
  public boolean deleteKeyValue(String category, String key) {
    return connections.write(session -> KeyValues.delete(session, category, key));
  }

  @Override
  public Instant storeTime() {
    return clock.instant();
  }

  @Override
  public @Nullable String trouble() {
    return connections.trouble();
  }

  @Override
  public void close() {
    clock.close();
    connections.close();
  }
}
