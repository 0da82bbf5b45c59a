package io.dtm4j.store.sql;

import io.dtm4j.model.Branch;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/** Collects changes of records and writes their differences, many rows with each statement. */
final class Changes {
  /** Rows of one statement; PostgreSQL takes 65,535 parameters. */
  private static final int MOST_ROWS = 500;

  /** Bytes of payloads of one statement; MariaDB takes 16 MB, escaped. */
  private static final int MOST_BYTES = 1 << 20;

  private final Session session;
  private final List<Stored> created = new ArrayList<>();
  private final List<Change> updated = new ArrayList<>();

  private record Change(Found before, Stored now) {
    /** Whether it changes the row in trans_global; who only registers branches does not. */
    boolean isOfItsState() {
      var was = before.stored().transaction();
      var is = now.transaction();
      return !was.state().equals(is.state())
          || !was.definition().equals(is.definition())
          || !before.stored().owner().equals(now.owner());
    }
  }

  /** A branch row that is inserted. */
  private record NewRow(
      Gid gid, int ord, Branch branch, @Nullable Branch before, Instant updateTime) {
    int weight() {
      return Weights.ofBranch(branch, before != null && branch.payload().equals(before.payload()));
    }
  }

  Changes(Session session) {
    this.session = session;
  }

  /** A record that was absent. */
  void create(Stored stored) {
    created.add(stored);
  }

  /** A record that is locked. */
  void update(Found before, Stored now) {
    if (!before.stored().equals(now)) {
      updated.add(new Change(before, now));
    }
  }

  /** Inserts records that ought to be absent; the database says so if one is not. */
  void insert(List<Stored> absent) throws SQLException {
    created.addAll(absent);
    insertGlobals("");
    insertBranches();
    created.clear();
  }

  /**
   * Writes all that was collected.
   *
   * @throws ConflictException when somebody else has stored one of the new gids meanwhile
   */
  void flush() throws SQLException {
    insertGlobals(session.dialect().unlessThere());
    if (!created.isEmpty()) {
      checkAreOurs();
    }
    updateGlobals();
    updateBranches();
    insertBranches();
    created.clear();
    updated.clear();
  }

  private void insertGlobals(String end) throws SQLException {
    for (int from = 0; from < created.size(); ) {
      int to = partFrom(from, created, stored -> Weights.ofGlobal(stored.transaction()));
      insertGlobals(created.subList(from, to), end);
      from = to;
    }
  }

  /** Where the rows end that one statement takes; a row that is larger than that goes alone. */
  private static <T> int partFrom(int from, List<T> rows, ToIntFunction<T> weight) {
    int to = from;
    for (long bytes = 0; to < rows.size() && to - from < MOST_ROWS; to++) {
      bytes += weight.applyAsInt(rows.get(to));
      if (bytes > MOST_BYTES && to > from) {
        break;
      }
    }
    return to;
  }

  private void insertGlobals(List<Stored> part, String end) throws SQLException {
    try (Prepared insert =
        session.prepare(Rows.GLOBAL_INSERT + rows(part.size(), Rows.GLOBAL_PARAMETERS) + end)) {
      for (Stored stored : part) {
        var transaction = stored.transaction();
        Rows.writeGlobal(insert, transaction.gid(), transaction.definition());
        Rows.writeState(
            insert,
            transaction.definition(),
            transaction.state(),
            stored.owner(),
            null,
            session.form());
      }
      insert.update();
    }
  }

