package io.dtm4j.store.redis;

import io.dtm4j.model.Due;
import io.dtm4j.protocol.Gid;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Unfinished transactions in the order of (next time, gid), with their heads. Those that are moved
 * meanwhile may be missed, or seen where they were; what has no record any more leaves the index.
 */
final class DueIndex {
  private static final int MOST_AT_ONCE = 512;

  private final Session session;
  private final ShardMerge merge;

  /** One of them. */
  record Entry(Gid gid, Seen.Glance seen) {
    Due due() {
      return seen.head().due(gid);
    }
  }

  /**
   * Begins.
   *
   * @param from the earliest time, to the millisecond
   * @param to the latest time, to the millisecond
   * @param after only those behind this one; null: from the first
   * @param expected how many will be taken, roughly
   * @param leavesOut whether shards that cannot be read are left out, see {@link ShardMerge}
   */
  DueIndex(
      Session session,
      Instant from,
      Instant to,
      @Nullable Due after,
      int expected,
      boolean leavesOut) {
    this.session = session;
    ShardMerge.Place behind =
        after == null
            ? null
            : new ShardMerge.Place(Index.millis(after.nextTime()), Bytes.of(after.gid().value()));
    merge =
        new ShardMerge(
            session,
            Index.DUE,
            false,
            Index.millis(from),
            Index.millis(to),
            behind,
            expected,
            leavesOut);
  }

  /** The next ones; null: there are no more. May be none although more follow. */
  @Nullable List<Entry> next(int count) {
    List<ShardMerge.Place> places = merge.next(Math.min(count, MOST_AT_ONCE));
    if (places.isEmpty()) {
      return null;
    }
    List<Gid> gids = places.stream().map(ShardMerge.Place::gid).toList();
    Map<Gid, Seen.Glance> heads = Records.heads(session, gids);
    var entries = new ArrayList<Entry>();
    var gone = new ArrayList<Gid>();
    for (int i = 0; i < gids.size(); i++) {
      Seen.Glance seen = heads.get(gids.get(i));
      if (seen == null) {
        gone.add(gids.get(i));
      } else if (Long.valueOf(places.get(i).score()).equals(Index.DUE.score(seen.head()))) {
        entries.add(new Entry(gids.get(i), seen));
      }
    }
    Records.forget(session, gone);
    return entries;
  }

  /** Those before that time. */
  static List<Due> before(Session session, Instant time, @Nullable Due after, int limit) {
    var dues = new ArrayList<Due>();
    if (limit <= 0) {
      return dues;
    }
    var index = new DueIndex(session, Instant.MIN, time, after, limit, true);
    List<Entry> entries = index.next(limit);
    while (entries != null) {
      for (Entry entry : entries) {
        if (entry.seen.head().nextTime().isBefore(time)) {
          dues.add(entry.due());
        }
      }
      entries = dues.size() < limit ? index.next(limit - dues.size()) : null;
    }
    return dues;
  }
}
