package io.dtm4j.store.sql;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.Gid;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Function;

/** Takes transactions over, within one database transaction. */
final class Claims {
  /** Bytes of records after which the rest waits for the next claim. */
  private static final long HEAVY = 8 << 20;

  /** How many times as many as are wanted are looked at when others are ahead. */
  private static final int CANDIDATES = 4;

  private final Session session;
  private final Times times;
  private final Records records;
  private final Changes changes;
  private final Instant now;
  private final Duration lease;
  private final Function<Gid, Owner> owners;
  private final boolean again;
  private final List<Stored> claimed = new ArrayList<>();
  private long bytes;

  /** What can be seen of a record at little cost. */
  private record Glance(Owner owner, Instant nextTime, long bytes) {}

  /** A record, the token it is to have, and its size. */
  private record Wanted(Due due, Owner owner, long bytes) {}

  /**
   * @param again whether this has been tried, and others kept locked what it wanted
   */
  Claims(Session session, Instant now, Duration lease, Function<Gid, Owner> owners, boolean again) {
    this.session = session;
    times = session.form().times();
    records = new Records(session);
    changes = new Changes(session);
    this.now = now;
    this.lease = lease;
    this.owners = owners;
    this.again = again;
  }

  /** What is due, the most overdue first; what another one is about to take is left to it. */
  List<Stored> due(int limit) throws SQLException {
    if (!session.dialect().skipsLocked()) {
      return dueOrWaitedFor(limit);
    }
    Due last = null;
    while (bytes < HEAVY && claimed.size() < limit) {
      int room = limit - claimed.size();
      List<Due> dues = DueIndex.before(session, now.plusMillis(1), last, room);
      if (dues.isEmpty()) {
        break;
      }
      last = take(dues, Records.Busy.SKIP);
      if (dues.size() < room && last.equals(dues.getLast())) {
        break;
      }
    }
    return claimed;
  }

  /**
   * What is due, where a database cannot leave out what is locked: its lock is waited for, and who
   * waited finds a record that is not as it was read any more. When it got none at all, others
   * claim at the same time, and it goes on behind them with a part of more, by chance, so that they
   * do not all want the same.
   */
  private List<Stored> dueOrWaitedFor(int limit) throws SQLException {
    Due last = null;
    for (boolean othersToo = again; claimed.isEmpty(); othersToo = true) {
      int most = othersToo ? CANDIDATES * limit : limit;
      List<Due> dues = DueIndex.before(session, now.plusMillis(1), last, most);
      if (dues.isEmpty()) {
        break;
      }
      last = take(othersToo ? part(dues, limit) : dues, Records.Busy.WAIT);
    }
    return claimed;
  }

  /** By chance up to half of them, in their order. */
  private static List<Due> part(List<Due> dues, int limit) {
    var some = new ArrayList<>(dues);
    Collections.shuffle(some, ThreadLocalRandom.current());
    var chosen = Set.copyOf(some.subList(0, Math.min(limit, (dues.size() + 1) / 2)));
    return dues.stream().filter(chosen::contains).toList();
  }

  /**
   * Those that are still as they were read; who keeps one locked does not hold up the others for
   * ever: where a database cannot leave it out, a part is tried when that took too long.
   */
  List<Stored> asRead(List<Due> dues) throws SQLException {
    List<Due> stored = dues.stream().map(this::asStored).toList();
    if (stored.isEmpty()) {
      return claimed;
    }
    if (session.dialect().skipsLocked()) {
      take(stored, Records.Busy.SKIP);
    } else {
      take(again ? part(stored, stored.size()) : stored, Records.Busy.WAIT);
    }
    return claimed;
  }

  private Due asStored(Due due) {
    return new Due(due.gid(), due.owner(), times.notBefore(due.nextTime()));
  }

  /**
   * Takes of these what can be had, up to the one that is returned; the rest is too much at a time.
   */
  private Due take(List<Due> dues, Records.Busy busy) throws SQLException {
    List<Wanted> all = wanted(dues);
    List<Wanted> some = affordable(all);
    Map<Gid, Found> found = records.lock(some.stream().map(one -> one.due.gid()).toList(), busy);
    Instant at = times.notBefore(now);
    Instant until = times.notBefore(at.plus(lease));
    var heads = new ArrayList<HeadUpdate.Row>();
    for (Wanted one : some) {
      Found there = found.remove(one.due.gid());
      if (there != null) {
        Batch taking = Batch.claim(one.due, one.owner, until, at);
        if (taking.applyTo(there.stored()) instanceof Batch.Applied.Changed changed) {
          if (isOfHeadOnly(there.stored(), changed.stored(), until, at)) {
            heads.add(new HeadUpdate.Row(there.id(), changed.stored().owner()));
          } else {
            changes.update(there, changed.stored());
          }
          claimed.add(changed.stored());
          bytes += one.bytes;
        }
      }
    }
    new HeadUpdate(session).write(heads, until, at);
    changes.flush();
    return some.size() < all.size() ? some.getLast().due : dues.getLast();
  }

  /** Whether all that a claim has changed is who holds the record, until when and since when. */
  private static boolean isOfHeadOnly(Stored before, Stored now, Instant until, Instant at) {
    Transaction was = before.transaction();
    Transaction is = now.transaction();
    State taken =
        was.state()
            .withSchedule(new Schedule(was.state().schedule().interval(), until))
            .withUpdateTime(at);
    return is.state().equals(taken)
        && is.definition().equals(was.definition())
        && is.branches().equals(was.branches());
  }

  /** Of these the first that are not too much at a time, but one at least. */
  private List<Wanted> affordable(List<Wanted> wanted) {
    long sum = bytes;
    for (int i = 0; i < wanted.size(); i++) {
      if (i > 0 && sum >= HEAVY) {
        return wanted.subList(0, i);
      }
      sum += wanted.get(i).bytes;
    }
    return wanted;
  }

  /** Those that may be had, as far as can be seen without their rows. */
  private List<Wanted> wanted(List<Due> dues) throws SQLException {
    var wanted = new ArrayList<Wanted>();
    if (dues.isEmpty()) {
      return wanted;
    }
    Map<Gid, Glance> glances = glances(dues.stream().map(Due::gid).toList());
    for (Due due : dues) {
      Glance glance = glances.get(due.gid());
      if (glance != null) {
        Owner owner = owners.apply(due.gid());
        boolean asRead =
            glance.owner.isSameWriteAs(due.owner()) && glance.nextTime.equals(due.nextTime());
        if (asRead || glance.owner.isSameWriteAs(owner)) {
          wanted.add(new Wanted(due, owner, glance.bytes));
        }
      }
    }
    return wanted;
  }

  private Map<Gid, Glance> glances(Collection<Gid> gids) throws SQLException {
    var glances = new HashMap<Gid, Glance>();
    try (Prepared select =
            session.prepare(
                "select g.gid, g.owner, g.next_cron_time, "
                    + Records.SIZE
                    + " from trans_global g where g.gid in "
                    + session.marks(gids.size()));
        Columns rows = select.texts(Records.texts(gids)).query()) {
      while (rows.next()) {
        glances.put(
            new Gid(rows.text()),
            new Glance(Rows.owner(rows.text()), rows.requiredTime(), rows.number()));
      }
    }
    return glances;
  }
}
