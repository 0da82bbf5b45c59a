package io.dtm4j.store.redis;

import io.lettuce.core.RedisChannelHandler;
import io.lettuce.core.RedisConnectionStateListener;
import io.lettuce.core.RedisException;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.api.StatefulRedisConnection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Waits until replicas have what was written. {@code WAIT} counts those that are where its own
 * connection was with its last command, one that only reads included; on a connection that has sent
 * nothing else yet it counts all there are. So it follows the work, over the connection of each
 * server that the work was on, and that connection must not have been a new one meanwhile: another
 * server may have taken over, with replicas that are where it is. Thread-safe.
 */
final class Replication {
  /**
   * As long as other commands on the connection stand still at most; those of several threads that
   * wait behind each other have to be done within {@link Servers#COMMAND_TIMEOUT}.
   */
  private static final Duration TIMEOUT = Duration.ofSeconds(1);

  private final Session session;
  private final Function<byte[], StatefulRedisConnection<byte[], byte[]>> way;
  private final int wanted;

  /** How often each connection was lost. */
  private final Map<StatefulRedisConnection<byte[], byte[]>, AtomicLong> losses =
      new ConcurrentHashMap<>();

  /** What goes over one connection, and how often that was lost before. */
  private record Part(AtomicLong losses, long before, List<byte[]> keys) {}

  Replication(
      Session session, Function<byte[], StatefulRedisConnection<byte[], byte[]>> way, int wanted) {
    this.session = session;
    this.way = way;
    this.wanted = wanted;
  }

  /** See {@link Session#replicated}. */
  <T extends @Nullable Object> T of(Supplier<List<byte[]>> keys, Supplier<T> work) {
    if (wanted == 0) {
      return work.get();
    }
    var parts = new LinkedHashMap<StatefulRedisConnection<byte[], byte[]>, Part>();
    for (byte[] key : keys.get()) {
      parts.computeIfAbsent(way.apply(key), this::part).keys.add(key);
    }
    T result = work.get();
    await(parts);
    return result;
  }

  private Part part(StatefulRedisConnection<byte[], byte[]> connection) {
    AtomicLong counted =
        losses.computeIfAbsent(
            connection,
            _ -> {
              var count = new AtomicLong();
              connection.addListener(new Counting(count));
              return count;
            });
    return new Part(counted, counted.get(), new ArrayList<>());
  }

  private record Counting(AtomicLong count) implements RedisConnectionStateListener {
    @Override
    public void onRedisDisconnected(RedisChannelHandler<?, ?> connection) {
      count.incrementAndGet();
    }
  }

  private void await(Map<StatefulRedisConnection<byte[], byte[]>, Part> parts) {
    var owned = new ArrayList<RedisFuture<Long>>();
    var waits = new ArrayList<RedisFuture<Long>>();
    parts.forEach(
        (connection, part) -> {
          // A server of a Cluster refuses what has moved to another one.
          part.keys.forEach(key -> owned.add(connection.async().exists(key)));
          waits.add(connection.async().waitForReplication(wanted, TIMEOUT.toMillis()));
        });
    session.all(owned);
    for (long having : session.all(waits)) {
      if (having < wanted) {
        throw new RedisException(
            "only "
                + having
                + " of the "
                + wanted
                + " replicas that are wanted have what was written");
      }
    }
    for (Part part : parts.values()) {
      if (part.losses.get() != part.before) {
        throw new RedisException("the connection was lost before replicas had what was written");
      }
    }
  }
}
