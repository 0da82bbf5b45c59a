package io.dtm4j.store.sql;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Takes transactions over, within one database transaction. */
final class Claims {
  /** Bytes of records after which the rest waits for the next claim. */
  private static final long HEAVY = 8 << 20;

  private final Session session;
  private final Records records;
  private final Changes changes;
  private final Instant now;
  private final Duration lease;
  private final Function<Gid, Owner> owners;
  private final List<Stored> claimed = new ArrayList<>();
  private long bytes;

  Claims(Session session, Instant now, Duration lease, Function<Gid, Owner> owners) {
    this.session = session;
    records = new Records(session);
    changes = new Changes(session);
    this.now = now;
    this.lease = lease;
    this.owners = owners;
  }

  /** What is due, the most overdue first; what another one is about to take is left to it. */
  List<Stored> due(int limit) throws SQLException {
    Due last = null;
    while (bytes < HEAVY) {
      int room = limit - claimed.size();
      List<Due> dues = DueIndex.before(session, now.plusMillis(1), last, room);
      take(dues, Records.Busy.SKIP);
      if (dues.size() < room || claimed.size() == limit) {
        break;
      }
      last = dues.getLast();
    }
    return claimed;
  }

  /** Those that are still as they were read. */
  List<Stored> asRead(List<Due> dues) throws SQLException {
    take(dues, Records.Busy.WAIT);
    return claimed;
  }

  private void take(List<Due> dues, Records.Busy busy) throws SQLException {
    List<Due> some = affordable(dues);
    Map<Gid, Found> found = records.lock(some.stream().map(Due::gid).toList(), busy);
    for (Due due : some) {
      @Nullable Found there = found.remove(due.gid());
      if (there != null) {
        Batch taking = Batch.claim(due, owners.apply(due.gid()), now.plus(lease), now);
        if (taking.applyTo(there.stored()) instanceof Batch.Applied.Changed changed) {
          changes.update(there, changed.stored());
          claimed.add(changed.stored());
        }
      }
    }
    changes.flush();
  }

  /** Of these the first that are not too much at a time, but one at least. */
  private List<Due> affordable(List<Due> dues) throws SQLException {
    Map<Gid, Long> weights = weights(dues.stream().map(Due::gid).toList());
    for (int i = 0; i < dues.size(); i++) {
      if (bytes >= HEAVY) {
        return dues.subList(0, i);
      }
      bytes += weights.getOrDefault(dues.get(i).gid(), 0L);
    }
    return dues;
  }

  private Map<Gid, Long> weights(Collection<Gid> gids) throws SQLException {
    var weights = new HashMap<Gid, Long>();
    if (gids.isEmpty()) {
      return weights;
    }
    try (Prepared select =
            session.prepare(
                "select g.gid, octet_length(g.custom_data) + octet_length(g.result)"
                    + " + coalesce((select sum(octet_length(b.url)"
                    + " + coalesce(octet_length(b.bin_data), 0)) from trans_branch_op b"
                    + " where b.gid = g.gid), 0) from trans_global g where g.gid in "
                    + Session.marks(gids.size()));
        Columns rows = select.texts(Records.texts(gids)).query()) {
      while (rows.next()) {
        weights.put(new Gid(rows.text()), rows.number());
      }
    }
    return weights;
  }
}
