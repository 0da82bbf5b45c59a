package io.dtm4j.store.redis;

import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.BadCursorException;
import io.dtm4j.store.Counts;
import io.dtm4j.store.Filter;
import io.dtm4j.store.Listed;
import io.dtm4j.store.Page;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.ScoredValue;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Lists and counts, and what has ended. A cursor is a score, a colon, and the gid there. */
final class Listings {
  private static final int MOST_LOOKED_AT = 10_000;
  private static final int MOST_SHOWN = 1_000;
  private static final int AT_ONCE = 512;
  private static final int READ_AT_ONCE = 64;

  /** Bytes of what a page shows. */
  private static final long HEAVY = 8 << 20;

  private final Session session;

  Listings(Session session) {
    this.session = session;
  }

  Page<Listed> page(Filter filter, String cursor, int most) {
    int limit = Math.min(most, MOST_SHOWN);
    ShardMerge.Place last = cursor.isEmpty() ? null : place(cursor);
    var merge =
        new ShardMerge(
            session,
            index(filter.status()),
            true,
            Long.MIN_VALUE,
            Long.MAX_VALUE,
            last,
            limit,
            false);
    var items = new ArrayList<Listed>();
    var wanted = new ArrayList<ShardMerge.Place>();
    long bytes = 0;
    for (int looked = 0; looked < MOST_LOOKED_AT; ) {
      List<ShardMerge.Place> places =
          merge.next(Math.clamp(2L * (limit - items.size()), READ_AT_ONCE, AT_ONCE));
      if (places.isEmpty()) {
        return new Page<>(items, "");
      }
      looked += places.size();
      Map<Gid, Seen.Glance> heads = heads(places);
      wanted.clear();
      ShardMerge.Place enough = null;
      for (ShardMerge.Place place : places) {
        Seen.Glance seen = heads.get(place.gid());
        if (seen != null && matches(filter, seen.head())) {
          if (items.size() + wanted.size() == limit || bytes >= HEAVY) {
            enough = last;
            break;
          }
          wanted.add(place);
          bytes += seen.head().sizes().listed();
        }
        last = place;
      }
      items.addAll(read(wanted, filter));
      if (enough != null) {
        return new Page<>(items, cursor(enough));
      }
    }
    return new Page<>(items, last == null ? "" : cursor(last));
  }

  /** Where those of that status stand. */
  private static Index index(@Nullable GlobalStatus status) {
    return switch (status) {
      case null -> Index.ALL;
      case SUCCEED -> Index.ALL;
      case PREPARED, SUBMITTED, ABORTING -> Index.OPEN;
      case FAILED -> Index.FAILED;
    };
  }

  private static boolean matches(Filter filter, Head head) {
    return (filter.status() == null || filter.status() == head.status())
        && (filter.type() == null || filter.type() == head.type())
        && (filter.createdFrom() == null || !head.createTime().isBefore(filter.createdFrom()))
        && (filter.createdTo() == null || !head.createTime().isAfter(filter.createdTo()));
  }

  private Map<Gid, Seen.Glance> heads(List<ShardMerge.Place> places) {
    List<Gid> gids = places.stream().map(ShardMerge.Place::gid).toList();
    Map<Gid, Seen.Glance> heads = Records.heads(session, gids);
    Records.forget(session, gids.stream().filter(gid -> !heads.containsKey(gid)).toList());
    return heads;
  }

  /** Those that still are what was asked for. */
  private List<Listed> read(List<ShardMerge.Place> wanted, Filter filter) {
    var read = new ArrayList<Listed>();
    List<Gid> gids = wanted.stream().map(ShardMerge.Place::gid).toList();
    for (int from = 0; from < gids.size(); from += READ_AT_ONCE) {
      List<Gid> part = gids.subList(from, Math.min(gids.size(), from + READ_AT_ONCE));
      List<byte @Nullable [][]> found = Records.withoutBranches(session, part);
      for (int i = 0; i < part.size(); i++) {
        byte[][] fields = found.get(i);
        if (fields != null) {
          try {
            Listed one = Rows.readListed(part.get(i), fields[0], fields[1], fields[2]);
            if (filter.matches(one)) {
              read.add(one);
            }
          } catch (BrokenRecordException e) {
            Records.leftAlone(part.get(i), e);
          }
        }
      }
    }
    return read;
  }

