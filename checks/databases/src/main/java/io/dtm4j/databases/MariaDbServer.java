package io.dtm4j.databases;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** MariaDB. */
public final class MariaDbServer extends MySqlFamilyServer {
  private static final Template TEMPLATE = new Template(MariaDbServer::initialised);

  private final List<String> options;

  /**
   * Makes one and starts it.
   *
   * @param options of its command line, beside those of each
   */
  public MariaDbServer(String... options) throws Exception {
    super("mariadb", TEMPLATE);
    this.options = List.of(options);
    start();
  }

  private static Path initialised() throws Exception {
    Path data = Files.createTempDirectory("dtm4j-mariadb-template");
    Path scratch = Files.createTempDirectory("dtm4j-mariadb");
    Path log = Files.createTempFile("dtm4j-mariadb", ".log");
    Processes.run(
        log,
        List.of(
            "env",
            "TMPDIR=" + scratch,
            Processes.binary("mariadb-install-db", "/usr/bin").toString(),
            "--no-defaults",
            "--user=root",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--datadir=" + data));
    Files.delete(log);
    Processes.delete(scratch);
    return data;
  }

  @Override
  List<String> command() throws Exception {
    var command = new ArrayList<String>();
    Collections.addAll(
        command,
        Processes.binary("mariadbd", "/usr/sbin", "/usr/bin").toString(),
        "--no-defaults",
        "--user=root",
        "--datadir=" + data(),
        "--tmpdir=" + directory(), // from which it deletes at its start what looks like a left-over
        "--socket=" + directory().resolve("socket"),
        "--pid-file=" + directory().resolve("pid"),
        "--init-file=" + users(),
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
        "--port=" + port());
    command.addAll(options);
    return command;
  }

  @Override
  public String processes() {
    return "mariadbd";
  }
}
