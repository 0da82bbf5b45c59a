package io.dtm4j.store.rocksdb;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.Counts;
import io.dtm4j.store.Cursors;
import io.dtm4j.store.Filter;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.Lease;
import io.dtm4j.store.Listed;
import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.Page;
import io.dtm4j.store.Reset;
import io.dtm4j.store.StoreClock;
import io.dtm4j.store.StoreRejectedException;
import io.dtm4j.store.StoreUnavailableException;
import io.dtm4j.store.TransactionStore;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.rocksdb.RocksDBException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The embedded store: RocksDB in a directory of this server, synced with every group.
 *
 * <p>A group becomes one write. What is written (see {@link Keys}): a definition once, a small
 * state with each batch, a row of the due index when the next time moves. Compare and set go
 * against {@link Recent}, so that a pass does not read the database.
 *
 * <p>When a write fails, nobody knows what the log holds: RocksDB may say that a batch is absent
 * and replay it at its next opening. So the database is closed at once and opened again, which
 * replays the log and flushes it, before anything is written or read again (docs/architecture.md,
 * R6). Readers are told {@link StoreUnavailableException} meanwhile. This repeats with each try of
 * the caller until the cause is gone; {@link #trouble} says what it is.
 *
 * <p>Thread-safe; writes take turns.
 */
public final class RocksDbStore implements TransactionStore {
  private static final Logger log = LoggerFactory.getLogger(RocksDbStore.class);
  private static final long MAX_RECENT = 16 << 20;
  private static final int MOST_AT_ONCE = 1_000;

  /** Only for tests: what each commit takes longer, as on a slow disk (CONTRIBUTING.md). */
  private static final long COMMIT_DELAY_MILLIS = Long.getLong("dtm4j.test.commitDelayMillis", 0);

  /** Only for tests: what each batch of it takes longer, as on a disk that can do only so many. */
  private static final long BATCH_DELAY_MICROS = Long.getLong("dtm4j.test.batchDelayMicros", 0);

  private final DataDirectory directory;
  private final boolean sync;
  private final StoreClock clock;

  /** Held by readers while they read, and by a writer that waits for them to leave. */
  private final ReentrantReadWriteLock gate = new ReentrantReadWriteLock();

  /** Null while it is closed. Set under the monitor of this store; readers go through the gate. */
  private volatile @Nullable Database database;

  private volatile @Nullable Trouble trouble;

  // Below: under the monitor of this store.
  private final DueIndex index = new DueIndex();
  private final Recent recent = new Recent(MAX_RECENT);
  private final Changes changes;
  private boolean closed;

  private RocksDbStore(
      DataDirectory directory,
      boolean sync,
      InstantSource wall,
      LongSupplier nanoTime,
      List<Gid> leased)
      throws RocksDBException {
    this.directory = directory;
    this.sync = sync;
    changes = new Changes(recent, index);
    database = begin(directory, sync, true, changes, index, leased);
    clock = new StoreClock(wall, nanoTime, changes.newest());
  }

  /**
   * Opens the database. None stays open that cannot be read: it would never open again.
   *
   * @param create whether it is made when it is not there
   * @param leased gets all that somebody works on, or worked on when the store was left
   */
  private static Database begin(
      DataDirectory directory,
      boolean sync,
      boolean create,
      Changes changes,
      DueIndex index,
      List<Gid> leased)
      throws RocksDBException {
    var opened = new Database(directory.data(), sync, create);
    try {
      changes.begin(opened);
      leased.addAll(index.begin(opened));
      return opened;
    } catch (RocksDBException | RuntimeException e) {
      opened.close();
      throw e;
    }
  }

  /**
   * Opens the store; what was leased when it was left comes to rest and is due now, because nobody
   * else can hold it.
   *
   * @throws StoreUnavailableException when another process has the directory, a newer server wrote
   *     the data, or it cannot be read or written; the message says what to do
   */
  public static RocksDbStore open(RocksDbConfig config) {
    return open(config, InstantSource.system(), System::nanoTime);
  }

  /** As {@link #open(RocksDbConfig)}, with other clocks. */
  static RocksDbStore open(RocksDbConfig config, InstantSource wall, LongSupplier nanoTime) {
    DataDirectory directory = DataDirectory.lock(config.directory());
    RocksDbStore store = null;
    try {
      var leased = new ArrayList<Gid>();
      store = new RocksDbStore(directory, config.sync(), wall, nanoTime, leased);
      store.abandonAll(leased);
      return store;
    } catch (RocksDBException | RuntimeException e) {
      if (store == null) {
        directory.close();
      } else {
        store.close();
      }
      if (e instanceof StoreUnavailableException known) {
        throw known;
      }
      throw new StoreUnavailableException(
          "data in " + directory + " cannot be opened: " + e.getMessage(), e);
    }
  }

  /**
   * Deletes all data in that directory, and nothing that is not ours.
   *
   * @return false: there is no such directory
   * @throws StoreUnavailableException when it is in use, not ours, or cannot be deleted
   */
  public static boolean reset(Path directory) {
    return DataDirectory.reset(directory);
  }

  /** Nobody else can hold it, so what was leased when the store was left comes to rest. */
  private synchronized void abandonAll(List<Gid> leased) {
    Instant now = storeTime();
    inSteps(
        leased,
        (open, gid) -> {
          Stored stored = readable(open, gid);
          if (stored != null) {
            changes.put(gid, stored.abandoned(now));
          }
        });
    if (!leased.isEmpty()) {
      log.atInfo()
          .addKeyValue("transactions", leased.size())
          .log("transactions that were being worked on are due at once");
    }
  }

  /** Something done with a transaction; it may change it. */
  private interface Step {
    void take(Database open, Gid gid) throws RocksDBException;
  }

  /** Does it with all, in several writes when they are many or large. */
  private void inSteps(List<Gid> gids, Step step) {
    for (int from = 0; from < gids.size(); ) {
      int begin = from;
      from =
          writing(
              open -> {
                int next = begin;
                while (next < gids.size() && next - begin < MOST_AT_ONCE && !changes.isHeavy()) {
                  step.take(open, gids.get(next++));
                }
                return next;
              });
    }
  }

  @Override
  public synchronized List<CommitResult> commit(List<Batch> group) {
    if (COMMIT_DELAY_MILLIS > 0) {
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(COMMIT_DELAY_MILLIS));
    }
    if (BATCH_DELAY_MICROS > 0) {
      LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(BATCH_DELAY_MICROS) * group.size());
    }
    return writing(
        open -> {
          var results = new ArrayList<CommitResult>(group.size());
          for (Batch batch : group) {
            results.add(apply(batch, changes.find(open, batch.gid())));
          }
          return results;
        });
  }

  private CommitResult apply(Batch batch, @Nullable Stored stored) {
    Batch.Applied applied;
    try {
      applied = batch.applyTo(stored);
    } catch (IllegalStateException | IndexOutOfBoundsException e) {
      throw new StoreRejectedException("batch of " + batch.gid() + " does not fit its record", e);
    }
    return switch (applied) {
      case Batch.Applied.Changed changed -> {
        changes.put(batch.gid(), changed.stored());
        yield new CommitResult.Committed(changed.stored());
      }
      case Batch.Applied.Refused refused -> new CommitResult.Lost(refused.stored());
      case Batch.Applied.Conflict conflict -> new CommitResult.Conflict(conflict.key());
    };
  }

  @Override
  public Optional<Stored> find(Gid gid) {
    return reading(
        open -> {
          try (Database.View view = open.view()) {
            return Optional.ofNullable(Known.read(view, open, new Keys(), gid)).map(Known::stored);
          }
        });
  }

  @Override
  public List<Due> dueBefore(Instant time, @Nullable Due after, int limit) {
    return reading(open -> index.before(open, time, after, limit));
  }

  @Override
  public synchronized List<Stored> claimDue(
      Duration lease, Function<Gid, Owner> owners, int limit) {
    return writing(
        open -> {
          Instant now = storeTime();
          var claimed = new ArrayList<Stored>();
          Due last = null;
          while (true) { // those that cannot be read do not hide those behind them
            int room = limit - claimed.size();
            // The time now itself is due, so the search ends right behind it.
            List<Due> dues = index.before(open, now.plusNanos(1), last, room);
            claimed.addAll(claim(open, dues, now, lease, owners));
            if (dues.size() < room || claimed.size() == limit || changes.isHeavy()) {
              return claimed;
            }
            last = dues.getLast();
          }
        });
  }

  @Override
  public synchronized List<Stored> claim(
      List<Due> dues, Duration lease, Function<Gid, Owner> owners) {
    return writing(open -> claim(open, dues, storeTime(), lease, owners));
  }

  private List<Stored> claim(
      Database open, List<Due> dues, Instant now, Duration lease, Function<Gid, Owner> owners)
      throws RocksDBException {
    var claimed = new ArrayList<Stored>();
    for (Due due : dues) {
      if (changes.isHeavy()) {
        break;
      }
      Stored stored = readable(open, due.gid());
      if (stored == null) {
        continue;
      }
      Batch taking = Batch.claim(due, owners.apply(due.gid()), now.plus(lease), now);
      if (taking.applyTo(stored) instanceof Batch.Applied.Changed changed) {
        changes.put(due.gid(), changed.stored());
        claimed.add(changed.stored());
      }
    }
    return claimed;
  }

  @Override
  public synchronized List<Lease> renew(List<Lease> leases, Duration lease) {
    return writing(
        open -> {
          Instant until = storeTime().plus(lease);
          var lost = new ArrayList<Lease>();
          for (Lease held : leases) {
            Stored stored = leasedTo(open, held);
            if (stored == null) {
              lost.add(held);
            } else if (stored.transaction().state().schedule().nextTime().isBefore(until)) {
              changes.put(held.gid(), stored.withNextTime(until));
            }
          }
          return lost;
        });
  }

  @Override
  public synchronized void release(List<Lease> leases) {
    writing(
        open -> {
          Instant now = storeTime();
          for (Lease held : leases) {
            Stored stored = leasedTo(open, held);
            if (stored != null) {
              changes.put(held.gid(), stored.released(now));
            }
          }
          return null;
        });
  }

  @Override
  public synchronized Reset resetDue(Duration after, int limit) {
    Page.checkLimit(limit);
    return writing(
        open -> {
          Instant now = storeTime();
          Instant laterThan = now.plus(after);
          List<Due> later = index.behind(open, laterThan, limit + 1);
          int count = 0;
          for (Due due : later.subList(0, Math.min(limit, later.size()))) {
            if (changes.isHeavy()) {
              return new Reset(count, true);
            }
            Stored stored = readable(open, due.gid());
            if (stored != null && Reset.concerns(stored, laterThan)) {
              changes.put(due.gid(), Reset.broughtForward(stored, now));
              count++;
            }
          }
          return new Reset(count, later.size() > limit);
        });
  }

  @Override
  public Page<Listed> list(Filter filter, String cursor, int limit) {
    Page.checkLimit(limit);
    return reading(
        open -> {
          try (Database.View view = open.view()) {
            var listing = new Listing(open, view, filter, Listing.MOST_ROWS);
            return listing.page(cursor, limit, index);
          }
        });
  }

  @Override
  public Counts counts() {
    List<Due> first = dueBefore(Instant.MAX, null, 1);
    return new Counts(index.unfinished(), first.isEmpty() ? null : first.getFirst().nextTime());
  }

  @Override
  public @Nullable Instant oldestUnfinished() {
    return reading(
            open -> {
              try (Database.View view = open.view()) {
                return Optional.ofNullable(index.oldest(view, open));
              }
            })
        .orElse(null);
  }

  @Override
  public Page<Gid> endedBefore(Instant time, String cursor, int limit) {
    Page.checkLimit(limit);
    long behind = cursor.isEmpty() ? 0 : Cursors.number(cursor);
    return reading(
        open -> {
          try (Database.View view = open.view()) {
            return new Ended(open, view, time).page(behind, limit);
          }
        });
  }

  @Override
  public synchronized int delete(List<Gid> gids, Instant endedBefore) {
    var count = new AtomicInteger();
    inSteps(
        gids,
        (open, gid) -> {
          Stored stored = readable(open, gid);
          if (stored != null && stored.endedBefore(endedBefore)) {
            changes.delete(open, gid);
            count.incrementAndGet();
          }
        });
    return count.get();
  }

  /** The unfinished transaction that is leased under that claim, or null. */
  private @Nullable Stored leasedTo(Database open, Lease held) throws RocksDBException {
    Stored stored = readable(open, held.gid());
    return stored != null && stored.isLeasedTo(held.claim()) ? stored : null;
  }

  /** The transaction, or null when there is none or its rows make no sense: others go on. */
  private @Nullable Stored readable(Database open, Gid gid) throws RocksDBException {
    try {
      return changes.find(open, gid);
    } catch (BrokenRowException e) {
      index.leaveAlone(gid, e);
      return null;
    }
  }

  @Override
  public Optional<KeyValue> findKeyValue(String category, String key) {
    return reading(
        open -> Optional.ofNullable(KeyValues.find(open, new Cursors.Name(category, key))));
  }

  @Override
  public List<KeyValue> findKeyValues(@Nullable String category, @Nullable String key) {
    return reading(open -> KeyValues.find(open, category, key));
  }

  @Override
  public Page<KeyValue> listKeyValues(@Nullable String category, String cursor, int limit) {
    Page.checkLimit(limit);
    return reading(open -> KeyValues.list(open, category, cursor, limit));
  }

  @Override
  public synchronized boolean createKeyValue(String category, String key, String value) {
    var name = new Cursors.Name(category, key);
    return writing(open -> KeyValues.create(open, changes, name, value, storeTime()));
  }

  @Override
  public synchronized boolean updateKeyValue(
      String category, String key, String value, long version) {
    var name = new Cursors.Name(category, key);
    return writing(open -> KeyValues.update(open, changes, name, value, version, storeTime()));
  }

  @Override
  public synchronized boolean deleteKeyValue(String category, String key) {
    return writing(open -> KeyValues.delete(open, changes, new Cursors.Name(category, key)));
  }

  @Override
  public Instant storeTime() {
    return clock.instant();
  }

  @Override
  public @Nullable String trouble() {
    Trouble present = trouble;
    return present == null
        ? null
        : "data in " + directory + " cannot be written since " + present.since + ": " + present.why;
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      flush();
      closeDatabase();
      changes.close();
      directory.close();
    }
  }

  /** Spares the next opening the replay of the log; nothing depends on it. */
  private void flush() {
    Database open = database;
    if (open != null) {
      try {
        open.flush();
      } catch (RocksDBException e) {
        log.atWarn()
            .addKeyValue("directory", directory)
            .setCause(e)
            .log("the next start takes longer: the log was not put into tables");
      }
    }
  }

  /** Reads, beside other readers and writes. */
  private <T> T reading(Work<T> work) {
    // Who comes while it is closed does not touch the gate, so that the writer gets through.
    if (database == null || !gate.readLock().tryLock()) {
      throw unavailable();
    }
    try {
      Database open = database;
      if (open == null) {
        throw unavailable();
      }
      return work.in(open);
    } catch (RocksDBException | BrokenRowException e) {
      throw new StoreUnavailableException("data in " + directory + " cannot be read", e);
    } finally {
      gate.readLock().unlock();
    }
  }

  private StoreUnavailableException unavailable() {
    String why = trouble();
    return new StoreUnavailableException(why == null ? "the store is closed" : why, null);
  }

  /**
   * Does work that collects changes, and writes them.
   *
   * @throws OutcomeUnknownException when they may be written or not
   * @throws StoreRejectedException when they cannot be written
   */
  private <T extends @Nullable Object> T writing(Work<T> work) {
    Database open = opened();
    try {
      T result = collect(work, open);
      changes.write(open);
      recovered();
      return result;
    } catch (RocksDBException e) {
      throw failed(e);
    } finally {
      changes.clear();
    }
  }

  /** Does the work and makes the rows. Nothing is written yet, so what fails here is definite. */
  private <T extends @Nullable Object> T collect(Work<T> work, Database open)
      throws RocksDBException {
    try {
      T result = work.in(open);
      changes.prepare(open, storeTime());
      return result;
    } catch (StoreRejectedException e) {
      throw e;
    } catch (RuntimeException e) { // broken rows, values that have no form, defects
      throw new StoreRejectedException(String.valueOf(e.getMessage()), e);
    }
  }

  /** The database, opened again if that is needed. */
  private Database opened() {
    Database open = database;
    if (open != null) {
      return open;
    }
    if (closed) {
      throw new IllegalStateException("the store is closed");
    }
    try {
      open =
          begin(
              directory,
              sync,
              false, // where a disk was taken away, an empty store would pass for ours
              changes,
              index,
              new ArrayList<>()); // this server holds what is leased
      database = open;
      return open;
    } catch (RocksDBException e) {
      throw failed(e);
    }
  }

  /** Closes the database, which is opened again before anything is written. */
  private OutcomeUnknownException failed(RocksDBException e) {
    String why = String.valueOf(e.getMessage());
    Trouble before = trouble;
    trouble = new Trouble(before == null ? storeTime() : before.since, why);
    closeDatabase();
    if (before == null) {
      log.atError().addKeyValue("directory", directory).setCause(e).log("the store cannot write");
    }
    return new OutcomeUnknownException("data in " + directory + " cannot be written: " + why, e);
  }

  private void recovered() {
    if (trouble != null) {
      trouble = null;
      log.atInfo().addKeyValue("directory", directory).log("the store writes again");
    }
  }

  private void closeDatabase() {
    Database open = database;
    database = null; // who comes to read now turns round
    gate.writeLock().lock();
    try {
      if (open != null) {
        open.close();
      }
    } finally {
      gate.writeLock().unlock();
    }
    recent.clear();
    index.reset();
  }

  /** Something done with the open database. */
  private interface Work<T extends @Nullable Object> {
    T in(Database open) throws RocksDBException;
  }

  private record Trouble(Instant since, String why) {}
}
