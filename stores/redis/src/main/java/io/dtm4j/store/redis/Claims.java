package io.dtm4j.store.redis;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Takes transactions over. For one call. */
final class Claims {
  /** Bytes of records after which the rest waits for the next claim. */
  private static final long HEAVY = 8 << 20;

  private static final int PART = 64;

  private final Session session;
  private final CompareAndSet<Seen.Whole> records;
  private final Instant now;
  private final Duration lease;
  private final Function<Gid, Owner> owners;
  private final List<Stored> claimed = new ArrayList<>();
  private long bytes;

  /** One that is wanted; whether it was had is known when it has been asked. */
  private static final class Taking implements CompareAndSet.Decision<Seen.Whole> {
    private final Due due;
    private final Batch batch;
    private final int bytes;
    private @Nullable Stored taken;

    Taking(Due due, int bytes, Owner owner, Instant until, Instant now) {
      this.due = due;
      this.bytes = bytes;
      batch = Batch.claim(due, owner, until, now);
    }

    @Override
    public RecordWrite.@Nullable Plan<Seen.Whole> on(
        Seen.@Nullable Whole seen, boolean othersWritten) {
      taken = null;
      if (seen == null || !(batch.applyTo(seen.stored()) instanceof Batch.Applied.Changed now)) {
        return null;
      }
      taken = now.stored();
      return now.stored().equals(seen.stored())
          ? null
          : () -> RecordWrite.of(due.gid(), seen, now.stored(), 0, Duration.ZERO);
    }
  }

  Claims(
      Session session,
      CompareAndSet<Seen.Whole> records,
      Instant now,
      Duration lease,
      Function<Gid, Owner> owners) {
    this.session = session;
    this.records = records;
    this.now = now;
    this.lease = lease;
    this.owners = owners;
  }

  /** What is due, the most overdue first. */
  List<Stored> due(int limit) {
    var index = new DueIndex(session, Instant.MIN, now, null, Math.min(limit, PART), true);
    while (claimed.size() < limit && bytes < HEAVY) {
      List<DueIndex.Entry> entries = index.next(Math.min(limit - claimed.size(), PART));
      if (entries == null) {
        break;
      }
      var takings = new ArrayList<Taking>();
      for (DueIndex.Entry entry : entries) {
        Head head = entry.seen().head();
        if (!head.nextTime().isAfter(now)) {
          takings.add(taking(entry.due(), head, owners.apply(entry.gid())));
        }
      }
      take(takings);
    }
    return claimed;
  }

  /** Those that are still as they were read. */
  List<Stored> asRead(List<Due> dues) {
    for (int from = 0; from < dues.size() && bytes < HEAVY; from += PART) {
      List<Due> part = dues.subList(from, Math.min(dues.size(), from + PART));
      Map<Gid, Seen.Glance> heads = Records.heads(session, part.stream().map(Due::gid).toList());
      var takings = new LinkedHashMap<Gid, Taking>();
      for (Due due : part) {
        Seen.Glance seen = heads.get(due.gid());
        if (seen != null) {
          Owner owner = owners.apply(due.gid());
          if (mayBeHad(seen.head(), due, owner)) {
            takings.putIfAbsent(due.gid(), taking(due, seen.head(), owner));
          }
        }
      }
      take(List.copyOf(takings.values()));
    }
    return claimed;
  }

  private static boolean mayBeHad(Head head, Due due, Owner owner) {
    boolean isAsRead =
        head.owner().isSameWriteAs(due.owner()) && head.nextTime().equals(due.nextTime());
    return isAsRead || head.owner().isSameWriteAs(owner);
  }

  private Taking taking(Due due, Head head, Owner owner) {
    return new Taking(due, head.sizes().all(), owner, now.plus(lease), now);
  }

  /**
   * Takes of these what is not too much at a time; the first one never is. What cannot be had, or
   * be read, does not count: it may stand at the front for ever.
   */
  private void take(List<Taking> takings) {
    for (int from = 0; from < takings.size() && bytes < HEAVY; ) {
      var some = new LinkedHashMap<Gid, Taking>();
      for (long sum = bytes; from < takings.size() && sum < HEAVY; from++) {
        Taking taking = takings.get(from);
        some.put(taking.due.gid(), taking);
        sum += taking.bytes;
      }
      records.run(some);
      for (Taking taking : some.values()) {
        if (taking.taken != null) {
          claimed.add(taking.taken);
          bytes += taking.bytes;
        }
      }
    }
  }
}
