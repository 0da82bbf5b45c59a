package io.dtm4j.databases;

import static java.util.Objects.requireNonNull;

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * TiDB: one server of it, with the store for tests that it has inside instead of TiKV. That one
 * loses the last moments when it is killed; stopped in good order it keeps all. The property {@code
 * dtm4j.test.tidb} names the binary, which {@code ./dtm4j test --with tidb} builds.
 */
public final class TiDbServer extends MySqlFamilyServer {
  private static final Template TEMPLATE = new Template(TiDbServer::initialised);

  /** Makes one and starts it. */
  public TiDbServer() throws Exception {
    super("tidb", TEMPLATE);
    start();
  }

  /** What the first start makes. */
  private static Path initialised() throws Exception {
    Path data = Files.createTempDirectory("dtm4j-tidb-template");
    Path directory = Files.createTempDirectory("dtm4j-tidb");
    Path log = directory.resolve("server.log");
    int port = Processes.freePort();
    Path users = writeUsers(directory);
    Process process =
        Processes.start(log, command(directory, data, port, "-initialize-sql-file=" + users));
    try {
      Processes.await(
          process,
          log,
          () -> {
            DriverManager.getConnection(url(port, "mysql"), USER, PASSWORD).close();
            return true;
          });
    } finally {
      Processes.end(process, false);
    }
    Processes.delete(directory);
    return data;
  }

  @Override
  List<String> command() {
    return command(directory(), data(), port());
  }

  private static List<String> command(Path directory, Path data, int port, String... more) {
    var command = new ArrayList<String>();
    Collections.addAll(
        command,
        "env",
        "--chdir=" + directory, // it makes files where it runs
        requireNonNull(System.getProperty("dtm4j.test.tidb"), "property dtm4j.test.tidb"),
        "-store=unistore",
        "-path=" + data,
        "-socket=" + directory.resolve("socket"),
        "-host=127.0.0.1",
        "-P=" + port,
        "-report-status=false",
        "-L=error");
    Collections.addAll(command, more);
    return command;
  }

  /** It has no setting for that. */
  @Override
  public String durability() {
    return "select 'store for tests'";
  }

  @Override
  public String processes() {
    return "tidb-server";
  }
}
