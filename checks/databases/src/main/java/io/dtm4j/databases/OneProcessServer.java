package io.dtm4j.databases;

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A server of the MySQL family: one process, which keeps all it has in one directory. */
abstract class OneProcessServer implements DatabaseServer {
  private final Path directory;
  private final int port = Processes.freePort();
  private final List<String> options;
  private final Thread atExit = new Thread(this::stopAtExit);
  private @Nullable Process process;

  /** One that has a copy of what is in the template, not started yet. */
  OneProcessServer(String name, Template template, String... options) throws Exception {
    this.options = List.of(options);
    directory = Files.createTempDirectory("dtm4j-" + name);
    Files.createDirectory(data());
    template.copyTo(data());
    Runtime.getRuntime().addShutdownHook(atExit);
  }

  /** What starts it. */
  abstract List<String> command() throws Exception;

  final Path directory() {
    return directory;
  }

  final Path data() {
    return directory.resolve("data");
  }

  final int port() {
    return port;
  }

  @Override
  public final void start() throws Exception {
    Path log = directory.resolve("server.log");
    var command = new ArrayList<String>(command());
    command.addAll(options);
    Process started = Processes.start(log, command);
    process = started;
    Processes.await(
        started,
        log,
        () -> {
          connect().close();
          return true;
        });
  }

  /** A file of statements that make the user of the tests. */
  final Path users() throws Exception {
    return writeUsers(directory);
  }

  static Path writeUsers(Path directory) throws Exception {
    return Files.writeString(
        directory.resolve("users.sql"),
        "create user if not exists '%s'@'127.0.0.1' identified by '%s';\n".formatted(USER, PASSWORD)
            + "grant all on *.* to '%s'@'127.0.0.1' with grant option;\n".formatted(USER));
  }

  @Override
  public Connection connect() throws SQLException {
    return DriverManager.getConnection(url("mysql"), USER, PASSWORD);
  }

  @Override
  public String url(String database) {
    return url(port, database);
  }

  static String url(int port, String database) {
    return "jdbc:mariadb://127.0.0.1:" + port + "/" + database + "?sslMode=disable";
  }

  @Override
  public String durability() {
    return "select concat('innodb_flush_log_at_trx_commit = ', @@innodb_flush_log_at_trx_commit)";
  }

  @Override
  public final void kill() throws Exception {
    Processes.end(process, true);
  }

  @Override
  public final void shutDown() throws Exception {
    Processes.end(process, false);
  }

  @Override
  public final void stop() throws Exception {
    Processes.end(process, true);
    Runtime.getRuntime().removeShutdownHook(atExit);
    Processes.delete(directory);
  }

  private void stopAtExit() {
    Process running = process;
    if (running != null) {
      running.destroyForcibly();
      running.onExit().join();
    }
    Processes.delete(directory);
  }
}
