package io.dtm4j.store.redis;

import io.dtm4j.protocol.Gid;
import io.lettuce.core.Limit;
import io.lettuce.core.Range;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisCommandTimeoutException;
import io.lettuce.core.RedisException;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.ScoredValue;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One index set of all shards as if it were one, in the order of score and gid, or in its reverse.
 * Each shard is read in parts, all at once, the first small. What is no gid is passed over. For one
 * thread.
 */
final class ShardMerge {
  private static final Logger log = LoggerFactory.getLogger(ShardMerge.class);
  private static final int MOST_AT_ONCE = 512;
  private static final int LEAST_AT_ONCE = 4;
  private static final NowAndThen FOREIGN = new NowAndThen();
  private static final NowAndThen BROKEN = new NowAndThen();

  private final Session session;
  private final boolean isReverse;
  private final boolean leavesOut;
  private final Range<Long> range;
  private final Comparator<Place> order;
  private final List<Part> parts = new ArrayList<>();

  /** Where something stands. */
  record Place(long score, Bytes bytes) {
    static final Comparator<Place> ORDER =
        Comparator.comparingLong(Place::score).thenComparing(Place::bytes);

    Gid gid() {
      return new Gid(Texts.text(bytes.array()));
    }
  }

  /** What has been read of a shard and not been taken yet. */
  private static final class Part {
    private final byte[] key;
    private final Deque<Place> places = new ArrayDeque<>();
    private @Nullable Place last;
    private int atOnce;
    private boolean hasMore = true;
    private boolean isAway;

    Part(byte[] key, @Nullable Place behind, int atOnce) {
      this.key = key;
      last = behind;
      this.atOnce = atOnce;
    }
  }

  /**
   * Begins.
   *
   * @param from the least score
   * @param to the largest score
   * @param behind only what stands behind it in the order asked for; null: from the first
   * @param expected how many will be taken, roughly
   * @param leavesOut whether shards are left out whose servers in a Cluster are away, unless all
   *     are, and those of which something else lies at the key
   */
  ShardMerge(
      Session session,
      Index index,
      boolean isReverse,
      long from,
      long to,
      @Nullable Place behind,
      int expected,
      boolean leavesOut) {
    this.session = session;
    this.isReverse = isReverse;
    this.leavesOut = leavesOut;
    order = isReverse ? Place.ORDER.reversed() : Place.ORDER;
    range = Range.create(from, to);
    int atOnce = Math.clamp(2L * expected / Keys.SHARDS, LEAST_AT_ONCE, MOST_AT_ONCE);
    for (int shard = 0; shard < Keys.SHARDS && from <= to; shard++) {
      parts.add(new Part(session.keys().index(shard, index), behind, atOnce));
    }
  }

  /** The next ones, at most so many; fewer only at the end. */
  List<Place> next(int count) {
    var next = new ArrayList<Place>();
    while (next.size() < count) {
      read();
      Part first = null;
      for (Part part : parts) {
        if (!part.places.isEmpty()
            && (first == null
                || order.compare(part.places.getFirst(), first.places.getFirst()) < 0)) {
          first = part;
        }
      }
      if (first == null) {
        break;
      }
      next.add(first.places.remove());
    }
    return next;
  }

  /** Reads on where nothing is left. */
  private void read() {
    while (parts.stream().anyMatch(part -> part.hasMore && part.places.isEmpty())) {
      List<Part> low =
          parts.stream()
              .filter(part -> part.hasMore && part.places.size() < part.atOnce / 2 + 1)
              .toList();
      List<RedisFuture<List<ScoredValue<byte[]>>>> answers = low.stream().map(this::read).toList();
      RedisException last = null;
      for (int i = 0; i < low.size(); i++) {
        try {
          add(low.get(i), session.get(answers.get(i)));
        } catch (RedisException e) {
          if (leavesOut && Redis.isWrongType(e)) {
            leaveBroken(low.get(i), e);
          } else if (leavesOut && session.isCluster() && isAway(e)) {
            low.get(i).isAway = true;
            low.get(i).hasMore = false;
            last = e;
          } else {
            throw e;
          }
        }
      }
      if (last != null) {
        leaveAway(last);
      }
    }
  }

  /** There is no connection; whoever waits for an answer in vain has to make another one. */
  private static boolean isAway(RedisException e) {
    return !(e instanceof RedisCommandExecutionException)
        && !(e instanceof RedisCommandTimeoutException)
        && !Thread.currentThread().isInterrupted();
  }

  private static void leaveBroken(Part part, RedisException cause) {
    part.hasMore = false;
    if (BROKEN.isDue()) {
      log.atError()
          .addKeyValue("key", Texts.text(part.key))
          .setCause(cause)
          .log("something else lies at the key of an index set, what is due of its shard waits");
    }
  }

  private void leaveAway(RedisException cause) {
    long away = parts.stream().filter(part -> part.isAway).count();
    if (away == parts.size()) {
      throw cause;
    }
    log.atWarn()
        .addKeyValue("shards", away)
        .addKeyValue("reason", Redis.reason(cause))
        .log("a server of the Cluster is away, what is due of its shards waits");
  }

  private RedisFuture<List<ScoredValue<byte[]>>> read(Part part) {
    Limit limit = Limit.create(0, part.atOnce);
    Place last = part.last;
    Range<Long> rest =
        last == null
            ? range
            : isReverse
                ? Range.create(lower(), Math.min(last.score, upper()))
                : Range.create(Math.max(last.score, lower()), upper());
    return isReverse
        ? session.commands().zrevrangebyscoreWithScores(part.key, rest, limit)
        : session.commands().zrangebyscoreWithScores(part.key, rest, limit);
  }

  private long lower() {
    return range.getLower().getValue();
  }

  private long upper() {
    return range.getUpper().getValue();
  }

  private void add(Part part, List<ScoredValue<byte[]>> found) {
    part.hasMore = found.size() == part.atOnce;
    boolean isBehind = false;
    for (ScoredValue<byte[]> one : found) {
      var place = new Place((long) one.getScore(), new Bytes(one.getValue()));
      if (part.last == null || order.compare(place, part.last) > 0) {
        part.last = place;
        isBehind = true;
        if (Texts.gid(one.getValue()) != null) {
          part.places.add(place);
        } else if (FOREIGN.isDue()) {
          log.atError()
              .addKeyValue("key", Texts.text(part.key))
              .addKeyValue("member", HexFormat.of().formatHex(one.getValue()))
              .log("a member of an index set is no gid, it is left alone");
        }
      }
    }
    // Many may have the same score as the last one: they are read again and again, in ever larger
    // parts.
    part.atOnce =
        isBehind ? Math.min(2 * part.atOnce, Math.max(part.atOnce, MOST_AT_ONCE)) : 2 * part.atOnce;
  }
}
