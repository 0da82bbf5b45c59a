package io.dtm4j.store.redis;

import io.dtm4j.store.StoreUnavailableException;
import io.lettuce.core.AbstractRedisClient;
import io.lettuce.core.ClientOptions;
import io.lettuce.core.ClientOptions.DisconnectedBehavior;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisException;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SocketOptions;
import io.lettuce.core.StaticCredentialsProvider;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.async.RedisAsyncCommands;
import io.lettuce.core.cluster.ClusterClientOptions;
import io.lettuce.core.cluster.ClusterTopologyRefreshOptions;
import io.lettuce.core.cluster.RedisClusterClient;
import io.lettuce.core.cluster.SlotHash;
import io.lettuce.core.cluster.api.StatefulRedisClusterConnection;
import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;
import io.lettuce.core.cluster.models.partitions.RedisClusterNode;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.resource.DefaultClientResources;
import io.lettuce.core.resource.Delay;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The client for one server, for the one that Sentinels name, or for a Cluster. A connection that
 * is lost comes back by itself; meanwhile commands are refused, and those that had no answer yet
 * fail and are never sent again by the client.
 */
final class Servers implements AutoCloseable {
  static final Duration COMMAND_TIMEOUT = Duration.ofSeconds(10);
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(2);
  private static final Duration RECONNECT_DELAY = Duration.ofMillis(100);
  private static final Duration REFRESH_PERIOD = Duration.ofSeconds(30);
  private static final int MOST_QUEUED = 16_384;
  private static final int THREADS = 2;

  private final ClientResources resources;
  private final Client client;

  /**
   * A connection, and what is sent over it.
   *
   * @param way the connection to one server over which commands with that key go
   */
  record Connection(
      StatefulConnection<byte[], byte[]> stateful,
      RedisClusterAsyncCommands<byte[], byte[]> commands,
      Function<byte[], StatefulRedisConnection<byte[], byte[]>> way) {}

  /** What one server and a Cluster do in different ways. */
  private sealed interface Client {
    Connection connect();

    void onMasters(Consumer<List<RedisAsyncCommands<byte[], byte[]>>> work);

    AbstractRedisClient client();
  }

  private record One(RedisClient client) implements Client {
    @Override
    public Connection connect() {
      StatefulRedisConnection<byte[], byte[]> made = client.connect(ByteArrayCodec.INSTANCE);
      return new Connection(made, made.async(), _ -> made);
    }

    @Override
    public void onMasters(Consumer<List<RedisAsyncCommands<byte[], byte[]>>> work) {
      try (StatefulRedisConnection<byte[], byte[]> connection =
          client.connect(ByteArrayCodec.INSTANCE)) {
        work.accept(List.of(connection.async()));
      }
    }
  }

  private record Cluster(RedisClusterClient client) implements Client {
    @Override
    public Connection connect() {
      StatefulRedisClusterConnection<byte[], byte[]> made = client.connect(ByteArrayCodec.INSTANCE);
      return new Connection(made, made.async(), key -> way(made, key));
    }

    private static StatefulRedisConnection<byte[], byte[]> way(
        StatefulRedisClusterConnection<byte[], byte[]> made, byte[] key) {
      RedisClusterNode master = made.getPartitions().getPartitionBySlot(SlotHash.getSlot(key));
      if (master == null) {
        throw new RedisException("no server of the Cluster has what is to be written");
      }
      // By host and port it is the one that commands with this key take, by node id another one.
      return made.getConnection(master.getUri().getHost(), master.getUri().getPort());
    }

    @Override
    public void onMasters(Consumer<List<RedisAsyncCommands<byte[], byte[]>>> work) {
      try (StatefulRedisClusterConnection<byte[], byte[]> connection =
          client.connect(ByteArrayCodec.INSTANCE)) {
        work.accept(
            connection.getPartitions().stream()
                .filter(node -> node.getRole().isUpstream() && !node.hasNoSlots())
                .map(node -> connection.getConnection(node.getNodeId()).async())
                .toList());
      }
    }
  }

  /**
   * Connects to nothing yet.
   *
   * @throws StoreUnavailableException when an address makes no sense
   */
  Servers(RedisStoreConfig config) {
    List<RedisURI> uris = config.hosts().stream().map(host -> uri(host, config)).toList();
    resources =
        DefaultClientResources.builder()
            .ioThreadPoolSize(THREADS)
            .computationThreadPoolSize(THREADS)
            .reconnectDelay(Delay.constant(RECONNECT_DELAY))
            .build();
    if (config.isCluster()) {
      ClusterClientOptions.Builder options = ClusterClientOptions.builder();
      set(options);
      options
          .topologyRefreshOptions(
              // Beside what it is told and finds out: all its triggers are on by themselves.
              ClusterTopologyRefreshOptions.builder().enablePeriodicRefresh(REFRESH_PERIOD).build())
          .validateClusterNodeMembership(false);
      RedisClusterClient cluster = RedisClusterClient.create(resources, uris);
      cluster.setOptions(options.build());
      client = new Cluster(cluster);
    } else {
      ClientOptions.Builder options = ClientOptions.builder();
      set(options);
      RedisClient one = RedisClient.create(resources, uris.getFirst());
      one.setOptions(options.build());
      client = new One(one);
    }
  }

  private static void set(ClientOptions.Builder options) {
    options
        .autoReconnect(true)
        .disconnectedBehavior(DisconnectedBehavior.REJECT_COMMANDS)
        .replayFilter(_ -> true)
        .requestQueueSize(MOST_QUEUED)
        .socketOptions(
            SocketOptions.builder().connectTimeout(CONNECT_TIMEOUT).tcpNoDelay(true).build())
        .timeoutOptions(TimeoutOptions.enabled(COMMAND_TIMEOUT));
  }

  private static RedisURI uri(String host, RedisStoreConfig config) {
    RedisURI uri;
    try {
      uri = RedisURI.create(host.contains("://") ? host : "redis://" + host);
    } catch (IllegalArgumentException _) {
      // What the client says may hold what is secret.
      throw new StoreUnavailableException(
          "an address of Redis cannot be used (expected: host:port, redis://host:port,"
              + " rediss://host:port or redis-sentinel://host:port,host:port#name, with %-escapes"
              + " in user and password)",
          null);
    }
    uri.setTimeout(COMMAND_TIMEOUT);
    if (!config.password().isEmpty()) {
      String user = config.user().isEmpty() ? null : config.user();
      uri.setCredentialsProvider(
          new StaticCredentialsProvider(user, config.password().toCharArray()));
    }
    return uri;
  }

  /** A connection that any threads may share. */
  Connection connect() {
    return client.connect();
  }

  /** Does something with each server that takes writes, over connections of its own. */
  void onMasters(Consumer<List<RedisAsyncCommands<byte[], byte[]>>> work) {
    client.onMasters(work);
  }

  @Override
  public void close() {
    client.client().shutdown(0, COMMAND_TIMEOUT.toSeconds(), TimeUnit.SECONDS);
    resources.shutdown(0, COMMAND_TIMEOUT.toSeconds(), TimeUnit.SECONDS).awaitUninterruptibly();
  }
}
