package io.dtm4j.store.redis;

import io.dtm4j.protocol.Gid;
import io.lettuce.core.Limit;
import io.lettuce.core.Range;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.ScoredValue;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One index set of all shards as if it were one, in the order of score and gid, or in its reverse.
 * Each shard is read in parts, all at once, the first small. For one thread.
 */
final class ShardMerge {
  private static final int MOST_AT_ONCE = 512;
  private static final int LEAST_AT_ONCE = 4;

  private final Session session;
  private final boolean isReverse;
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
   */
  ShardMerge(
      Session session,
      Index index,
      boolean isReverse,
      long from,
      long to,
      @Nullable Place behind,
      int expected) {
    this.session = session;
    this.isReverse = isReverse;
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
      for (int i = 0; i < low.size(); i++) {
        add(low.get(i), session.get(answers.get(i)));
      }
    }
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
    for (ScoredValue<byte[]> one : found) {
      var place = new Place((long) one.getScore(), new Bytes(one.getValue()));
      if (part.last == null || order.compare(place, part.last) > 0) {
        part.places.add(place);
        part.last = place;
      }
    }
    // Many may have the same score as the last one: they are read again and again, in ever larger
    // parts.
    part.atOnce =
        part.places.isEmpty()
            ? 2 * part.atOnce
            : Math.min(2 * part.atOnce, Math.max(part.atOnce, MOST_AT_ONCE));
  }
}
