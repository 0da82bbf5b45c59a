package io.dtm4j.databases;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** A real database server on this machine that a test starts and stops. */
public interface DatabaseServer {
  String USER = "dtm4j_test";
  String PASSWORD = "test-secret";

  /** The address of a database on it, which may not be there. */
  String url(String database);

  /** Starts it again; returns when it takes connections. */
  void start() throws Exception;

  /** Ends the process as suddenly as by a power cut, but for what the system still writes. */
  void kill() throws Exception;

  /** Ends it in good order, cutting the connections that it has; {@link #start} follows. */
  void shutDown() throws Exception;

  /** Stops it and deletes all it had. */
  void stop() throws Exception;

  /** A statement whose only row says how durable a commit is, as the server is set up. */
  String durability();

  /** The name of its processes. */
  String processes();

  /** A connection to the server's own database. */
  Connection connect() throws SQLException;

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
