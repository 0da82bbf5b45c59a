package io.dtm4j.store.redis;

import io.dtm4j.databases.RedisCluster;
import io.dtm4j.databases.RedisServer;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Servers for all tests of this process, each with keys of its own; they run until it ends. */
final class Shared {
  /** A single server that syncs with each write. */
  static final Shared SERVER =
      new Shared(
          () -> {
            RedisServer server = RedisServer.durable();
            return prefix -> config(List.of(server.host()), prefix);
          });

  static final Shared CLUSTER =
      new Shared(
          () -> {
            RedisCluster cluster = new RedisCluster();
            return prefix -> configOf(cluster, prefix);
          });

  private final Callable<Kind> maker;
  private final AtomicInteger stores = new AtomicInteger();
  private @Nullable Kind kind;

  /** How to reach them. */
  private interface Kind {
    RedisStoreConfig config(String prefix);
  }

  private Shared(Callable<Kind> maker) {
    this.maker = maker;
  }

  private synchronized Kind kind() throws Exception {
    Kind made = kind;
    if (made == null) {
      made = maker.call();
      kind = made;
    }
    return made;
  }

  /** A configuration with keys that nobody else has. */
  RedisStoreConfig newStore() throws Exception {
    return kind().config("s" + stores.incrementAndGet());
  }

  /** A store on that server alone. */
  static RedisStoreConfig configOf(RedisServer server) {
    return config(List.of(server.host()), "");
  }

  /** A store on that Cluster. */
  static RedisStoreConfig configOf(RedisCluster cluster, String prefix) {
    return config(cluster.hosts(), prefix);
  }

  private static RedisStoreConfig config(List<String> hosts, String prefix) {
    return new RedisStoreConfig(hosts, "", "", prefix, Duration.ofDays(1), 0);
  }

  /** A store that holds nothing, used again and again by one test class. */
  static TransactionStore emptied(RedisStoreConfig config) {
    RedisStore.reset(config);
    return RedisStore.open(config);
  }
}
