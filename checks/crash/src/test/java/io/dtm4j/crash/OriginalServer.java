package io.dtm4j.crash;

import static java.util.Objects.requireNonNull;

import io.dtm4j.databases.DatabaseServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * DTM 1.19.0 in Go itself, in processes one after the other on the same port and database. The
 * property {@code dtm4j.test.original} names its binary, beside which are its {@code sqls}. Not
 * thread-safe.
 */
final class OriginalServer implements AutoCloseable {
  private static final Duration STARTS_WITHIN = Duration.ofMinutes(1);

  /** Its script for MySQL makes this database whatever its configuration says. */
  static final String DATABASE = "dtm";

  /** The least it takes, and its default. */
  static final int RETRY_INTERVAL = 10;

  private final Path binary =
      Path.of(
          requireNonNull(
              System.getProperty("dtm4j.test.original"), "dtm4j.test.original: no file"));
  private final int port = ServerProcess.freePort();
  private final Path log;
  private final Map<String, String> environment;
  private final Api api = new Api(url());
  private @Nullable Process process;

  /**
   * @param kind of the database
   * @param database its server
   * @param zone that it writes times in
   * @param folder where it keeps its log
   */
  OriginalServer(Cluster.Kind kind, DatabaseServer database, String zone, Path folder) {
    log = folder.resolve("original-" + port + ".log");
    URI address = URI.create(database.url(DATABASE).substring("jdbc:".length()));
    environment =
        Map.ofEntries(
            Map.entry("TZ", zone),
            Map.entry("STORE_DRIVER", kind == Cluster.Kind.MARIADB ? "mysql" : "postgres"),
            Map.entry("STORE_HOST", "127.0.0.1"),
            Map.entry("STORE_PORT", Integer.toString(address.getPort())),
            Map.entry("STORE_USER", DatabaseServer.USER),
            Map.entry("STORE_PASSWORD", DatabaseServer.PASSWORD),
            Map.entry("STORE_DB", DATABASE),
            Map.entry("UPDATE_BRANCH_SYNC", "1"), // else it loses results of branches
            Map.entry("RETRY_INTERVAL", Integer.toString(RETRY_INTERVAL)),
            Map.entry("REQUEST_TIMEOUT", "1"),
            Map.entry("TRANS_CRON_INTERVAL", "1"),
            Map.entry("HTTP_PORT", Integer.toString(port)),
            Map.entry("GRPC_PORT", Integer.toString(ServerProcess.freePort())),
            Map.entry("JSON_RPC_PORT", Integer.toString(ServerProcess.freePort())),
            Map.entry("LOG_LEVEL", "warn"));
  }

  String url() {
    return "http://127.0.0.1:" + port;
  }

  Api api() {
    return api;
  }

  /** Drops its tables, if they are there, makes them anew, and starts. */
  void startAnew() {
    start("-r");
  }

  /** Starts on what is there; returns when it answers. */
  void start(String... options) {
    close();
    var command = new ArrayList<>(List.of(binary.toString()));
    command.addAll(List.of(options));
    var builder = new ProcessBuilder(command);
    builder.environment().putAll(environment);
    builder.directory(requireNonNull(binary.getParent()).toFile()); // it looks for its sqls here
    builder.redirectErrorStream(true);
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    Process started;
    try {
      started = builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    process = started;
    Await.nowAndThenUntil(
        "the original answers",
        STARTS_WITHIN,
        () -> {
          if (!started.isAlive()) {
            throw new AssertionError("the original ended with " + started.exitValue() + output());
          }
          return api.ping();
        });
  }

  /** SIGKILL. */
  void kill() {
    Process running = process;
    if (running != null) {
      running.destroyForcibly();
      running.onExit().join();
      process = null;
    }
  }

  /** What it has written so far. */
  private String output() {
    try {
      return "\n" + Files.readString(log);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    kill();
  }
}
