package io.dtm4j.store.redis;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Three servers that are a Cluster, each with a third of the slots. */
final class RedisCluster {
  private static final int SERVERS = 3;
  private static final int SLOTS = 16_384;
  private static final String NODE_TIMEOUT = "2000";

  private final List<RedisServer> servers = new ArrayList<>();

  /**
   * Starts it.
   *
   * @param more settings of each server
   */
  RedisCluster(String... more) throws Exception {
    for (int i = 0; i < SERVERS; i++) {
      var settings = new ArrayList<>(List.of("--cluster-enabled", "yes", "--appendonly", "yes"));
      settings.addAll(List.of("--appendfsync", "everysec", "--cluster-node-timeout", NODE_TIMEOUT));
      settings.addAll(List.of(more));
      var server = new RedisServer(settings.toArray(String[]::new));
      int from = SLOTS * i / SERVERS;
      int to = SLOTS * (i + 1) / SERVERS - 1;
      server.ask(
          commands ->
              commands.clusterAddSlots(java.util.stream.IntStream.rangeClosed(from, to).toArray()));
      int epoch = i + 1;
      server.ask(commands -> commands.clusterSetConfigEpoch(epoch));
      servers.add(server);
    }
    for (RedisServer other : servers.subList(1, SERVERS)) {
      servers.getFirst().ask(commands -> commands.clusterMeet("127.0.0.1", other.port()));
    }
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!servers.stream().allMatch(RedisCluster::isComplete)) {
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
  RedisServer addReplica() throws Exception {
    RedisServer master = servers.getFirst();
    var replica =
        new RedisServer("--cluster-enabled", "yes", "--cluster-node-timeout", NODE_TIMEOUT);
    replica.ask(commands -> commands.clusterMeet("127.0.0.1", master.port()));
    String id = master.ask(commands -> commands.clusterMyId());
    Sagas.await(() -> Optional.of(replica.ask(c -> c.clusterNodes())).filter(s -> s.contains(id)));
    replica.ask(commands -> commands.clusterReplicate(id));
    servers.add(replica);
    return replica;
  }

  void stop() throws Exception {
    for (RedisServer server : servers) {
      server.stop();
    }
  }

  List<RedisServer> servers() {
    return servers;
  }

  RedisStoreConfig config(String prefix) {
    return new RedisStoreConfig(
        servers.stream().map(RedisServer::host).toList(), "", "", prefix, Duration.ofDays(1));
  }
}
