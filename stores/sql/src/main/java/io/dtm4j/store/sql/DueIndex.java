package io.dtm4j.store.sql;

import io.dtm4j.model.Due;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What is unfinished, by its next time: the index on (status, next_cron_time, gid). It is asked
 * once for each status, so that no more is read than is wanted.
 */
final class DueIndex {
  static final List<GlobalStatus> UNFINISHED =
      Arrays.stream(GlobalStatus.values()).filter(status -> !status.isFinal()).toList();

  /** A condition that holds for what is unfinished. */
  static final String IS_UNFINISHED =
      UNFINISHED.stream()
          .map(DueIndex::quoted)
          .collect(Collectors.joining(", ", "status in (", ")"));

  private static final String ORDER = " order by next_cron_time, gid limit ?";

  private DueIndex() {}

  private static String quoted(GlobalStatus status) {
    return "'" + status.wireName() + "'";
  }

  /** See {@link io.dtm4j.store.TransactionStore#dueBefore}. */
  static List<Due> before(Session session, Instant time, @Nullable Due after, int limit)
      throws SQLException {
    String condition =
        after == null
            ? " and next_cron_time < ?"
            : " and next_cron_time < ? and next_cron_time >= ? and (next_cron_time > ? or gid > ?)";
    try (Prepared select = session.prepare(ofEachStatus(condition))) {
      for (int i = 0; i < UNFINISHED.size(); i++) {
        select.time(session.form().times().bound(time));
        if (after != null) {
          Instant last = session.form().times().notAfter(after.nextTime());
          select.time(last).time(last).text(Texts.storablePart(after.gid().value()));
        }
        select.number(limit);
      }
      return read(select.number(limit));
    }
  }

  /** Those later than that, the earliest first, that are not marked to be looked at again. */
  static List<Due> after(Session session, Instant time, int limit) throws SQLException {
    String condition = " and next_cron_time > ? and owner not like 'dtm4j:a:%'";
    try (Prepared select = session.prepare(ofEachStatus(condition))) {
      for (int i = 0; i < UNFINISHED.size(); i++) {
        select.time(session.form().times().notAfter(time)).number(limit);
      }
      return read(select.number(limit));
    }
  }

  /** The earliest next time; null when nothing is unfinished. */
  static @Nullable Instant earliest(Session session) throws SQLException {
    String ofEach =
        UNFINISHED.stream()
            .map(
                status ->
                    "(select min(next_cron_time) as earliest from trans_global where status = "
                        + quoted(status)
                        + ")")
            .collect(
                Collectors.joining(" union all ", "select min(earliest) from (", ") each_one"));
    try (Prepared select = session.prepare(ofEach);
        Columns rows = select.query()) {
      return rows.next() ? rows.time() : null;
    }
  }

  private static String ofEachStatus(String condition) {
    return UNFINISHED.stream()
            .map(
                status ->
                    "(select gid, owner, next_cron_time from trans_global where status = "
                        + quoted(status)
                        + condition
                        + ORDER
                        + ")")
            .collect(Collectors.joining(" union all "))
        + ORDER;
  }

  private static List<Due> read(Prepared select) throws SQLException {
    var dues = new ArrayList<Due>();
    try (Columns rows = select.query()) {
      while (rows.next()) {
        dues.add(new Due(new Gid(rows.text()), Rows.owner(rows.text()), rows.requiredTime()));
      }
    }
    return dues;
  }
}
