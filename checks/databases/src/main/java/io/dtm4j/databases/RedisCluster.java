package io.dtm4j.databases;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;

/** Three servers that are a Cluster, each with a third of the slots. */
public final class RedisCluster implements StoreServer {
  private static final int SERVERS = 3;
  private static final int SLOTS = 16_384;
  private static final String NODE_TIMEOUT = "2000";
  private static final long LONGEST = TimeUnit.SECONDS.toNanos(60);

  private final List<RedisServer> servers = new ArrayList<>();

  /**
   * Starts it.
   *
   * @param more settings of each server
   */
  public RedisCluster(String... more) throws Exception {
    for (int i = 0; i < SERVERS; i++) {
      var settings = new ArrayList<>(List.of("--cluster-enabled", "yes", "--appendonly", "yes"));
      settings.addAll(List.of("--appendfsync", "everysec", "--cluster-node-timeout", NODE_TIMEOUT));
      settings.addAll(List.of(more));
      var server = new RedisServer(settings.toArray(String[]::new));
      int from = SLOTS * i / SERVERS;
      int to = SLOTS * (i + 1) / SERVERS - 1;
      server.ask(commands -> commands.clusterAddSlots(IntStream.rangeClosed(from, to).toArray()));
      int epoch = i + 1;
      server.ask(commands -> commands.clusterSetConfigEpoch(epoch));
      servers.add(server);
    }
    for (RedisServer other : servers.subList(1, SERVERS)) {
      servers.getFirst().ask(commands -> commands.clusterMeet("127.0.0.1", other.port()));
    }
    awaitComplete();
  }

  /** One that keeps everything it acknowledges. */
  public static RedisCluster durable() throws Exception {
    return new RedisCluster("--appendfsync", "always");
  }

  private void awaitComplete() throws InterruptedException {
    await(() -> servers.stream().allMatch(RedisCluster::isComplete));
  }

  private void await(BooleanSupplier holds) throws InterruptedException {
    long end = System.nanoTime() + LONGEST;
    while (!holds.getAsBoolean()) {
      if (System.nanoTime() > end) {
        throw new AssertionError("no cluster: " + servers.getFirst().ask(c -> c.clusterInfo()));
      }
      TimeUnit.MILLISECONDS.sleep(50);
    }
  }

  private static boolean isComplete(RedisServer server) {
    String info = server.ask(commands -> commands.clusterInfo());
    return info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:" + SERVERS);
  }

  /** Adds a server that follows the first one, and takes over when that one is away. */
  public RedisServer addReplica() throws Exception {
    RedisServer master = servers.getFirst();
    var replica =
        new RedisServer("--cluster-enabled", "yes", "--cluster-node-timeout", NODE_TIMEOUT);
    replica.ask(commands -> commands.clusterMeet("127.0.0.1", master.port()));
    String id = master.ask(commands -> commands.clusterMyId());
    await(() -> replica.<String>ask(commands -> commands.clusterNodes()).contains(id));
    replica.ask(commands -> commands.clusterReplicate(id));
    servers.add(replica);
    return replica;
  }

  public List<RedisServer> servers() {
    return servers;
  }

  /** Where they are. */
  public List<String> hosts() {
    return servers.stream().map(RedisServer::host).toList();
  }

  /** With keys that begin with that name. */
  @Override
  public Map<String, String> create(String name) {
    return Map.of(
        "STORE_DRIVER",
        "redis",
        "STORE_HOST",
        String.join(",", hosts()),
        "STORE_REDIS_PREFIX",
        name);
  }

  /** As {@link RedisServer#texts}, of all of them. */
  public Map<String, String> texts(String name) {
    Map<String, String> all = new TreeMap<>();
    servers.forEach(server -> all.putAll(server.texts(name)));
    return all;
  }

  /** Starts the first one again; returns when the Cluster is whole. */
  @Override
  public void start() throws Exception {
    servers.getFirst().start();
    awaitComplete();
  }

  /** Kills the first one. */
  @Override
  public void kill() throws Exception {
    servers.getFirst().kill();
  }

  /** Ends the first one in good order. */
  @Override
  public void shutDown() throws Exception {
    servers.getFirst().shutDown();
  }

  @Override
  public void stop() throws Exception {
    for (RedisServer server : servers) {
      server.stop();
    }
  }
}
