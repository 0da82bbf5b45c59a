package io.dtm4j.store.sql;

import io.dtm4j.protocol.Gid;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What a column is to hold in many transactions: few different times, as all passes of a group went
 * on within some milliseconds. A statement for each would take longer.
 *
 * <p>A list of gids for each time is least work for a server that reads each statement anew. One
 * that keeps statements gets pairs, of which there are few different numbers.
 */
final class Moments {
  private final Dialect dialect;
  private final SequencedMap<@Nullable Instant, List<String>> gids = new LinkedHashMap<>();

  private Moments(Dialect dialect) {
    this.dialect = dialect;
  }

  static <T> Moments of(
      Session session, List<T> all, Function<T, Gid> gid, Function<T, @Nullable Instant> time) {
    var moments = new Moments(session.dialect());
    Times times = session.form().times();
    for (T one : all) {
      Instant at = time.apply(one);
      moments
          .gids
          .computeIfAbsent(at == null ? null : times.stored(at), _ -> new ArrayList<>())
          .add(gid.apply(one).value());
    }
    return moments;
  }

  private int pairs() {
    return dialect.places(gids.values().stream().mapToInt(List::size).sum());
  }

  /** What stands in the statement; {@link #write} gives it its parameters. */
  String expression() {
    if (gids.size() == 1) {
      return "?";
    }
    if (dialect.keepsStatements()) {
      return "case gid" + " when ? then ?".repeat(pairs()) + " end";
    }
    var sql = new StringBuilder("case");
    gids.values()
        .forEach(
            alike ->
                sql.append(" when gid in ").append(dialect.marks(alike.size())).append(" then ?"));
    return sql.append(" end").toString();
  }

  void write(Prepared to) throws SQLException {
    if (gids.size() == 1) {
      to.time(gids.sequencedKeySet().getFirst());
    } else if (dialect.keepsStatements()) {
      writePairs(to);
    } else {
      for (Map.Entry<@Nullable Instant, List<String>> alike : gids.entrySet()) {
        to.texts(alike.getValue()).time(alike.getKey());
      }
    }
  }

  private void writePairs(Prepared to) throws SQLException {
    int left = pairs();
    for (Map.Entry<@Nullable Instant, List<String>> alike : gids.entrySet()) {
      for (String gid : alike.getValue()) {
        to.text(gid).time(alike.getKey());
        left--;
      }
    }
    Map.Entry<@Nullable Instant, List<String>> last = gids.sequencedEntrySet().getLast();
    for (; left > 0; left--) {
      to.text(last.getValue().getLast()).time(last.getKey());
    }
  }
}
