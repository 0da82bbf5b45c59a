package io.dtm4j.store.redis;

import io.dtm4j.model.Owner;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.Lease;
import io.dtm4j.store.Reset;
import io.lettuce.core.RedisException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What changes who holds transactions and until when, and nothing else of them: renewals, releases
 * and resets; and deletions.
 */
final class HeadChanges {
  private static final int PART = 512;

  private final Session session;
  private final CompareAndSet<Seen.Glance> heads;

  /** Decides what the head is to be. */
  private abstract static class Decision implements CompareAndSet.Decision<Seen.Glance> {
    final Gid gid;

    Decision(Gid gid) {
      this.gid = gid;
    }

    @Override
    public final RecordWrite.@Nullable Plan<Seen.Glance> on(
        Seen.@Nullable Glance seen, boolean othersWritten) {
      Head now = on(seen == null ? null : seen.head());
      return seen == null || now == null ? null : () -> RecordWrite.moving(gid, seen, now);
    }

    /** The head as it is to be; null: as it is. */
    abstract @Nullable Head on(@Nullable Head head);
  }

  /** Of one gid, whose claims should be one. */
  private abstract static class OfLeases extends Decision {
    final List<Lease> leases = new ArrayList<>();
    final List<Lease> lost = new ArrayList<>();

    OfLeases(Gid gid) {
      super(gid);
    }

    @Override
    final @Nullable Head on(@Nullable Head head) {
      lost.clear();
      Head now = head;
      for (Lease lease : leases) {
        if (now == null || !now.isLeasedTo(lease.claim())) {
          lost.add(lease);
        } else {
          now = held(now);
        }
      }
      return now == null || now.equals(head) ? null : now;
    }

    abstract Head held(Head head);

    final void lose() {
      lost.clear();
      lost.addAll(leases);
    }
  }

  private static final class Renewal extends OfLeases {
    private final Instant until;

    Renewal(Gid gid, Instant until) {
      super(gid);
      this.until = until;
    }

    @Override
    Head held(Head head) {
      return head.nextTime().isBefore(until) ? head.with(head.owner(), until) : head;
    }
  }

  private static final class Release extends OfLeases {
    private final Instant now;

    Release(Gid gid, Instant now) {
      super(gid);
      this.now = now;
    }

    @Override
    Head held(Head head) {
      return head.with(head.owner().marked(Owner.Mark.RESTING), now);
    }
  }

  /** As {@link Reset#concerns} and {@link Reset#broughtForward}. */
  private static final class Forward extends Decision {
    private final Instant laterThan;
    private final Instant now;
    private boolean counts;

    Forward(Gid gid, Instant laterThan, Instant now) {
      super(gid);
      this.laterThan = laterThan;
      this.now = now;
    }

    @Override
    @Nullable Head on(@Nullable Head head) {
      counts = head != null && concerns(head, laterThan);
      if (head == null || !counts) {
        return null;
      }
      return head.owner().isHeld()
          ? head.with(head.owner().marked(Owner.Mark.LOOK_AGAIN), head.nextTime())
          : head.with(head.owner(), now);
    }
  }

  private static final class Deletion implements CompareAndSet.Decision<Seen.Glance> {
    private final Gid gid;
    private final Instant endedBefore;
    private boolean counts;

    Deletion(Gid gid, Instant endedBefore) {
      this.gid = gid;
      this.endedBefore = endedBefore;
    }

    @Override
    public RecordWrite.@Nullable Plan<Seen.Glance> on(
        Seen.@Nullable Glance seen, boolean othersWritten) {
      counts = seen != null && seen.head().endedBefore(endedBefore);
      return seen == null || !counts ? null : () -> RecordWrite.deleting(gid, seen);
    }
  }

  HeadChanges(Session session, CompareAndSet<Seen.Glance> heads) {
    this.session = session;
    this.heads = heads;
  }

