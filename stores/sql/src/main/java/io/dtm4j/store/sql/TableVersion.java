package io.dtm4j.store.sql;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.flywaydb.core.api.MigrationVersion;
import org.jspecify.annotations.Nullable;

/**
 * The format of the tables: the version of the last migration. What older servers can go on working
 * with raises its second number, what they cannot raises the first, so that servers of two versions
 * share a database while it is upgraded (docs/decisions/0019-formats-of-two-numbers.md).
 */
final class TableVersion {
  /** The first number of the versions that this server works on. */
  private static final int WORKS_ON = 1;

  private TableVersion() {}

  /** The version of tables that a newer server made so that this one cannot use them; or null. */
  static @Nullable String unusable(Connection connection, String history) throws SQLException {
    MigrationVersion highest = MigrationVersion.EMPTY;
    try (Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                "select version from " + history + " where version is not null")) {
      while (rows.next()) {
        MigrationVersion version = MigrationVersion.fromVersion(rows.getString(1));
        highest = version.compareTo(highest) > 0 ? version : highest;
      }
    }
    return highest.compareTo(MigrationVersion.fromVersion(Integer.toString(WORKS_ON + 1))) < 0
        ? null
        : highest.getVersion();
  }
}
