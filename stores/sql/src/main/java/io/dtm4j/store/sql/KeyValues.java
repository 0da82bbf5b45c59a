package io.dtm4j.store.sql;

import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.store.Cursors;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.Page;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Small values beside the transactions: table kv. */
final class KeyValues {
  private static final String SELECT =
      "select cat, k, v, version, create_time, update_time from kv where ";
  private static final String ORDER = " order by cat, k";

  private KeyValues() {}

  static List<KeyValue> find(Session session, @Nullable String category, @Nullable String key)
      throws SQLException {
    String ofCategory = category == null ? "1 = 1" : "cat = ?";
    String ofKey = key == null ? "" : " and k = ?";
    try (Prepared select = session.prepare(SELECT + ofCategory + ofKey + ORDER)) {
      if (category != null) {
        select.text(category);
      }
      if (key != null) {
        select.text(key);
      }
      List<KeyValue> found = read(select);
      // A collation may take one name for another.
      found.removeIf(
          one ->
              (category != null && !category.equals(one.category()))
                  || (key != null && !key.equals(one.key())));
      return found;
    }
  }

  /** See {@link io.dtm4j.store.TransactionStore#listKeyValues}. */
  static Page<KeyValue> page(Session session, @Nullable String category, String cursor, int limit)
      throws SQLException {
    Cursors.Name last = cursor.isEmpty() ? null : Cursors.name(cursor);
    String ofCategory = category == null ? "1 = 1" : "cat = ?";
    String following = last == null ? "" : " and cat >= ? and (cat > ? or k > ?)";
    try (Prepared select = session.prepare(SELECT + ofCategory + following + ORDER + " limit ?")) {
      if (category != null) {
        select.text(category);
      }
      if (last != null) {
        select.text(last.category()).text(last.category()).text(last.key());
      }
      List<KeyValue> found = read(select.number(limit + 1L));
      List<KeyValue> looked = found.subList(0, Math.min(limit, found.size()));
      return new Page<>(
          looked.stream()
              .filter(one -> category == null || category.equals(one.category()))
              .toList(),
          found.size() > limit ? Cursors.behind(looked.getLast()) : "");
    }
  }

  private static List<KeyValue> read(Prepared select) throws SQLException {
    var values = new ArrayList<KeyValue>();
    try (Columns rows = select.query()) {
      while (rows.next()) {
        values.add(
            new KeyValue(
                rows.text(),
                rows.text(),
                rows.text(),
                rows.number(),
                rows.requiredTime(),
                rows.requiredTime()));
      }
    }
    return values;
  }

  /**
   * False when the key is taken.
   *
   * @throws UnstorableException when the database takes it for another one
   */
  static boolean create(Session session, String category, String key, String value, Instant now)
      throws SQLException {
    try (Prepared insert =
        session.prepare(
            "insert into kv (cat, k, v, version, create_time, update_time)"
                + " values (?, ?, ?, 1, ?, ?)")) {
      insert.text(category).text(key).text(value).time(now).time(now).update();
      return true;
    } catch (SQLException e) {
      if (session.dialect().failure(e) != Dialect.Failure.DUPLICATE) {
        throw e;
      }
    }
    session.connection().rollback(); // PostgreSQL would not commit any more
    if (idOf(session, category, key) == null && isAnother(session, category, key)) {
      throw new UnstorableException(
          ErrorCode.BAD_REQUEST, "key " + key + " is the same as another one to the database");
    }
    return false;
  }

  /** Whether the database takes it for another one. */
  private static boolean isAnother(Session session, String category, String key)
      throws SQLException {
    try (Prepared select = session.prepare("select id from kv where cat = ? and k = ?");
        Columns rows = select.text(category).text(key).query()) {
      return rows.next();
    }
  }

  /** The id of that very key: a collation may take one for another. */
  private static @Nullable Long idOf(Session session, String category, String key)
      throws SQLException {
    try (Prepared select = session.prepare("select id, cat, k from kv where cat = ? and k = ?");
        Columns rows = select.text(category).text(key).query()) {
      while (rows.next()) {
        long id = rows.number();
        if (rows.text().equals(category) && rows.text().equals(key)) {
          return id;
        }
      }
      return null;
    }
  }

  static boolean update(
      Session session, String category, String key, String value, long version, Instant now)
      throws SQLException {
    Long id = idOf(session, category, key);
    if (id == null) {
      return false;
    }
    try (Prepared update =
        session.prepare(
            "update kv set v = ?, version = version + 1, update_time = ?"
                + " where id = ? and version = ?")) {
      return update.text(value).time(now).number(id).number(version).update() == 1;
    }
  }

  static boolean delete(Session session, String category, String key) throws SQLException {
    Long id = idOf(session, category, key);
    if (id == null) {
      return false;
    }
    try (Prepared delete = session.prepare("delete from kv where id = ?")) {
      return delete.number(id).update() == 1;
    }
  }
}
