package io.dtm4j.store.sql;

import static java.util.Comparator.comparingLong;

import io.dtm4j.protocol.Gid;
import io.dtm4j.store.Cursors;
import io.dtm4j.store.Filter;
import io.dtm4j.store.Listed;
import io.dtm4j.store.Page;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Transactions page by page, by their ids. What a page may cost is bounded, in rows it looks at and
 * in bytes it reads, so a page may be short when what it looks for is rare.
 */
final class Listings {
  /** Transactions that a page looks at, and branch rows that are deleted at a time. */
  private static final int MOST_ROWS = 20_000;

  /** Bytes of records that a page reads, but for its first. */
  private static final long MOST_BYTES = 8 << 20;

  private final Session session;

  Listings(Session session) {
    this.session = session;
  }

  /** An id and the size of its record. */
  private record Sized(long id, long bytes) {}

  /** See {@link io.dtm4j.store.TransactionStore#list}. */
  Page<Listed> page(Filter filter, String cursor, int limit) throws SQLException {
    long end = cursor.isEmpty() ? Long.MAX_VALUE : Cursors.number(cursor);
    long before =
        edge("select id from trans_global where id < ? order by id desc limit 1 offset ?", end, 0);
    List<Sized> matching = matching(filter, before, end, limit + 1);
    int count = affordable(matching, limit);
    List<Listed> items = read(matching.subList(0, count), filter);
    if (count < matching.size()) {
      return new Page<>(items, Long.toString(matching.get(count - 1).id));
    }
    return new Page<>(items, before == 0 ? "" : Long.toString(before + 1));
  }

  /** The id at which the search ends; another one when nothing is so far away. */
  private long edge(String select, long from, long none) throws SQLException {
    try (Prepared prepared = session.prepare(select);
        Columns rows = prepared.number(from).number(MOST_ROWS).query()) {
      return rows.next() ? rows.number() : none;
    }
  }

  private List<Sized> matching(Filter filter, long after, long before, int limit)
      throws SQLException {
    var sql =
        new StringBuilder(
            "select id, octet_length(query_prepared) + octet_length(coalesce(options, ''))"
                + " + octet_length(coalesce(custom_data, ''))"
                + " + octet_length(coalesce(ext_data, '')) + octet_length(coalesce(result, ''))"
                + " from trans_global where id > ? and id < ?");
    if (filter.status() != null) {
      sql.append(" and status = ?");
    }
    if (filter.type() != null) {
      sql.append(" and trans_type = ?");
    }
    if (filter.createdFrom() != null) {
      sql.append(" and create_time >= ?");
    }
    if (filter.createdTo() != null) {
      sql.append(" and create_time <= ?");
    }
    try (Prepared select = session.prepare(sql.append(" order by id desc limit ?").toString())) {
      select.number(after).number(before);
      if (filter.status() != null) {
        select.text(filter.status().wireName());
      }
      if (filter.type() != null) {
        select.text(filter.type().wireName());
      }
      if (filter.createdFrom() != null) {
        select.time(session.form().times().notAfter(filter.createdFrom()));
      }
      if (filter.createdTo() != null) {
        select.time(session.form().times().notAfter(filter.createdTo()));
      }
      var matching = new ArrayList<Sized>();
      try (Columns rows = select.number(limit).query()) {
        while (rows.next()) {
          matching.add(new Sized(rows.number(), rows.number()));
        }
      }
      return matching;
    }
  }

  private static int affordable(List<Sized> matching, int limit) {
    int count = 0;
    for (long bytes = 0; count < Math.min(limit, matching.size()) && bytes < MOST_BYTES; count++) {
      bytes += matching.get(count).bytes;
    }
    return count;
  }

  /** Reads them, the newest first; what cannot be read, or matches no more, is left out. */
  private List<Listed> read(List<Sized> ids, Filter filter) throws SQLException {
    if (ids.isEmpty()) {
      return List.of();
    }
    var globals = new ArrayList<Rows.Global>();
    try (Prepared select =
        session.prepare(
            "select "
                + Rows.GLOBAL
                + " from trans_global g where g.id in "
                + session.marks(ids.size()))) {
      try (Columns rows = select.numbers(ids.stream().map(Sized::id).toList()).query()) {
        while (rows.next()) {
          try {
            globals.add(Rows.readGlobal(rows.number(), new Gid(rows.text()), rows));
          } catch (BrokenRowException _) {
            // whoever asks for it is told why
          }
        }
      }
    }
    return globals.stream()
        .sorted(comparingLong(Rows.Global::id).reversed())
        .map(Rows.Global::listed)
        .filter(filter::matches)
        .toList();
  }

