package io.dtm4j.bench;

import static java.util.Objects.requireNonNullElse;

import io.dtm4j.databases.DatabaseServer;
import io.dtm4j.databases.MariaDbServer;
import io.dtm4j.databases.PostgresServer;
import io.dtm4j.databases.Processes;
import io.dtm4j.store.sql.SqlStoreConfig;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * A database server and servers of dtm4j on it, all started here and ended with this. The database
 * is as it comes, but for the memory it may use. Its methods block. Not thread-safe.
 */
final class OwnServers implements AutoCloseable {
  private static final Path HOME =
      Path.of(requireNonNullElse(System.getProperty("dtm4j.home"), "../.."));

  private static final String HOST = "127.0.0.1";
  private static final int OK = 200;
  private static final int CONNECTIONS = 2;

  /** Databases that there are. */
  enum Kind {
    MARIADB {
      @Override
      DatabaseServer start() throws Exception {
        return new MariaDbServer(
            "--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M", "--skip-log-bin");
      }
    },
    POSTGRES {
      @Override
      DatabaseServer start() throws Exception {
        return new PostgresServer("-c", "shared_buffers=1GB", "-c", "max_wal_size=4GB");
      }
    };

    static final List<String> WORDS = Stream.of(values()).map(Kind::word).toList();

    abstract DatabaseServer start() throws Exception;

    /** The one of {@link #WORDS}. */
    static Kind of(String word) {
      return valueOf(word.toUpperCase(Locale.ROOT));
    }

    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final DatabaseServer database;
  private final String durability;
  private final Path folder;
  private final List<Process> processes = new ArrayList<>();
  private final Thread atExit = new Thread(this::endAll, "end-servers");

  private OwnServers(DatabaseServer database) throws Exception {
    this.database = database;
    durability = database.ask(database.durability());
    folder = Files.createTempDirectory("dtm4j-bench");
    Runtime.getRuntime().addShutdownHook(atExit);
  }

  /** Starts a database server. */
  static OwnServers open(Kind kind) {
    try {
      return new OwnServers(kind.start());
    } catch (Exception e) {
      throw new BenchException("no " + kind.word() + ": " + e.getMessage(), e);
    }
  }

  /** How durable a commit is, by the settings of the database server. */
  String durability() {
    return durability;
  }

  /** The name of the database's processes. */
  String storeProcesses() {
    return database.processes();
  }

  /** Makes a database, and says where it is. */
  SqlStoreConfig create(String name) {
    try {
      database.execute("create database " + name);
    } catch (Exception e) {
      throw new BenchException("no database " + name + ": " + e.getMessage(), e);
    }
    return new SqlStoreConfig(
        database.url(name), DatabaseServer.USER, DatabaseServer.PASSWORD, CONNECTIONS);
  }

  /** Starts a server of dtm4j on a database, as the launcher does, and waits until it is ready. */
  Target serve(SqlStoreConfig on, String label) {
    int port = Processes.freePort();
    int grpcPort = Processes.freePort();
    Path log = folder.resolve("server-" + port + ".log");
    var builder =
        new ProcessBuilder(
            HOME.resolve("dtm4j").toAbsolutePath().toString(),
            "serve",
            "--bind=" + HOST,
            "--http-port=" + port,
            "--grpc-port=" + grpcPort);
    builder.environment().put("DTM4J_BUILD", "never");
    builder.environment().put("LOG_LEVEL", "error");
    builder.environment().put("STORE_URL", on.url());
    builder.environment().put("STORE_USER", on.user());
    builder.environment().put("STORE_PASSWORD", on.password());
    builder.directory(folder.toFile()).redirectErrorStream(true).redirectOutput(log.toFile());
    try {
      Process process = builder.start();
      processes.add(process);
      var ready = URI.create("http://" + HOST + ":" + port + "/api/ready");
      Processes.await(process, log, () -> checkReady(ready));
      String address = "http://" + HOST + ":" + port + "/api/dtmsvr";
      return Target.of(address, process.pid(), label, durability).withGrpc(HOST + ":" + grpcPort);
    } catch (Exception | AssertionError e) {
      throw new BenchException("no server of dtm4j: " + e.getMessage(), e);
    }
  }

  private static boolean checkReady(URI ready) throws IOException, InterruptedException {
    try (HttpClient http = HttpClient.newHttpClient()) {
      HttpResponse<String> answer =
          http.send(HttpRequest.newBuilder(ready).build(), HttpResponse.BodyHandlers.ofString());
      if (answer.statusCode() != OK) {
        throw new IOException(answer.body());
      }
      return true;
    }
  }

  /** Ends the servers of dtm4j in good order; the database stays. */
  void endServers() throws InterruptedException {
    for (Process process : processes) {
      Processes.end(process, false);
    }
    processes.clear();
  }

  /** The database has its own way to end. */
  private void endAll() {
    processes.forEach(Process::destroyForcibly);
    processes.forEach(process -> process.onExit().join());
    Processes.delete(folder);
  }

  @Override
  public void close() {
    Runtime.getRuntime().removeShutdownHook(atExit);
    endAll();
    try {
      database.stop();
    } catch (Exception e) {
      throw new BenchException("the database does not end: " + e.getMessage(), e);
    }
  }
}
