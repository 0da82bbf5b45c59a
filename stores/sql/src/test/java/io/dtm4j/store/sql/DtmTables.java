package io.dtm4j.store.sql;

import io.dtm4j.databases.DtmStructure;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/** Tables as a DTM in Go makes them (docs/spec/storage.md 3). */
final class DtmTables {
  private DtmTables() {}

  static void make(SqlStoreConfig config) throws SQLException {
    try (Connection connection = connect(config)) {
      DtmStructure.make(connection);
    }
  }

  /** All that the database says of them, to the last word. */
  static List<String> structure(SqlStoreConfig config) throws SQLException {
    try (Connection connection = connect(config)) {
      return DtmStructure.of(connection);
    }
  }

  private static Connection connect(SqlStoreConfig config) throws SQLException {
    return DriverManager.getConnection(config.url(), config.user(), config.password());
  }

  static List<String> query(SqlStoreConfig config, String sql) throws SQLException {
    String schema = config.url().contains("postgres") ? "current_schema()" : "database()";
    try (Connection connection = connect(config);
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql.replace("%s", schema))) {
      var all = new ArrayList<String>();
      while (rows.next()) {
        var row = new ArrayList<String>();
        for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++) {
          row.add(String.valueOf(rows.getString(i)));
        }
        all.add(String.join("|", row));
      }
      return all;
    }
  }
}
