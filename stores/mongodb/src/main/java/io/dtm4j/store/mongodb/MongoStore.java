package io.dtm4j.store.mongodb;

import com.mongodb.MongoException;
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
import io.dtm4j.store.StoreTimeSource;
import io.dtm4j.store.StoreUnavailableException;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.bson.BsonDocument;
import org.jspecify.annotations.Nullable;

/**
 * The shared store on MongoDB, one document for each transaction. Any number of lanes and servers
 * write at the same time; each transaction of a group is written on a condition of its own, and a
 * majority has the group in its journal when its commit returns.
 *
 * <p>While the primary cannot be reached every write says that its outcome is not known, reads that
 * the store is unavailable, and {@link #trouble} why; when it is there again the next call goes
 * through. While the time of the primary is not known nothing is claimed: the claims find nothing.
 * Thread-safe; every call but {@link #storeTime} and {@link #trouble} blocks.
 */
public final class MongoStore implements TransactionStore {
  private static final int DELETED_AT_ONCE = 200;

  private final Database database;
  private final Sequence sequence;
  private final StoreTimeSource clock;
  private final Backlog backlog;
  private final KnownRows known = new KnownRows();

  private MongoStore(Database database, Sequence sequence, LongSupplier nanoTime) {
    this.database = database;
    this.sequence = sequence;
    backlog = new Backlog(nanoTime, Backlog.FEW);
    clock = new StoreTimeSource(() -> localTime(database), nanoTime);
    clock.start();
  }

  private static Instant localTime(Database database) {
    return database.read(() -> Values.instant(database.hello().getDateTime("localTime")));
  }

  /**
   * Opens the store; makes its collections in a database that does not have them yet.
   *
   * @throws StoreUnavailableException when the database cannot be reached or used, or a newer
   *     version has made its collections; the message says what to do
   */
  public static MongoStore open(MongoStoreConfig config) {
    return open(config, new ElapsedTime());
  }

  /** As {@link #open}, with that monotonic clock. */
  static MongoStore open(MongoStoreConfig config, LongSupplier nanoTime) {
    Database database = Database.of(config);
    try {
      return new MongoStore(database, new Schema(config, database).prepare(), nanoTime);
    } catch (RuntimeException e) {
      database.close();
      throw e;
    }
  }

  /**
   * Deletes the collections of dtm4j and nothing else. No store may be open on them.
   *
   * @throws StoreUnavailableException when they cannot be deleted
   */
  public static void reset(MongoStoreConfig config) {
    try (Database database = Database.of(config)) {
      database.newest().drop();
      database.keyValues().drop();
      database.meta().drop();
    } catch (MongoException e) {
      throw Schema.unavailable(config, e);
    }
  }

  private GroupWrite groupWrite(Instant now) {
    return new GroupWrite(database, known, sequence, now);
  }

  @Override
  public List<CommitResult> commit(List<Batch> group) {
    if (group.isEmpty()) {
      return List.of();
    }
    return database.write(() -> groupWrite(storeTime()).commit(group));
  }

  @Override
  public Optional<Stored> find(Gid gid) {
    if (!Values.isStorable(gid.value())) {
      return Optional.empty();
    }
    return database.read(
        () -> {
          BsonDocument found = database.transactions().find(Documents.id(gid)).first();
          return found == null ? Optional.empty() : Optional.of(Documents.read(found).stored());
        });
  }

  @Override
  public List<Stored> claimDue(Duration lease, Function<Gid, Owner> owners, int limit) {
    return clock.isKnown() ? database.write(() -> claims(lease, owners).due(limit)) : List.of();
  }

  private Claims claims(Duration lease, Function<Gid, Owner> owners) {
    Instant now = storeTime();
    return new Claims(database, groupWrite(now), now, lease, owners);
  }

  @Override
  public List<Due> dueBefore(Instant time, @Nullable Due after, int limit) {
    return database.read(() -> DueIndex.before(database.transactions(), time, after, limit));
  }

  @Override
  public List<Stored> claim(List<Due> dues, Duration lease, Function<Gid, Owner> owners) {
    return clock.isKnown() ? database.write(() -> claims(lease, owners).asRead(dues)) : List.of();
  }

  @Override
  public List<Lease> renew(List<Lease> leases, Duration lease) {
    return database.write(() -> new Heads(database).renew(leases, storeTime().plus(lease)));
  }

  @Override
  public void release(List<Lease> leases) {
    database.write(
        () -> {
          new Heads(database).release(leases, storeTime());
          return true;
        });
  }

  @Override
  public Reset resetDue(Duration after, int limit) {
    Page.checkLimit(limit);
    return database.write(() -> new Heads(database).reset(after, storeTime(), limit));
  }

  @Override
  public Page<Listed> list(Filter filter, String cursor, int limit) {
    Page.checkLimit(limit);
    return database.read(() -> new Listings(database.transactions()).page(filter, cursor, limit));
  }

  @Override
  public Counts counts() {
    return database.read(() -> new Listings(database.transactions()).counts(backlog));
  }

  @Override
  public @Nullable Instant oldestUnfinished() {
    return database.<@Nullable Instant>read(
        () -> new Listings(database.transactions()).oldestUnfinished());
  }

  @Override
  public Page<Gid> endedBefore(Instant time, String cursor, int limit) {
    Page.checkLimit(limit);
    return database.read(
        () -> new Listings(database.transactions()).endedBefore(time, cursor, limit));
  }

  @Override
  public int delete(List<Gid> gids, Instant endedBefore) {
    if (!clock.isKnown()) {
      return 0; // the caller's time may be wrong by as much as the clock was set
    }
    int count = 0;
    for (int from = 0; from < gids.size(); from += DELETED_AT_ONCE) {
      var part = new ArrayList<>(gids.subList(from, Math.min(gids.size(), from + DELETED_AT_ONCE)));
      count += database.write(() -> Listings.delete(database, part, endedBefore));
    }
    return count;
  }

  @Override
  public Optional<KeyValue> findKeyValue(String category, String key) {
    return findKeyValues(category, key).stream().findFirst();
  }

  @Override
  public List<KeyValue> findKeyValues(@Nullable String category, @Nullable String key) {
    return database.read(() -> values().find(category, key));
  }

  private KeyValues values() {
    return new KeyValues(database.keyValues());
  }

  @Override
  public Page<KeyValue> listKeyValues(@Nullable String category, String cursor, int limit) {
    Page.checkLimit(limit);
    if (!cursor.isEmpty()) {
      Cursors.name(cursor);
    }
    return database.read(() -> values().page(category, cursor, limit));
  }

  @Override
  public boolean createKeyValue(String category, String key, String value) {
    return database.write(() -> values().create(category, key, value, storeTime()));
  }

  @Override
  public boolean updateKeyValue(String category, String key, String value, long version) {
    return database.write(() -> values().update(category, key, value, version, storeTime()));
  }

  @Override
  public boolean deleteKeyValue(String category, String key) {
    return database.write(() -> values().delete(category, key));
  }

  @Override
  public Instant storeTime() {
    return clock.instant();
  }

  @Override
  public @Nullable String trouble() {
    return database.trouble();
  }

  @Override
  public void close() {
    clock.close();
    database.close();
  }
}