  /**
   * Moves the ends of leases to that time, never back; those that are not held any more, or that
   * nobody can renew.
   */
  List<Lease> renew(List<Lease> leases, Instant until) {
    var lost = new ArrayList<Lease>();
    for (Map<Gid, Renewal> part : parts(leases, gid -> new Renewal(gid, until))) {
      run(part);
      part.values().forEach(renewal -> lost.addAll(renewal.lost));
    }
    return lost;
  }

  /** Gives leases back: due at that time. */
  void release(List<Lease> leases, Instant now) {
    parts(leases, gid -> new Release(gid, now)).forEach(this::run);
  }

  /**
   * Where something else lies at the key of an index set, the leases of that shard alone are lost.
   */
  private <T extends OfLeases> void run(Map<Gid, T> part) {
    try {
      heads.run(part);
    } catch (RedisException e) {
      if (!Redis.isWrongType(e)) {
        throw e;
      }
      Map<Gid, T> first = new LinkedHashMap<>();
      Map<Gid, T> rest = new LinkedHashMap<>();
      part.forEach((gid, one) -> (first.size() < part.size() / 2 ? first : rest).put(gid, one));
      if (first.isEmpty()) {
        part.values().forEach(OfLeases::lose);
      } else {
        run(first);
        run(rest);
      }
    }
  }

  /** Makes what makes changes of a gid. */
  private interface Maker<T> {
    T of(Gid gid);
  }

  private static <T extends OfLeases> List<Map<Gid, T>> parts(List<Lease> leases, Maker<T> maker) {
    var all = new LinkedHashMap<Gid, T>();
    for (Lease lease : leases) {
      all.computeIfAbsent(lease.gid(), maker::of).leases.add(lease);
    }
    var parts = new ArrayList<Map<Gid, T>>();
    Map<Gid, T> part = new LinkedHashMap<>();
    for (Map.Entry<Gid, T> entry : all.entrySet()) {
      part.put(entry.getKey(), entry.getValue());
      if (part.size() == PART) {
        parts.add(part);
        part = new LinkedHashMap<>();
      }
    }
    parts.add(part);
    return parts;
  }

  /** Brings forward what is due later than now and that duration. */
  Reset reset(Duration after, Instant now, int limit) {
    Instant laterThan = now.plus(after);
    var index = new DueIndex(session, laterThan, Instant.MAX, null, limit, false);
    int count = 0;
    while (true) {
      // One more than wanted, to know whether there are more.
      List<DueIndex.Entry> entries = index.next(Math.min(limit - count + 1, PART));
      if (entries == null) {
        return new Reset(count, false);
      }
      var forwards = new LinkedHashMap<Gid, Forward>();
      boolean hasMore = false;
      for (DueIndex.Entry entry : entries) {
        if (concerns(entry.seen().head(), laterThan)) {
          hasMore = count + forwards.size() == limit;
          if (hasMore) {
            break;
          }
          forwards.put(entry.gid(), new Forward(entry.gid(), laterThan, now));
        }
      }
      heads.run(forwards);
      count += (int) forwards.values().stream().filter(forward -> forward.counts).count();
      if (hasMore) {
        return new Reset(count, true);
      }
    }
  }

  private static boolean concerns(Head head, Instant laterThan) {
    return !head.status().isFinal()
        && head.owner().mark() != Owner.Mark.LOOK_AGAIN
        && head.nextTime().isAfter(laterThan);
  }

  /** Deletes those that ended before that time; how many. */
  int delete(List<Gid> gids, Instant endedBefore) {
    int count = 0;
    for (int from = 0; from < gids.size(); from += PART) {
      var deletions = new LinkedHashMap<Gid, Deletion>();
      for (Gid gid : gids.subList(from, Math.min(gids.size(), from + PART))) {
        deletions.put(gid, new Deletion(gid, endedBefore));
      }
      heads.run(deletions);
      count += (int) deletions.values().stream().filter(deletion -> deletion.counts).count();
    }
    return count;
  }
}
