package io.dtm4j.crash;

import static java.util.Objects.requireNonNull;

import io.dtm4j.databases.DatabaseServer;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * As a database has them.
 *
 * @param overdue the milliseconds since the next time of a row, in its language
 */
record SqlRecords(DatabaseServer database, String name, String overdue) implements Records {
  private interface Row {
    void read(ResultSet row) throws SQLException;
  }

  @Override
  public List<Open> open() {
    List<Open> all = new ArrayList<>();
    read(
        "select gid, owner, "
            + overdue
            + " from trans_global where status in ('prepared', 'submitted', 'aborting')",
        row ->
            all.add(
                Open.of(
                    requireNonNull(row.getString(1)),
                    requireNonNull(row.getString(2)),
                    Duration.ofMillis(row.getLong(3)))));
    return all;
  }

  @Override
  public Map<String, Kept> kept() {
    Map<String, Kept> all = new TreeMap<>();
    read(
        "select gid, owner, ext_data from trans_global",
        row ->
            all.put(
                requireNonNull(row.getString(1)),
                new Kept(
                    Records.process(requireNonNull(row.getString(2))),
                    requireNonNull(row.getString(3)))));
    return all;
  }

  private void read(String select, Row row) {
    try (Connection connection =
            DriverManager.getConnection(
                database.url(name), DatabaseServer.USER, DatabaseServer.PASSWORD);
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(select)) {
      while (rows.next()) {
        row.read(rows);
      }
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }
}
