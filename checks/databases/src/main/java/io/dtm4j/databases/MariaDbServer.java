package io.dtm4j.databases;

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** MariaDB. */
public final class MariaDbServer implements DatabaseServer {
  private static @Nullable Path template;

  private final Path directory;
  private final Path log;
  private final int port = Processes.freePort();
  private final List<String> options;
  private final Thread atExit = new Thread(this::stopAtExit);
  private @Nullable Process process;

  /**
   * Makes one and starts it.
   *
   * @param options of its command line, beside those of each
   */
  public MariaDbServer(String... options) throws Exception {
    this.options = List.of(options);
    Path made = template();
    directory = Files.createTempDirectory("dtm4j-mariadb");
    log = directory.resolve("server.log");
    Files.createDirectory(directory.resolve("data"));
    Processes.copy(made, directory.resolve("data"));
    Runtime.getRuntime().addShutdownHook(atExit);
    start();
  }

  /** A database directory, made once. */
  private static synchronized Path template() throws Exception {
    Path made = template;
    if (made == null) {
      made = Files.createTempDirectory("dtm4j-mariadb-template");
      Path directory = made;
      Runtime.getRuntime().addShutdownHook(new Thread(() -> Processes.delete(directory)));
      Path init = Files.createTempFile("dtm4j-mariadb", ".log");
      Processes.run(
          init,
          List.of(
              Processes.binary("mariadb-install-db", "/usr/bin").toString(),
              "--no-defaults",
              "--user=root",
              "--auth-root-authentication-method=normal",
              "--skip-test-db",
              "--datadir=" + made));
      Files.delete(init);
      template = made;
    }
    return made;
  }

  @Override
  public void start() throws Exception {
    Path users = directory.resolve("users.sql");
    Files.writeString(
        users,
        "create user if not exists '%s'@'127.0.0.1' identified by '%s';\n".formatted(USER, PASSWORD)
            + "grant all on *.* to '%s'@'127.0.0.1' with grant option;\n".formatted(USER));
    var command =
        new ArrayList<String>(
            List.of(
                Processes.binary("mariadbd", "/usr/sbin", "/usr/bin").toString(),
                "--no-defaults",
                "--user=root",
                "--datadir=" + directory.resolve("data"),
                "--socket=" + directory.resolve("socket"),
                "--pid-file=" + directory.resolve("pid"),
                "--init-file=" + users,
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--port=" + port));
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

  @Override
  public Connection connect() throws SQLException {
    return DriverManager.getConnection(url("mysql"), USER, PASSWORD);
  }

  @Override
  public String url(String database) {
    return "jdbc:mariadb://127.0.0.1:" + port + "/" + database + "?sslMode=disable";
  }

  @Override
  public String durability() {
    return "select concat('innodb_flush_log_at_trx_commit = ', @@innodb_flush_log_at_trx_commit)";
  }

  @Override
  public String processes() {
    return "mariadbd";
  }

  @Override
  public void kill() throws Exception {
    Processes.end(process, true);
  }

  @Override
  public void shutDown() throws Exception {
    Processes.end(process, false);
  }

  @Override
  public void stop() throws Exception {
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
