package io.dtm4j.store.sql;

import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.Lease;
import io.dtm4j.store.Reset;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Who holds a transaction and until when, apart from the rest of it: what renewals, releases and
 * resets change, within one database transaction.
 */
final class Heads {
  private static final int PART = 512;

  private final Session session;

  /** By their ids: a lease may be named twice. */
  private final Map<Long, Head> changed = new LinkedHashMap<>();

  private record Head(long id, boolean isFinal, Owner owner, Instant nextTime) {
    boolean isLeasedTo(String claim) {
      return owner.isHeld() && owner.claim().equals(claim) && !isFinal;
    }

    Head with(Owner newOwner, Instant newTime) {
      return new Head(id, isFinal, newOwner, newTime);
    }
  }

  Heads(Session session) {
    this.session = session;
  }

  /** Moves the ends of leases to that time, never back; those that are not held any more. */
  List<Lease> renew(List<Lease> leases, Instant end) throws SQLException {
    Instant until = session.form().times().notBefore(end);
    var lost = new ArrayList<Lease>();
    for (int from = 0; from < leases.size(); from += PART) {
      List<Lease> part = leases.subList(from, Math.min(leases.size(), from + PART));
      Map<Gid, Head> heads = lock(part.stream().map(Lease::gid).toList());
      for (Lease held : part) {
        Head head = heads.get(held.gid());
        if (head == null || !head.isLeasedTo(held.claim())) {
          lost.add(held);
        } else if (head.nextTime.isBefore(until)) {
          change(head.with(head.owner, until));
        }
      }
      write();
    }
    return lost;
  }

  /** Gives leases back: due at that time. */
  void release(List<Lease> leases, Instant now) throws SQLException {
    for (int from = 0; from < leases.size(); from += PART) {
      List<Lease> part = leases.subList(from, Math.min(leases.size(), from + PART));
      Map<Gid, Head> heads = lock(part.stream().map(Lease::gid).toList());
      for (Lease held : part) {
        Head head = heads.get(held.gid());
        if (head != null && head.isLeasedTo(held.claim())) {
          change(head.with(head.owner.marked(Owner.Mark.RESTING), now));
        }
      }
      write();
    }
  }

  /** Brings forward what is due later than now and that duration. */
  Reset reset(Duration after, Instant now, int limit) throws SQLException {
    Instant laterThan = now.plus(after);
    List<Due> later = DueIndex.after(session, laterThan, limit + 1);
    int count = 0;
    List<Gid> gids = later.stream().limit(limit).map(Due::gid).toList();
    for (int from = 0; from < gids.size(); from += PART) {
      Map<Gid, Head> heads = lock(gids.subList(from, Math.min(gids.size(), from + PART)));
      for (Head head : heads.values()) {
        if (!head.isFinal
            && head.owner.mark() != Owner.Mark.LOOK_AGAIN
            && head.nextTime.isAfter(laterThan)) {
          change(
              head.owner.isHeld()
                  ? head.with(head.owner.marked(Owner.Mark.LOOK_AGAIN), head.nextTime)
                  : head.with(head.owner, now));
          count++;
        }
      }
      write();
    }
    return new Reset(count, later.size() > limit);
  }

  private Map<Gid, Head> lock(Collection<Gid> gids) throws SQLException {
    var heads = new HashMap<Gid, Head>();
    try (Prepared select =
            session.prepare(
                "select gid, id, status, owner, next_cron_time from trans_global where gid in "
                    + session.marks(gids.size())
                    + " order by gid for update");
        Columns rows = select.texts(Records.texts(gids)).query()) {
      while (rows.next()) {
        var gid = new Gid(rows.text());
        long id = rows.number();
        GlobalStatus status = GlobalStatus.of(rows.text());
        boolean isFinal = status == null || status.isFinal();
        heads.put(gid, new Head(id, isFinal, Rows.owner(rows.text()), rows.requiredTime()));
      }
    }
    return heads;
  }

  private void change(Head head) {
    changed.put(head.id, head);
  }

  private void write() throws SQLException {
    var byTime = new LinkedHashMap<Instant, List<HeadUpdate.Row>>();
    for (Head head : changed.values()) {
      byTime
          .computeIfAbsent(head.nextTime, _ -> new ArrayList<>())
          .add(new HeadUpdate.Row(head.id, head.owner));
    }
    var update = new HeadUpdate(session);
    for (Map.Entry<Instant, List<HeadUpdate.Row>> alike : byTime.entrySet()) {
      update.write(alike.getValue(), alike.getKey(), null);
    }
    changed.clear();
  }
}
