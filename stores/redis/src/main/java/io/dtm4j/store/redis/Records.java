package io.dtm4j.store.redis;

import io.dtm4j.protocol.Gid;
import io.lettuce.core.KeyValue;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisException;
import io.lettuce.core.RedisFuture;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads transactions, each as of one moment. */
final class Records {
  private static final Logger log = LoggerFactory.getLogger(Records.class);

  /** Sent at once. */
  private static final int PART = 64;

  private static final byte[] HEAD = Texts.bytes(Rows.HEAD);
  private static final byte[] DEFINITION = Texts.bytes(Rows.DEFINITION);
  private static final byte[] STATE = Texts.bytes(Rows.STATE);

  private Records() {}

  /**
   * Whole transactions, for what is compared and set.
   *
   * @param leavesBroken whether those that make no sense are left out; else they are thrown
   */
  record Wholes(Recent recent, boolean leavesBroken) implements CompareAndSet.Source<Seen.Whole> {
    @Override
    public Seen.@Nullable Whole recent(Gid gid) {
      return recent.get(gid);
    }

    @Override
    public Map<Gid, Seen.Whole> read(Session session, Collection<Gid> gids) {
      return wholes(session, gids, leavesBroken);
    }

    @Override
    public void written(Gid gid, Seen.@Nullable Whole before, Seen.@Nullable Whole now) {
      if (now == null) {
        recent.remove(gid);
      } else {
        recent.put(gid, now);
      }
    }

    @Override
    public void forget(Gid gid) {
      recent.remove(gid);
    }
  }

  /** Heads, for what is compared and set. */
  record Heads(Recent recent) implements CompareAndSet.Source<Seen.Glance> {
    @Override
    public Seen.@Nullable Glance recent(Gid gid) {
      Seen.Whole whole = recent.get(gid);
      return whole == null ? null : new Seen.Glance(whole.bytes(), whole.head());
    }

    @Override
    public Map<Gid, Seen.Glance> read(Session session, Collection<Gid> gids) {
      return heads(session, gids);
    }

    @Override
    public void written(Gid gid, Seen.@Nullable Glance before, Seen.@Nullable Glance now) {
      if (before == null || now == null) {
        recent.remove(gid);
      } else {
        recent.move(gid, before, now);
      }
    }

    @Override
    public void forget(Gid gid) {
      recent.remove(gid);
    }
  }

  /**
   * One as a whole; null: there is none.
   *
   * @throws BrokenRecordException when it makes no sense
   */
  static Seen.@Nullable Whole whole(Session session, Gid gid) {
    return wholes(session, List.of(gid), false).get(gid);
  }

  private static Map<Gid, Seen.Whole> wholes(
      Session session, Collection<Gid> gids, boolean leavesBroken) {
    var found = new HashMap<Gid, Seen.Whole>();
    for (List<Gid> part : parts(gids)) {
      List<RedisFuture<Map<byte[], byte[]>>> answers =
          part.stream().map(gid -> session.commands().hgetall(session.keys().record(gid))).toList();
      for (int i = 0; i < part.size(); i++) {
        try {
          Map<byte[], byte[]> hash = answer(part.get(i), answers.get(i), session::get);
          if (!hash.isEmpty()) {
            found.put(part.get(i), Rows.read(part.get(i), hash));
          }
        } catch (BrokenRecordException e) {
          if (!leavesBroken) {
            throw e;
          }
          leftAlone(part.get(i), e);
        }
      }
    }
    return found;
  }

  /** The heads of those that are there; those that make no sense are left out. */
  static Map<Gid, Seen.Glance> heads(Session session, Collection<Gid> gids) {
    var found = new HashMap<Gid, Seen.Glance>();
    for (List<Gid> part : parts(gids)) {
      List<RedisFuture<byte[]>> answers =
          part.stream()
              .map(gid -> session.commands().hget(session.keys().record(gid), HEAD))
              .toList();
      for (int i = 0; i < part.size(); i++) {
        try {
          byte[] head = answer(part.get(i), answers.get(i), session::field);
          if (head != null) {
            found.put(part.get(i), Seen.Glance.of(head));
          }
        } catch (BrokenRecordException e) {
          leftAlone(part.get(i), e);
        }
      }
    }
    return found;
  }

  /**
   * The answer about a record.
   *
   * @throws BrokenRecordException when something else lies at its key
   */
  private static <F, T extends @Nullable Object> T answer(
      Gid gid, RedisFuture<F> future, Function<RedisFuture<F>, T> get) {
    try {
      return get.apply(future);
    } catch (RedisCommandExecutionException e) {
      if (Redis.isWrongType(e)) {
        throw new BrokenRecordException("transaction " + gid + " cannot be read", e);
      }
      throw e;
    }
  }

  /** Head, definition and state of each, null where there is none; in the order asked for. */
  static List<byte @Nullable [][]> withoutBranches(Session session, List<Gid> gids) {
    List<RedisFuture<List<KeyValue<byte[], byte[]>>>> answers =
        gids.stream()
            .map(
                gid ->
                    session.commands().hmget(session.keys().record(gid), HEAD, DEFINITION, STATE))
            .toList();
    var found = new ArrayList<byte @Nullable [][]>();
    for (int i = 0; i < gids.size(); i++) {
      try {
        List<KeyValue<byte[], byte[]>> fields = answer(gids.get(i), answers.get(i), session::get);
        found.add(
            fields.stream().allMatch(KeyValue::hasValue)
                ? fields.stream().map(KeyValue::getValue).toArray(byte[][]::new)
                : null);
      } catch (BrokenRecordException e) {
        leftAlone(gids.get(i), e);
        found.add(null);
      }
    }
    return found;
  }

  static void leftAlone(Gid gid, BrokenRecordException cause) {
    log.atError()
        .addKeyValue("gid", gid)
        .setCause(cause)
        .log("a transaction cannot be read, it is left alone");
  }

  /**
   * Removes from the index sets what is not there any more; if that fails the next one does.
   *
   * @return how many were removed
   */
  static long forget(Session session, Collection<Gid> gids) {
    try {
      var calls = new ArrayList<Session.ScriptCall<Long>>();
      Map<Integer, List<Gid>> shards = new HashMap<>();
      for (Gid gid : gids) {
        int shard = Keys.shard(Texts.bytes(gid.value()));
        shards.computeIfAbsent(shard, _ -> new ArrayList<>()).add(gid);
      }
      shards.forEach(
          (shard, some) -> {
            for (List<Gid> part : parts(some)) {
              var keys = new ArrayList<>(session.keys().indexes(shard));
              part.forEach(gid -> keys.add(session.keys().record(gid)));
              var names = part.stream().map(gid -> Texts.bytes(gid.value())).toList();
              calls.add(session.call(Script.FORGET, keys, names));
            }
          });
      return calls.stream().mapToLong(session::get).sum();
    } catch (RedisException e) {
      log.atDebug().setCause(e).log("index entries without a record were not removed");
      return 0;
    }
  }

  private static List<List<Gid>> parts(Collection<Gid> gids) {
    List<Gid> all = List.copyOf(gids);
    var parts = new ArrayList<List<Gid>>();
    for (int from = 0; from < all.size(); from += PART) {
      parts.add(all.subList(from, Math.min(all.size(), from + PART)));
    }
    return parts;
  }
}
