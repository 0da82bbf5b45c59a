package io.dtm4j.store.rocksdb;

import static java.util.Objects.requireNonNull;

import io.dtm4j.model.Branch;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBatch;

/**
 * What one group changes. Batches of one gid are folded: each sees what those before it left, and
 * the rows are written once. First {@link #find} and {@link #put}, then {@link #prepare} and {@link
 * #write}; {@link #clear} in any case. Not thread-safe.
 */
final class Changes implements AutoCloseable {
  static {
    RocksDB.loadLibrary();
  }

  /** A batch buffer that grew beyond this, by large payloads, is given back. */
  private static final long LARGE = 4 << 20;

  /** What a group may have read from the database, in bytes, before it should look at no more. */
  private static final long HEAVY = 8 << 20;

  /** Milliseconds. */
  private static final long LEAST_LAG = 1_024;

  static final byte[] NO_BYTES = {};

  private final Recent recent;
  private final DueIndex index;
  private final Keys keys = new Keys();
  private final RowWriter writer = new RowWriter();
  private final Map<Gid, Change> changes = new HashMap<>();
  private long bytes; // of the transactions that were found
  private WriteBatch batch = new WriteBatch();
  private Instant newest = Instant.MIN; // of all that is stored
  private Instant latest = Instant.MIN; // with this group
  private long lastPlace;
  private long lag; // the largest of all that is stored
  private long largestLag; // with this group
  private int unfinished; // how many more or less
  private Instant earliestDue = Instant.MAX;

  Changes(Recent recent, DueIndex index) {
    this.recent = recent;
    this.index = index;
  }

  /** The transaction as the changes so far leave it, or null. */
  @Nullable Stored find(Database database, Gid gid) throws RocksDBException {
    Change change = changes.get(gid);
    if (change == null) {
      Known known = recent.get(gid);
      change = new Change(known == null ? Known.read(database, database, keys, gid) : known);
      bytes += change.weight;
      changes.put(gid, change);
    }
    return change.now;
  }

  /** Whether so much is in memory that the rest should wait for the next group. */
  boolean isHeavy() {
    return bytes > HEAVY;
  }

  /** Changes a transaction that was found, or found absent. */
  void put(Gid gid, Stored now) {
    Change change = requireNonNull(changes.get(gid), "find comes first");
    change.now = now;
    if (change.number == 0) {
      change.number = nextNumber(now.transaction().definition());
    }
  }

  /** Deletes a transaction that was found and has ended. */
  void delete(Database database, Gid gid) throws RocksDBException {
    Change change = requireNonNull(changes.get(gid), "find comes first");
    GlobalStatus status = requireNonNull(change.now).transaction().status();
    batch.delete(database.gids, keys.gid(gid));
    batch.delete(database.states, keys.number(change.number));
    if (Listing.isRollback(status)) {
      batch.delete(database.rollbacks, keys.rollback(status, change.number));
    }
    deleteDefinition(database, change.number);
    changes.put(gid, new Change(null)); // put again in this group it is another transaction
  }

  private long nextNumber(Definition definition) {
    lastPlace = Numbers.next(lastPlace, definition.createTime());
    largestLag = Math.max(largestLag, Numbers.lag(lastPlace, definition.createTime()));
    return Numbers.of(definition.type(), lastPlace);
  }

  /** Writes another row. */
  void put(ColumnFamilyHandle family, byte[] key, byte[] row) throws RocksDBException {
    batch.put(family, key, row);
  }

  /** Deletes another row. */
  void delete(ColumnFamilyHandle family, byte[] key) throws RocksDBException {
    batch.delete(family, key);
  }

  /**
   * Makes the rows of what was changed. Nothing is written when this throws.
   *
   * @param time the store's, so that what was made due by it is due after a restart, too, whatever
   *     the wall clock says then
   */
  void prepare(Database database, Instant time) throws RocksDBException {
    for (Map.Entry<Gid, Change> entry : changes.entrySet()) {
      Change change = entry.getValue();
      Stored now = change.now;
      if (now != null && change.isChanged()) {
        put(database, entry.getKey(), change, now);
        note(now.transaction().state().updateTime());
      }
    }
    if (batch.count() > 0) {
      note(time);
    }
    if (newest.isBefore(latest)) {
      database.putNewest(batch, writer, latest);
    }
    if (lag < largestLag) {
      largestLag = Math.max(LEAST_LAG, Long.highestOneBit(largestLag) << 1); // and so seldom again
      database.putLag(batch, writer, largestLag);
    }
  }

  /** Notes a time that is stored with this group. */
  void note(Instant time) {
    latest = latest.isBefore(time) ? time : latest;
  }

  /**
   * Writes what was prepared, durable on return, and remembers it. Throws when that is not certain;
   * then nothing is remembered.
   */
  void write(Database database) throws RocksDBException {
    if (batch.count() == 0) {
      return;
    }
    try {
      database.write(batch);
    } finally {
      index.written(earliestDue);
    }
    newest = latest;
    lag = largestLag;
    index.counted(unfinished);
    changes.forEach(this::remember);
  }