  /** How many are unfinished; looks at all of them. */
  long unfinished() throws SQLException {
    try (Prepared select =
            session.prepare("select count(*) from trans_global where " + DueIndex.IS_UNFINISHED);
        Columns rows = select.query()) {
      return rows.next() ? rows.number() : 0;
    }
  }

  @Nullable Instant oldestUnfinished() throws SQLException {
    try (Prepared select =
            session.prepare(
                // By the index on status: not through all that was ever stored, in its order.
                "select create_time from trans_global where id = (select min(id + 0) from trans_global"
                    + " where "
                    + DueIndex.IS_UNFINISHED
                    + ")");
        Columns rows = select.query()) {
      return rows.next() ? rows.time() : null;
    }
  }

  /** See {@link io.dtm4j.store.TransactionStore#endedBefore}. */
  Page<Gid> endedBefore(Instant time, String cursor, int limit) throws SQLException {
    long behind = cursor.isEmpty() ? 0 : Cursors.number(cursor);
    long end =
        edge(
            "select id from trans_global where id > ? order by id limit 1 offset ?",
            behind,
            Long.MAX_VALUE);
    try (Prepared select =
            session.prepare(
                "select id, gid from trans_global where id > ? and id < ? and not ("
                    + DueIndex.IS_UNFINISHED
                    + ") and coalesce(finish_time, rollback_time) < ? order by id limit ?");
        Columns rows =
            select
                .number(behind)
                .number(end)
                .time(session.form().times().bound(time))
                .number(limit + 1)
                .query()) {
      var gids = new ArrayList<Gid>();
      long last = behind;
      while (rows.next()) {
        if (gids.size() == limit) {
          return new Page<>(gids, Long.toString(last));
        }
        last = rows.number();
        gids.add(new Gid(rows.text()));
      }
      return new Page<>(gids, end == Long.MAX_VALUE ? "" : Long.toString(end - 1));
    }
  }

  /**
   * Parts of these that have so few rows that each can be deleted within a database transaction; a
   * transaction that has more is a part of its own.
   */
  List<List<Gid>> deletable(List<Gid> gids) throws SQLException {
    var rows = new HashMap<Gid, Long>();
    try (Prepared select =
            session.prepare(
                "select gid, count(*) from trans_branch_op where gid in "
                    + session.marks(gids.size())
                    + " group by gid");
        Columns counts = select.texts(Records.texts(gids)).query()) {
      while (counts.next()) {
        rows.put(new Gid(counts.text()), counts.number());
      }
    }
    var parts = new ArrayList<List<Gid>>();
    int from = 0;
    long sum = 0;
    for (int i = 0; i < gids.size(); i++) {
      long more = rows.getOrDefault(gids.get(i), 0L);
      if (i > from && sum + more > MOST_ROWS) {
        parts.add(gids.subList(from, i));
        from = i;
        sum = 0;
      }
      sum += more;
    }
    parts.add(gids.subList(from, gids.size()));
    return parts;
  }

  /** Deletes those of these that ended before that time, within one database transaction. */
  int delete(List<Gid> gids, Instant endedBefore) throws SQLException {
    var ended = new ArrayList<String>();
    try (Prepared select =
            session.prepare(
                "select gid from trans_global where gid in "
                    + session.marks(gids.size())
                    + " and not ("
                    + DueIndex.IS_UNFINISHED
                    + ") and coalesce(finish_time, rollback_time) < ? order by gid for update");
        Columns rows =
            select
                .texts(Records.texts(gids))
                .time(session.form().times().bound(endedBefore))
                .query()) {
      while (rows.next()) {
        ended.add(rows.text());
      }
    }
    ended.retainAll(Records.texts(gids)); // a collation may take one gid for another
    if (!ended.isEmpty()) {
      deleteFrom("trans_branch_op", ended);
      deleteFrom("trans_global", ended);
    }
    return ended.size();
  }

  private void deleteFrom(String table, List<String> gids) throws SQLException {
    try (Prepared delete =
        session.prepare("delete from " + table + " where gid in " + session.marks(gids.size()))) {
      delete.texts(gids).update();
    }
  }
}
