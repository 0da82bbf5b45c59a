package io.dtm4j.databases;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** MySQL 8.0, with its binary log. */
public final class MySqlServer extends MySqlFamilyServer {
  private static final String LIBRARIES = "libraries";

  /** What newer Debians call a library that it needs. */
  private static final Path RENAMED_LIBRARY = Path.of("/usr/lib/x86_64-linux-gnu/libaio.so.1t64");

  private static final Template INSTALLATION = new Template(MySqlServer::installed);
  private static final Template TEMPLATE = new Template(MySqlServer::initialised);

  /** Makes one and starts it. */
  public MySqlServer() throws Exception {
    super("mysql", TEMPLATE);
    start();
  }

  private static Path installed() throws Exception {
    Path directory = Files.createTempDirectory("dtm4j-mysql-installation");
    Downloads.unpack("mysql-Linux-amd64.tar.gz", directory);
    Files.createDirectory(directory.resolve(LIBRARIES));
    if (Files.exists(RENAMED_LIBRARY)) {
      Files.createSymbolicLink(directory.resolve(LIBRARIES + "/libaio.so.1"), RENAMED_LIBRARY);
    }
    return directory;
  }

  private static Path initialised() throws Exception {
    Path data = Files.createTempDirectory("dtm4j-mysql-template");
    Path log = Files.createTempFile("dtm4j-mysql", ".log");
    Processes.run(
        log,
        List.of(
            "env",
            libraries(),
            binary(),
            "--no-defaults",
            "--initialize-insecure",
            "--user=root",
            "--basedir=" + INSTALLATION.directory(),
            "--datadir=" + data));
    Files.delete(log);
    return data;
  }

  private static String libraries() throws Exception {
    return "LD_LIBRARY_PATH=" + INSTALLATION.directory().resolve(LIBRARIES);
  }

  private static String binary() throws Exception {
    return INSTALLATION.directory().resolve("bin/mysqld").toString();
  }

  @Override
  List<String> command() throws Exception {
    return List.of(
        "env",
        libraries(),
        binary(),
        "--no-defaults",
        "--user=root",
        "--basedir=" + INSTALLATION.directory(),
        "--datadir=" + data(),
        "--tmpdir=" + directory(),
        "--socket=" + directory().resolve("socket"),
        "--pid-file=" + directory().resolve("pid"),
        "--init-file=" + users(),
        "--bind-address=127.0.0.1",
        "--mysqlx=OFF",
        "--sync-binlog=0", // what is synced twice takes twice as long, and no test cuts the power
        "--skip-name-resolve",
        "--port=" + port());
  }

  /** Its passwords need a key of the server where there is no TLS. */
  @Override
  public String url(String database) {
    return super.url(database) + "&allowPublicKeyRetrieval=true";
  }

  @Override
  public String processes() {
    return "mysqld";
  }
}