  private void put(Database database, Gid gid, Change change, Stored now) throws RocksDBException {
    Transaction transaction = now.transaction();
    List<Branch> branches = transaction.branches();
    Stored before = change.before();
    if (before == null) {
      batch.put(database.gids, keys.gid(gid), keys.number(change.number));
      putDefinition(database, change, transaction);
    } else if (!transaction.definition().equals(before.transaction().definition())) {
      deleteDefinition(database, change.number);
      putDefinition(database, change, transaction);
    } else {
      int first = before.transaction().branches().size();
      if (first < branches.size()) {
        List<Branch> later = branches.subList(first, branches.size());
        byte[] row = DefinitionRow.writeLater(writer, transaction.definition(), later);
        batch.put(database.definitions, keys.laterRows(change.number, first), row);
        change.weight += row.length;
      }
    }
    batch.put(database.states, keys.number(change.number), StateRow.write(writer, now));
    moveDue(database, gid, change, now);
    moveRollback(database, change, now);
  }

  /** The definition, with all rows there are. */
  private void putDefinition(Database database, Change change, Transaction transaction)
      throws RocksDBException {
    byte[] row =
        DefinitionRow.write(
            writer, transaction.gid(), transaction.definition(), transaction.branches());
    batch.put(database.definitions, keys.number(change.number), row);
    change.weight = row.length;
  }

  /** Deletes the definition, and the rows that came later. */
  private void deleteDefinition(Database database, long number) throws RocksDBException {
    byte[] from = keys.number(number);
    byte[] end = keys.number(number + 1);
    try (Database.View view = database.view()) {
      view.scan(
          database.definitions,
          from,
          end,
          (key, _) -> {
            batch.delete(database.definitions, key);
            return true;
          });
    }
  }

  /** The index row moves with the next time and leaves with the end; else it is left alone. */
  private void moveDue(Database database, Gid gid, Change change, Stored now)
      throws RocksDBException {
    Stored before = change.before();
    boolean isHeld = now.owner().isHeld();
    Instant oldTime = before == null ? null : dueTime(before);
    Instant newTime = dueTime(now);
    boolean moves = !Objects.equals(oldTime, newTime);
    unfinished += (newTime == null ? 0 : 1) - (oldTime == null ? 0 : 1);
    if (oldTime != null && moves) {
      batch.delete(database.due, keys.due(oldTime, gid));
    }
    if (newTime != null && (moves || requireNonNull(before).owner().isHeld() != isHeld)) {
      batch.put(database.due, keys.due(newTime, gid), DueRow.write(writer, isHeld, change.number));
      earliestDue = earliestDue.isBefore(newTime) ? earliestDue : newTime;
    }
  }

  /** Those that go wrong, which people look for, have an index row; it costs the others nothing. */
  private void moveRollback(Database database, Change change, Stored now) throws RocksDBException {
    Stored before = change.before();
    GlobalStatus was = before == null ? null : before.transaction().status();
    GlobalStatus is = now.transaction().status();
    if (was != is && was != null && Listing.isRollback(was)) {
      batch.delete(database.rollbacks, keys.rollback(was, change.number));
    }
    if (was != is && Listing.isRollback(is)) {
      batch.put(database.rollbacks, keys.rollback(is, change.number), NO_BYTES);
    }
  }

  private static @Nullable Instant dueTime(Stored stored) {
    return stored.transaction().status().isFinal()
        ? null
        : stored.transaction().state().schedule().nextTime();
  }

  private void remember(Gid gid, Change change) {
    Stored now = change.now;
    if (now == null || now.transaction().status().isFinal()) {
      recent.remove(gid);
    } else {
      recent.put(gid, new Known(change.number, now, change.weight));
    }
  }

  /** Forgets the changes, written or not. */
  void clear() {
    changes.clear();
    bytes = 0;
    earliestDue = Instant.MAX;
    latest = newest;
    largestLag = lag;
    unfinished = 0;
    if (batch.getDataSize() > LARGE) {
      batch.close();
      batch = new WriteBatch();
    } else {
      batch.clear();
    }
  }

  /** Begins with what is stored, after an opening. */
  void begin(Database database) throws RocksDBException {
    newest = database.newest();
    latest = newest;
    lastPlace = database.lastPlace();
    lag = Database.lag(database, database);
    largestLag = lag;
  }

  /** The newest time that is stored. */
  Instant newest() {
    return newest;
  }

  @Override
  public void close() {
    batch.close();
  }

  /** A transaction that the group looks at. */
  private static final class Change {
    private final @Nullable Known known;
    private @Nullable Stored now;
    private long number;
    private int weight;

    Change(@Nullable Known known) {
      this.known = known;
      now = before();
      number = known == null ? 0 : known.number();
      weight = known == null ? 0 : known.weight();
    }

    @SuppressWarnings(
        "ReferenceEquality") // a batch that changes nothing gives the very same record
    boolean isChanged() {
      return now != before();
    }

    @Nullable Stored before() {
      return known == null ? null : known.stored();
    }
  }
}
