package io.dtm4j.databases;

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;

/** A server of the MySQL family. */
abstract class MySqlFamilyServer extends OneProcessServer implements DatabaseServer {
  private final int port = Processes.freePort();

  /** One that has a copy of what is in the template, not started yet. */
  MySqlFamilyServer(String name, Template template) throws Exception {
    super(name);
    Files.createDirectory(data());
    template.copyTo(data());
  }

  final Path data() {
    return directory().resolve("data");
  }

  final int port() {
    return port;
  }

  @Override
  final void tryOut() throws Exception {
    connect().close();
  }

  /** A file of statements that make the user of the tests. */
  final Path users() throws Exception {
    return writeUsers(directory());
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
}
