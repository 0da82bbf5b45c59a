package io.dtm4j.databases;

import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Stream;

/** A Redis of its own: a process with a temporary directory, gone when it is stopped. */
public final class RedisServer extends OneProcessServer {
  private final int port = freePort();
  private final List<String> wrapper;
  private final List<String> settings;
  private final boolean isSentinel;

  /**
   * Makes one and starts it.
   *
   * @param settings as on the command line, beside where it is
   */
  public RedisServer(String... settings) throws Exception {
    this(false, List.of(), List.of(settings));
  }

  private RedisServer(boolean isSentinel, List<String> wrapper, List<String> settings)
      throws Exception {
    super("redis");
    this.isSentinel = isSentinel;
    this.wrapper = wrapper;
    this.settings = settings;
    start();
  }

  /** A Sentinel that watches a master and alone decides about it. */
  public static RedisServer sentinel(String name, RedisServer master) throws Exception {
    return new RedisServer(
        true,
        List.of(),
        List.of(
            "sentinel monitor " + name + " 127.0.0.1 " + master.port() + " 1",
            "sentinel down-after-milliseconds " + name + " 500",
            "sentinel failover-timeout " + name + " 3000"));
  }

  /** One that keeps everything it acknowledges. */
  public static RedisServer durable() throws Exception {
    return new RedisServer("--appendonly", "yes", "--appendfsync", "always");
  }

  /** One that syncs every second. */
  public static RedisServer everySecond() throws Exception {
    return everySecond(List.of());
  }

  /** The same on a disk that takes ten seconds for it from the third time on, by strace. */
  public static RedisServer everySecondSlowly() throws Exception {
    return everySecond(
        List.of(
            "strace",
            "-D", // beside the server, which stays the process that was started
            "-f",
            "--seccomp-bpf",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "trace=fdatasync",
            "-e",
            "inject=fdatasync:delay_enter=10s:when=3+"));
  }

  private static RedisServer everySecond(List<String> wrapper) throws Exception {
    return new RedisServer(
        false, wrapper, List.of("--appendonly", "yes", "--appendfsync", "everysec"));
  }

  /**
   * Outside of the range from which the system takes ports of connections; the bus of a Cluster is
   * there, too.
   */
  private static int freePort() {
    for (int i = 0; i < 100; i++) {
      int port = ThreadLocalRandom.current().nextInt(11_000, 21_000);
      try (var _ = new ServerSocket(port, 1, InetAddress.getLoopbackAddress());
          var _ = new ServerSocket(port + 10_000, 1, InetAddress.getLoopbackAddress())) {
        return port;
      } catch (IOException _) {
        // taken
      }
    }
    throw new AssertionError("no free port");
  }

  @Override
  List<String> command() throws IOException {
    return isSentinel ? sentinelCommand() : serverCommand();
  }

  @Override
  void tryOut() {
    try {
      ask(commands -> commands.ping());
    } catch (RuntimeException e) {
      if (!String.valueOf(e.getCause()).contains("NOAUTH")) { // it is there, and wants a password
        throw e;
      }
    }
  }

  private static String binary() {
    return Processes.binary("redis-server", "/usr/bin", "/usr/local/bin").toString();
  }

  private List<String> serverCommand() {
    var command = new ArrayList<>(wrapper);
    command.addAll(List.of(binary(), "--port", Integer.toString(port), "--bind", "127.0.0.1"));
    command.addAll(List.of("--save", "", "--dir", directory().toString()));
    command.addAll(settings);
    return command;
  }

  /** A Sentinel wants a file, which it writes into. */
  private List<String> sentinelCommand() throws IOException {
    Path file = directory().resolve("sentinel.conf");
    var lines = new ArrayList<>(List.of("port " + port, "bind 127.0.0.1", "dir " + directory()));
    lines.addAll(settings);
    Files.write(file, lines);
    return List.of(binary(), file.toString(), "--sentinel");
  }

  /** With keys that begin with that name. */
  @Override
  public Map<String, String> create(String name) {
    return Map.of("STORE_URL", url(), "STORE_REDIS_PREFIX", name);
  }

  /** All that it has of each transaction, by gid, of keys that begin with that name. */
  public Map<String, String> texts(String name) {
    return ask(
        commands -> {
          Map<String, String> all = new TreeMap<>();
          for (String key : commands.keys(name + ":{*}:t:*")) {
            String gid = key.substring(key.indexOf("}:t:") + "}:t:".length());
            all.put(gid, String.join(" ", commands.hvals(key)));
          }
          return all;
        });
  }

  /** Where it is. */
  public String url() {
    return "redis://" + host();
  }

  public String host() {
    return "127.0.0.1:" + port;
  }

  public int port() {
    return port;
  }

  /** Asks it something, over a connection of its own. */
  public <T> T ask(Function<RedisCommands<String, String>, T> question) {
    RedisClient client = RedisClient.create(RedisURI.create(url() + "?timeout=10s"));
    try (StatefulRedisConnection<String, String> connection = client.connect()) {
      return question.apply(connection.sync());
    } finally {
      client.shutdown(0, 1, TimeUnit.SECONDS);
    }
  }

  /** How long its log of writes is, as the system has it. */
  public long logged() throws IOException {
    try (Stream<Path> files = Files.list(directory().resolve("appendonlydir"))) {
      return files.mapToLong(file -> file.toFile().length()).sum();
    }
  }
}
