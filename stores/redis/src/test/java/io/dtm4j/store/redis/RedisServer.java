package io.dtm4j.store.redis;

import static org.assertj.core.api.Assertions.assertThat;

import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A Redis of its own: a process with a temporary directory, gone when it is stopped. */
final class RedisServer {
  private static final Duration LONGEST = Duration.ofSeconds(60);

  private final Path directory;
  private final int port = freePort();
  private final List<String> settings;
  private final boolean isSentinel;
  private final Thread atExit = new Thread(this::stopAtExit);
  private @Nullable Process process;

  /**
   * @param settings as on the command line, beside where it is
   */
  RedisServer(String... settings) throws Exception {
    this(false, List.of(settings));
  }

  private RedisServer(boolean isSentinel, List<String> settings) throws Exception {
    this.isSentinel = isSentinel;
    this.settings = settings;
    directory = Files.createTempDirectory("dtm4j-redis");
    Runtime.getRuntime().addShutdownHook(atExit);
    start();
  }

  /** A Sentinel that watches a master and alone decides about it. */
  static RedisServer sentinel(String name, RedisServer master) throws Exception {
    return new RedisServer(
        true,
        List.of(
            "sentinel monitor " + name + " 127.0.0.1 " + master.port() + " 1",
            "sentinel down-after-milliseconds " + name + " 500",
            "sentinel failover-timeout " + name + " 3000"));
  }

  /** One that keeps everything it acknowledges. */
  static RedisServer durable() throws Exception {
    return new RedisServer("--appendonly", "yes", "--appendfsync", "always");
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

  void start() throws Exception {
    Path log = directory.resolve("server.log");
    List<String> command = isSentinel ? sentinelCommand() : serverCommand();
    Process started =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
            .start();
    process = started;
    long end = System.nanoTime() + LONGEST.toNanos();
    while (true) {
      try {
        if (ask(commands -> commands.ping()).equals("PONG")) {
          return;
        }
      } catch (RuntimeException e) {
        if (e.getMessage() != null && String.valueOf(e.getCause()).contains("NOAUTH")) {
          return;
        }
        if (!started.isAlive() || System.nanoTime() > end) {
          throw new AssertionError("no server: " + Files.readString(log), e);
        }
      }
      TimeUnit.MILLISECONDS.sleep(20);
    }
  }

  private List<String> serverCommand() {
    var command = new ArrayList<>(List.of("redis-server", "--port", Integer.toString(port)));
    command.addAll(List.of("--bind", "127.0.0.1", "--save", "", "--dir", directory.toString()));
    command.addAll(settings);
    return command;
  }

  /** A Sentinel wants a file, which it writes into. */
  private List<String> sentinelCommand() throws IOException {
    Path file = directory.resolve("sentinel.conf");
    var lines = new ArrayList<>(List.of("port " + port, "bind 127.0.0.1", "dir " + directory));
    lines.addAll(settings);
    Files.write(file, lines);
    return List.of("redis-server", file.toString(), "--sentinel");
  }

  String host() {
    return "127.0.0.1:" + port;
  }

  int port() {
    return port;
  }

  long pid() {
    return process().pid();
  }

  private Process process() {
    return Objects.requireNonNull(process);
  }

  RedisStoreConfig config() {
    return new RedisStoreConfig(List.of(host()), "", "", "", Duration.ofDays(1));
  }

  /** Asks it something, over a connection of its own. */
  <T> T ask(Function<RedisCommands<String, String>, T> question) {
    RedisClient client = RedisClient.create(RedisURI.create("redis://" + host() + "?timeout=10s"));
    try (StatefulRedisConnection<String, String> connection = client.connect()) {
      return question.apply(connection.sync());
    } finally {
      client.shutdown(0, 1, TimeUnit.SECONDS);
    }
  }

  void signal(String name) throws Exception {
    Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(pid())).start();
    assertThat(kill.waitFor()).isZero();
  }

  /** It ends in this moment. */
  void kill() throws Exception {
    process().destroyForcibly();
    assertThat(process().waitFor(LONGEST.toSeconds(), TimeUnit.SECONDS)).isTrue();
  }

  void stop() throws Exception {
    kill();
    Runtime.getRuntime().removeShutdownHook(atExit);
    delete();
  }

  private void stopAtExit() {
    Process running = process;
    if (running != null) {
      running.destroyForcibly();
      running.onExit().join();
    }
    delete();
  }

  private void delete() {
    try (Stream<Path> all = Files.walk(directory)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
