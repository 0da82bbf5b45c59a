package io.dtm4j.databases;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;

/** A real database server on this machine that a test starts and stops. */
public interface DatabaseServer extends StoreServer {
  String USER = "dtm4j_test";
  String PASSWORD = "test-secret";

  /** The address of a database on it, which may not be there. */
  String url(String database);

  /** A statement whose only row says how durable a commit is, as the server is set up. */
  String durability();

  /** The name of its processes. */
  String processes();

  /** A connection to the server's own database. */
  Connection connect() throws SQLException;

  @Override
  default Map<String, String> create(String name) throws SQLException {
    execute("create database " + name);
    return Map.of("STORE_URL", url(name), "STORE_USER", USER, "STORE_PASSWORD", PASSWORD);
  }

  default void execute(String... statements) throws SQLException {
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      for (String one : statements) {
        statement.execute(one);
      }
    }
  }

  /** The first column of the only row. */
  default String ask(String query) throws SQLException {
    try (Connection connection = connect();
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(query)) {
      rows.next();
      return String.valueOf(rows.getString(1));
    }
  }
}
