package io.dtm4j.store.rocksdb;

import io.dtm4j.store.Cursors;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.Page;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.rocksdb.RocksDBException;

/**
 * The small values beside the transactions, such as topics. Reading is stateless; what changes is
 * collected in the {@link Changes} of a group, under the monitor of the store.
 */
final class KeyValues {
  private KeyValues() {}

  static @Nullable KeyValue find(Database open, Cursors.Name name) throws RocksDBException {
    byte[] row = open.get(open.values, new Keys().value(name.category(), name.key()));
    return row == null ? null : KeyValueRow.read(name, row);
  }

  /** All of that category and that key; null: any. */
  static List<KeyValue> find(Database open, @Nullable String category, @Nullable String key)
      throws RocksDBException {
    var found = new ArrayList<KeyValue>();
    walk(
        open,
        category,
        null,
        value -> {
          if (key == null || key.equals(value.key())) {
            found.add(value);
          }
          return true;
        });
    return found;
  }

  static Page<KeyValue> list(Database open, @Nullable String category, String cursor, int limit)
      throws RocksDBException {
    var found = new ArrayList<KeyValue>();
    Cursors.Name last = cursor.isEmpty() ? null : Cursors.name(cursor);
    walk(open, category, last, value -> found.add(value) && found.size() <= limit);
    List<KeyValue> items = found.subList(0, Math.min(limit, found.size()));
    return new Page<>(items, found.size() > limit ? Cursors.behind(items.getLast()) : "");
  }

  /**
   * Shows values in the order of their keys.
   *
   * @param category null: all
   * @param behind only those behind it; null: from the first
   * @param visitor says whether to go on
   */
  private static void walk(
      Database open,
      @Nullable String category,
      Cursors.@Nullable Name behind,
      Predicate<KeyValue> visitor)
      throws RocksDBException {
    var keys = new Keys();
    byte[] from = category == null ? new byte[0] : keys.firstOf(category);
    byte[] end = category == null ? null : keys.endOf(category);
    if (behind != null) {
      byte[] next = keys.behindValue(behind);
      from = Arrays.compareUnsigned(from, next) < 0 ? next : from;
    }
    if (end == null || Arrays.compareUnsigned(from, end) < 0) {
      try (Database.View view = open.view()) {
        view.scan(open.values, from, end, (key, row) -> visitor.test(KeyValueRow.read(key, row)));
      }
    }
  }

  /** Whether it was created; else the name is taken. */
  static boolean create(
      Database open, Changes changes, Cursors.Name name, String value, Instant now)
      throws RocksDBException {
    if (find(open, name) != null) {
      return false;
    }
    put(open, changes, new KeyValue(name.category(), name.key(), value, 1, now, now));
    return true;
  }

  /** Whether it was replaced; else it has another version, or is gone. */
  static boolean update(
      Database open, Changes changes, Cursors.Name name, String value, long version, Instant now)
      throws RocksDBException {
    KeyValue old = find(open, name);
    if (old == null || old.version() != version) {
      return false;
    }
    put(
        open,
        changes,
        new KeyValue(name.category(), name.key(), value, version + 1, old.createTime(), now));
    return true;
  }

  /** Whether there was one to be deleted. */
  static boolean delete(Database open, Changes changes, Cursors.Name name) throws RocksDBException {
    boolean found = find(open, name) != null;
    if (found) {
      changes.delete(open.values, new Keys().value(name.category(), name.key()));
    }
    return found;
  }

  private static void put(Database open, Changes changes, KeyValue value) throws RocksDBException {
    changes.note(value.updateTime());
    changes.put(
        open.values,
        new Keys().value(value.category(), value.key()),
        KeyValueRow.write(new RowWriter(), value));
  }
}
