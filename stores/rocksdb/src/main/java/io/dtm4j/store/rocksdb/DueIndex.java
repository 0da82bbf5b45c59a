package io.dtm4j.store.rocksdb;

import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.protocol.Gid;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.RocksDBException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds unfinished transactions by their next time. The index row holds no token, which lies in the
 * state only: so a batch that moves no time leaves the index alone.
 *
 * <p>Every transaction that ends leaves a deleted row behind until RocksDB has merged it away, and
 * all of them lie where a search begins: after half a minute of full load it would walk over
 * hundreds of thousands. So the index knows a time, the floor, before which there is nothing, and
 * begins there. A search raises it to the first row that it saw, or to its end, unless an earlier
 * time was written meanwhile. Thread-safe.
 */
final class DueIndex {
  private static final Logger log = LoggerFactory.getLogger(DueIndex.class);

  private final Set<Gid> broken = ConcurrentHashMap.newKeySet();
  private final AtomicLong unfinished = new AtomicLong();

  private Instant floor = Instant.MIN;
  private Instant earliestWritten = Instant.MAX;
  private int searches;

  /**
   * Told what was written, before anybody else learns of it.
   *
   * @param earliest the earliest time among the new rows
   */
  synchronized void written(Instant earliest) {
    floor = earlier(floor, earliest);
    earliestWritten = earlier(earliestWritten, earliest);
  }

  /** Told how many more transactions are unfinished now. */
  void counted(int more) {
    unfinished.addAndGet(more);
  }

  /** How many transactions are unfinished. */
  long unfinished() {
    return unfinished.get();
  }

  private synchronized Instant beginSearch() {
    if (searches++ == 0) {
      earliestWritten = Instant.MAX;
    }
    return floor;
  }

  private synchronized void endSearch(Instant nothingBefore) {
    searches--;
    Instant higher = earlier(nothingBefore, earliestWritten);
    floor = floor.isBefore(higher) ? higher : floor;
  }

  private static Instant earlier(Instant one, Instant other) {
    return one.isBefore(other) ? one : other;
  }

  /**
   * What is due before a time, the earliest first. Transactions that cannot be read are left out,
   * and logged once.
   *
   * @param after only those behind it; null: from the first
   */
  List<Due> before(Database database, Instant time, @Nullable Due after, int limit)
      throws RocksDBException {
    var search = new Search(limit, _ -> true);
    var keys = new Keys();
    if (limit <= 0) {
      return List.of();
    }
    if (after != null) {
      search.run(database, keys.behindDue(after.nextTime(), after.gid()), keys.dueAt(time));
      return search.found;
    }
    Instant from = beginSearch();
    Instant nothingBefore = from;
    try {
      search.run(database, keys.dueAt(from), keys.dueAt(time));
      nothingBefore = search.first == null ? time : search.first;
    } finally {
      endSearch(nothingBefore);
    }
    return search.found;
  }

  /**
   * What is due after a time and not marked "look again", the earliest first. Transactions that
   * cannot be read are left out, and logged once.
   */
  List<Due> behind(Database database, Instant time, int limit) throws RocksDBException {
    var search = new Search(limit, due -> due.owner().mark() != Owner.Mark.LOOK_AGAIN);
    search.run(database, new Keys().dueAt(time.plusNanos(1)), null);
    return search.found;
  }

  /** The numbers of all unfinished transactions. */
  List<Long> numbers(Database.View view, Database database) throws RocksDBException {
    var numbers = new ArrayList<Long>();
    view.scan(
        database.due,
        new Keys().dueAt(floor()),
        null,
        (_, row) -> numbers.add(DueRow.read(row).number()));
    return numbers;
  }

  /** When the unfinished transaction was stored that was stored first; null: there is none. */
  @Nullable Instant oldest(Database.View view, Database database) throws RocksDBException {
    var first = new AtomicLong(Numbers.END);
    view.scan(
        database.due,
        new Keys().dueAt(floor()),
        null,
        (_, row) -> {
          first.set(Math.min(first.get(), Numbers.place(DueRow.read(row).number())));
          return true;
        });
    return first.get() == Numbers.END ? null : Numbers.timeOf(first.get());
  }

  private synchronized Instant floor() {
    return floor;
  }

  /**
   * Begins with what is stored, after an opening.
   *
   * @return all that somebody works on, or worked on when the store was left
   */
  List<Gid> begin(Database database) throws RocksDBException {
    var leased = new ArrayList<Gid>();
    try (Database.View view = database.view()) {
      unfinished.set(view.count(database.due, DueRow.HELD, key -> leased.add(Keys.gidOfDue(key))));
    }
    return leased;
  }

  /** Forgets all, because the database is opened again. */
  synchronized void reset() {
    floor = Instant.MIN;
  }

  /** Notes a transaction that cannot be read; logged once. */
  void leaveAlone(Gid gid, Exception cause) {
    if (broken.add(gid)) {
      log.atError()
          .addKeyValue("gid", gid)
          .setCause(cause)
          .log("a transaction cannot be read and is left alone");
    }
  }

  /** One walk through the index. */
  private final class Search {
    private final int limit;
    private final Predicate<Due> filter;
    private final List<Due> found = new ArrayList<>();
    private final Keys keys = new Keys();
    private @Nullable Instant first;

    Search(int limit, Predicate<Due> filter) {
      this.limit = limit;
      this.filter = filter;
    }

    void run(Database database, byte[] from, byte @Nullable [] end) throws RocksDBException {
      try (Database.View view = database.view()) {
        view.scan(
            database.due,
            from,
            end,
            (key, row) -> {
              first = first == null ? Keys.timeOfDue(key) : first;
              add(view, database.states, Keys.gidOfDue(key), row);
              return found.size() < limit;
            });
      }
    }

    private void add(Database.View view, ColumnFamilyHandle states, Gid gid, byte[] row)
        throws RocksDBException {
      try {
        byte[] stateRow = view.get(states, keys.number(DueRow.read(row).number()));
        if (stateRow == null) {
          throw new IllegalStateException("the state is missing");
        }
        Due due = StateRow.readDue(gid, stateRow);
        if (filter.test(due)) {
          found.add(due);
        }
      } catch (RuntimeException e) {
        leaveAlone(gid, e);
      } catch (RocksDBException e) {
        if (!BrokenRowException.isCause(e)) {
          throw e;
        }
        leaveAlone(gid, e);
      }
    }
  }
}
