package io.dtm4j.store.sql;

import io.dtm4j.model.Branch;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.Gid;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads whole transactions, in one database transaction or by one statement. */
final class Records {
  private static final Logger log = LoggerFactory.getLogger(Records.class);

  /** About how many bytes a record has. */
  static final String SIZE =
      "octet_length(g.query_prepared) + octet_length(coalesce(g.options, ''))"
          + " + octet_length(coalesce(g.custom_data, '')) + octet_length(coalesce(g.ext_data, ''))"
          + " + octet_length(coalesce(g.result, ''))"
          + " + coalesce((select sum(octet_length(b.url) + coalesce(octet_length(b.bin_data), 0))"
          + " from trans_branch_op b where b.gid = g.gid), 0)";

  private final Session session;

  Records(Session session) {
    this.session = session;
  }

  /** What somebody else has locked is waited for, or left out. */
  enum Busy {
    WAIT(" for update"),
    SKIP(" for update skip locked");

    private final String clause;

    Busy(String clause) {
      this.clause = clause;
    }
  }

  /**
   * The transaction of that gid, all of one moment: by one statement.
   *
   * @return null when there is none
   * @throws BrokenRowException when its rows make no sense
   */
  @Nullable Stored find(Gid gid) throws SQLException {
    boolean isNarrow = session.form().isNarrow();
    try (Prepared select = session.prepare(isNarrow ? Rows.FIND_NARROW : Rows.FIND_WIDE)) {
      if (isNarrow) {
        select.text(gid.value());
      }
      return find(gid, select.text(gid.value()));
    }
  }

  private @Nullable Stored find(Gid gid, Prepared select) throws SQLException {
    try (Columns rows = select.query()) {
      Rows.Global global = null;
      var branches = new ArrayList<Rows.Placed>();
      boolean any = false;
      while (rows.next()) {
        any = true;
        Long ord = rows.skip(Rows.GLOBAL_COLUMNS).numberOrNull();
        if (ord != null) {
          branches.add(Rows.readBranch(ord, rows));
        }
        if (ord == null || ord == 0) {
          rows.rewind();
          global = Rows.readGlobal(rows.number(), new Gid(rows.text()), rows);
        }
      }
      if (any && global == null) {
        throw new BrokenRowException("the first row of " + gid + " is missing", null);
      }
      // A collation may take one gid for another.
      return global == null || !global.listed().gid().equals(gid)
          ? null
          : stored(global, Rows.inOrder(branches, session.form()));
    }
  }

  /**
   * Locks transactions and reads them; nobody else changes them until the database transaction
   * ends. What cannot be read is left out.
   *
   * @param gids in any order; they are locked in the order of the database's index
   */
  Map<Gid, Found> lock(Collection<Gid> gids, Busy busy) throws SQLException {
    var broken = new HashMap<Gid, BrokenRowException>();
    Map<Gid, Found> found = lock(gids, busy, broken);
    broken.forEach(
        (gid, cause) ->
            log.atError()
                .addKeyValue("gid", gid)
                .setCause(cause)
                .log("a transaction cannot be read, it is left alone"));
    return found;
  }

  /**
   * The same.
   *
   * @throws BrokenRowException when one cannot be read
   */
  Map<Gid, Found> lockAll(Collection<Gid> gids) throws SQLException {
    var broken = new HashMap<Gid, BrokenRowException>();
    Map<Gid, Found> found = lock(gids, Busy.WAIT, broken);
    if (!broken.isEmpty()) {
      throw broken.values().iterator().next();
    }
    return found;
  }

  private Map<Gid, Found> lock(Collection<Gid> gids, Busy busy, Map<Gid, BrokenRowException> broken)
      throws SQLException {
    Map<Gid, Rows.Global> globals = lockGlobals(gids, busy, broken);
    var found = new LinkedHashMap<Gid, Found>();
    if (globals.isEmpty()) {
      return found;
    }
    Map<Gid, List<Branch>> branches = branches(globals.keySet(), broken);
    globals.forEach(
        (gid, global) -> {
          if (!broken.containsKey(gid)) {
            Stored stored = stored(global, branches.getOrDefault(gid, List.of()));
            found.put(gid, new Found(global.id(), stored, global.extData(), global.options()));
          }
        });
    return found;
  }

  private Map<Gid, Rows.Global> lockGlobals(
      Collection<Gid> gids, Busy busy, Map<Gid, BrokenRowException> broken) throws SQLException {
    var globals = new LinkedHashMap<Gid, Rows.Global>();
    if (gids.isEmpty()) {
      return globals;
    }
    try (Prepared select =
            session.prepare(
                "select "
                    + Rows.GLOBAL
                    + " from trans_global g where g.gid in "
                    + session.marks(gids.size())
                    + " order by g.gid"
                    + busy.clause);
        Columns rows = select.texts(texts(gids)).query()) {
      while (rows.next()) {
        long id = rows.number();
        var gid = new Gid(rows.text());
        try {
          globals.put(gid, Rows.readGlobal(id, gid, rows));
        } catch (BrokenRowException e) {
          broken.put(gid, e);
        }
      }
    }
    globals.keySet().retainAll(gids); // where a collation takes one gid for another
    return globals;
  }

  /** The branch rows of transactions that are locked. */
  private Map<Gid, List<Branch>> branches(Collection<Gid> gids, Map<Gid, BrokenRowException> broken)
      throws SQLException {
    var placed = new HashMap<Gid, List<Rows.Placed>>();
    try (Prepared select =
            session.prepare(
                (session.form().isNarrow() ? Rows.BRANCHES_NARROW : Rows.BRANCHES_WIDE)
                    + session.marks(gids.size()));
        Columns rows = select.texts(texts(gids)).query()) {
      while (rows.next()) {
        var gid = new Gid(rows.text());
        try {
          placed
              .computeIfAbsent(gid, _ -> new ArrayList<>())
              .add(Rows.readBranch(rows.number(), rows));
        } catch (BrokenRowException e) {
          broken.put(gid, e);
        }
      }
    }
    var branches = new HashMap<Gid, List<Branch>>();
    placed.forEach(
        (gid, rows) -> {
          try {
            branches.put(gid, Rows.inOrder(rows, session.form()));
          } catch (BrokenRowException e) {
            broken.put(gid, e);
          }
        });
    return branches;
  }

  /**
   * About how many bytes the records of these gids have, without a lock; absent ones are not in.
   */
  Map<Gid, Long> sizes(Collection<Gid> gids) throws SQLException {
    var sizes = new HashMap<Gid, Long>();
    try (Prepared select =
            session.prepare(
                "select g.gid, "
                    + SIZE
                    + " from trans_global g where g.gid in "
                    + session.marks(gids.size()));
        Columns rows = select.texts(texts(gids)).query()) {
      while (rows.next()) {
        sizes.put(new Gid(rows.text()), rows.number());
      }
    }
    return sizes;
  }

  private static Stored stored(Rows.Global global, List<Branch> branches) {
    return new Stored(
        new Transaction(
            global.listed().gid(), global.listed().definition(), global.listed().state(), branches),
        global.listed().owner());
  }

  static List<String> texts(Collection<Gid> gids) {
    return gids.stream().map(Gid::value).toList();
  }
}