  Counts counts() {
    List<RedisFuture<Long>> sizes =
        shards().mapToObj(shard -> session.commands().zcard(key(shard, Index.DUE))).toList();
    ShardMerge.Place earliest = first(Index.DUE);
    long unfinished = session.all(sizes).stream().mapToLong(Long::longValue).sum();
    return new Counts(unfinished, earliest == null ? null : Instant.ofEpochMilli(earliest.score()));
  }

  @Nullable Instant oldestUnfinished() {
    var merge =
        new ShardMerge(session, Index.OPEN, false, Long.MIN_VALUE, Long.MAX_VALUE, null, 1, false);
    // What cannot be read stays in the index, and is passed over.
    for (List<ShardMerge.Place> one = merge.next(1); !one.isEmpty(); one = merge.next(1)) {
      Seen.Glance seen = heads(one).get(one.getFirst().gid());
      if (seen != null) {
        return seen.head().createTime().truncatedTo(ChronoUnit.MILLIS);
      }
    }
    return null;
  }

  private ShardMerge.@Nullable Place first(Index index) {
    List<RedisFuture<List<ScoredValue<byte[]>>>> firsts =
        shards()
            .mapToObj(shard -> session.commands().zrangeWithScores(key(shard, index), 0, 0))
            .toList();
    return session.all(firsts).stream()
        .flatMap(List::stream)
        .map(one -> new ShardMerge.Place((long) one.getScore(), new Bytes(one.getValue())))
        .min(ShardMerge.Place.ORDER)
        .orElse(null);
  }

  /** The largest number that is stored, or 0. */
  long lastNumber() {
    List<RedisFuture<List<ScoredValue<byte[]>>>> lasts =
        shards()
            .mapToObj(shard -> session.commands().zrevrangeWithScores(key(shard, Index.ALL), 0, 0))
            .toList();
    return session.all(lasts).stream()
        .flatMap(List::stream)
        .mapToLong(one -> (long) one.getScore())
        .max()
        .orElse(0);
  }

  private static IntStream shards() {
    return IntStream.range(0, Keys.SHARDS);
  }

  private byte[] key(int shard, Index index) {
    return session.keys().index(shard, index);
  }

  Page<Gid> endedBefore(Instant time, String cursor, int limit) {
    ShardMerge.Place last = cursor.isEmpty() ? null : place(cursor);
    var merge =
        new ShardMerge(
            session, Index.ENDED, false, Long.MIN_VALUE, Index.millis(time), last, limit, false);
    var items = new ArrayList<Gid>();
    for (int looked = 0; looked < MOST_LOOKED_AT; ) {
      List<ShardMerge.Place> places = merge.next(Math.min(limit - items.size(), AT_ONCE));
      if (places.isEmpty()) {
        return new Page<>(items, "");
      }
      looked += places.size();
      Map<Gid, Seen.Glance> heads = heads(places);
      for (ShardMerge.Place place : places) {
        Seen.Glance seen = heads.get(place.gid());
        if (seen != null && seen.head().endedBefore(time)) {
          items.add(place.gid());
        }
        last = place;
      }
      if (items.size() == limit) {
        break;
      }
    }
    return new Page<>(items, last == null ? "" : cursor(last));
  }

  private static String cursor(ShardMerge.Place place) {
    return place.score() + ":" + Texts.text(place.bytes().array());
  }

  private static ShardMerge.Place place(String cursor) {
    int colon = cursor.indexOf(':');
    String score = cursor.substring(0, Math.max(0, colon));
    try {
      long number = Long.parseLong(score);
      if (Long.toString(number).equals(score) && colon + 1 < cursor.length()) {
        return new ShardMerge.Place(number, Bytes.of(cursor.substring(colon + 1)));
      }
    } catch (NumberFormatException _) {
      // as any other text
    }
    throw new BadCursorException(cursor);
  }
}
