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

  /** Adds the inserts of records that ought to be absent; the database says so if one is not. */
  static void insert(List<Stored> absent, Statements to) {
    insertGlobals(absent, "", to);
    var rows = new ArrayList<NewRow>();
    absent.forEach(stored -> addRows(stored, 0, rows));
    insertBranches(rows, to);
  }

  /**
   * Writes all that was collected.
   *
   * @throws ConflictException when somebody else has stored one of the new gids meanwhile
   */
  void flush() throws SQLException {
    var globals = new Statements(session);
    insertGlobals(created, session.dialect().unlessThere(), globals);
    globals.run();
    if (!created.isEmpty()) {
      checkAreOurs();
    }
    updateGlobals();
    updateBranches();
    insertBranches();
    created.clear();
    updated.clear();
  }

  private static void insertGlobals(List<Stored> created, String end, Statements to) {
    ToIntFunction<Stored> weight = stored -> Weights.ofGlobal(stored.transaction());
    for (int from = 0; from < created.size(); ) {
      int until = partFrom(from, created, weight);
      insertGlobalPart(List.copyOf(created.subList(from, until)), end, weight, to);
      from = until;
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

  private static void insertGlobalPart(
      List<Stored> part, String end, ToIntFunction<Stored> weight, Statements to) {
    to.add(
        Rows.GLOBAL_INSERT + rows(part.size(), Rows.GLOBAL_PARAMETERS) + end,
        part.stream().mapToLong(weight::applyAsInt).sum(),
        insert -> {
          for (Stored stored : part) {
            var transaction = stored.transaction();
            Rows.writeGlobal(insert, transaction.gid(), transaction.definition());
            Rows.writeState(
                insert,
                transaction.definition(),
                transaction.state(),
                stored.owner(),
                null,
                to.session().form());
          }
        });
  }

  /** The rows of all new gids have the tokens that were written; nothing else tells (MySQL). */
  private void checkAreOurs() throws SQLException {
    Map<String, String> owners = new HashMap<>();
    boolean hasOthers = false;
    List<String> gids = created.stream().map(stored -> stored.transaction().gid().value()).toList();
    try (Prepared select =
            session.prepare(
                "select gid, owner from trans_global where gid in " + session.marks(gids.size()));
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
    var inserts = new Statements(session);
    insertBranches(rows, inserts);
    inserts.run();
  }

  private static void insertBranches(List<NewRow> rows, Statements to) {
    for (int from = 0; from < rows.size(); ) {
      int until = partFrom(from, rows, NewRow::weight);
      insertBranchPart(List.copyOf(rows.subList(from, until)), to);
      from = until;
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

  private static void insertBranchPart(List<NewRow> part, Statements to) {
    Form form = to.session().form();
    to.add(
        Rows.branchInsert(form) + rows(part.size(), Rows.branchParameters(form)),
        part.stream().mapToLong(NewRow::weight).sum(),
        insert -> {
          for (NewRow row : part) {
            Rows.writeBranch(
                insert, form, row.gid, row.ord, row.branch, row.before, row.updateTime);
          }
        });
  }

  /** Marks for the values of so many rows. */
  private static String rows(int count, int parameters) {
    String row = "(" + String.join(", ", Collections.nCopies(parameters, "?")) + ")";
    return String.join(", ", Collections.nCopies(count, row));
  }
}