  /** The rows of all new gids have the tokens that were written; nothing else tells (MySQL). */
  private void checkAreOurs() throws SQLException {
    Map<String, String> owners = new HashMap<>();
    boolean hasOthers = false;
    List<String> gids = created.stream().map(stored -> stored.transaction().gid().value()).toList();
    try (Prepared select =
            session.prepare(
                "select gid, owner from trans_global where gid in " + Session.marks(gids.size()));
        Columns rows = select.texts(gids).query()) {
      var ours = new HashSet<>(gids);
      while (rows.next()) {
        String gid = rows.text();
        owners.put(gid, rows.text());
        hasOthers |= !ours.contains(gid);
      }
    }
    for (Stored stored : created) {
      String gid = stored.transaction().gid().value();
      String owner = owners.get(gid);
      if (owner == null && !hasOthers) {
        throw new ConflictException("gid " + gid + " was deleted by somebody else", null);
      }
      if (owner == null) {
        throw new UnstorableException(
            ErrorCode.BAD_REQUEST, "gid " + gid + " is the same as another one to the database");
      }
      if (!owner.equals(Rows.text(stored.owner()))) {
        throw new ConflictException("gid " + gid + " was stored by somebody else", null);
      }
    }
  }

  private void updateGlobals() throws SQLException {
    List<Change> moved = updated.stream().filter(Change::isOfItsState).toList();
    if (moved.isEmpty()) {
      return;
    }
    try (Prepared update = session.prepare(Rows.STATE_UPDATE + " where id = ?")) {
      for (Change change : moved) {
        var transaction = change.now.transaction();
        Rows.writeState(
            update,
            transaction.definition(),
            transaction.state(),
            change.now.owner(),
            change.before,
            session.form());
        update.number(change.before.id()).add();
      }
      checkEach(update.updateAll());
    }
  }

  private void updateBranches() throws SQLException {
    try (Prepared update =
        session.prepare(
            "update trans_branch_op set status = ?, finish_time = ?, update_time = ?"
                + " where gid = ? and branch_id = ? and op = ?")) {
      int count = 0;
      for (Change change : updated) {
        List<Branch> before = change.before.stored().transaction().branches();
        List<Branch> now = change.now.transaction().branches();
        for (int i = 0; i < before.size(); i++) {
          Branch row = now.get(i);
          if (!row.equals(before.get(i))) {
            update
                .text(row.status().wireName())
                .time(row.finishTime())
                .time(change.now.transaction().state().updateTime())
                .text(change.now.transaction().gid().value())
                .text(row.key().branchId())
                .text(row.key().op().wireName())
                .add();
            count++;
          }
        }
      }
      if (count > 0) {
        checkEach(update.updateAll());
      }
    }
  }

  /** What is locked is there: anything else is a defect. */
  private static void checkEach(int[] counts) {
    for (int count : counts) {
      if (count != 1) {
        throw new IllegalStateException(count + " rows changed (expected: 1)");
      }
    }
  }

  private void insertBranches() throws SQLException {
    var rows = new ArrayList<NewRow>();
    created.forEach(stored -> addRows(stored, 0, rows));
    updated.forEach(
        change ->
            addRows(change.now, change.before.stored().transaction().branches().size(), rows));
    for (int from = 0; from < rows.size(); ) {
      int to = partFrom(from, rows, NewRow::weight);
      insertBranches(rows.subList(from, to));
      from = to;
    }
  }

  private static void addRows(Stored stored, int from, List<NewRow> rows) {
    List<Branch> branches = stored.transaction().branches();
    Instant updateTime = stored.transaction().state().updateTime();
    for (int i = from; i < branches.size(); i++) {
      Branch before = i == 0 ? null : branches.get(i - 1);
      rows.add(new NewRow(stored.transaction().gid(), i, branches.get(i), before, updateTime));
    }
  }

  private void insertBranches(List<NewRow> part) throws SQLException {
    try (Prepared insert =
        session.prepare(
            Rows.branchInsert(session.form())
                + rows(part.size(), Rows.branchParameters(session.form())))) {
      for (NewRow row : part) {
        Rows.writeBranch(
            insert, session.form(), row.gid, row.ord, row.branch, row.before, row.updateTime);
      }
      insert.update();
    }
  }

  /** Marks for the values of so many rows. */
  private static String rows(int count, int parameters) {
    String row = "(" + String.join(", ", Collections.nCopies(parameters, "?")) + ")";
    return String.join(", ", Collections.nCopies(count, row));
  }
}
