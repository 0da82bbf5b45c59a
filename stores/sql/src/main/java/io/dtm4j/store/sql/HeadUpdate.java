package io.dtm4j.store.sql;

import io.dtm4j.model.Owner;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes who holds transactions and until when. Many rows go with one statement: one for each would
 * take most of the time of a claim or a reset, which the lane of all commits waits for.
 */
final class HeadUpdate {
  /** Rows of one statement; each looks through the tokens of all. */
  private static final int PART = 64;

  private final Session session;

  /**
   * A row in trans_global, which is locked.
   *
   * @param owner its new token, or the one that it has
   */
  record Row(long id, Owner owner) {}

  HeadUpdate(Session session) {
    this.session = session;
  }

  /**
   * Writes all of them.
   *
   * @param updateTime null: it stays as it is
   */
  void write(List<Row> rows, Instant nextTime, @Nullable Instant updateTime) throws SQLException {
    var statements = new Statements(session);
    for (int from = 0; from < rows.size(); from += PART) {
      List<Row> part = rows.subList(from, Math.min(rows.size(), from + PART));
      add(part, nextTime, updateTime, statements);
    }
    if (!statements.run()) {
      throw new IllegalStateException("a row that is locked is not there");
    }
  }

  private static void add(
      List<Row> rows, Instant nextTime, @Nullable Instant updateTime, Statements to) {
    Session session = to.session();
    int places = session.dialect().places(rows.size());
    String sql =
        "update trans_global set owner = case id"
            + " when ? then ?".repeat(places)
            + " end, next_cron_time = ?"
            + (updateTime == null ? "" : ", update_time = ?")
            + " where id in "
            + session.marks(rows.size());
    to.addFinding(
        rows.size(),
        sql,
        0,
        update -> {
          for (int i = 0; i < places; i++) {
            Row row = rows.get(Math.min(i, rows.size() - 1));
            update.number(row.id).text(Rows.text(row.owner));
          }
          update.time(nextTime);
          if (updateTime != null) {
            update.time(updateTime);
          }
          update.numbers(rows.stream().map(Row::id).toList());
        });
  }
}
