package io.dtm4j.store.sql;

import io.dtm4j.store.StoreUnavailableException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Locale;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes the tables of a database, or brings them up to date, when a store is opened. */
final class Schema {
  private static final Logger log = LoggerFactory.getLogger(Schema.class);
  private static final String HISTORY = "dtm4j_schema_history";
  private static final Set<String> TABLES = Set.of("trans_global", "trans_branch_op", "kv");

  private final SqlStoreConfig config;
  private final Dialect dialect;

  Schema(SqlStoreConfig config, Dialect dialect) {
    this.config = config;
    this.dialect = dialect;
  }

  /**
   * Blocks until the tables are there; several servers may do it at the same time.
   *
   * @return the dialect as the server has it
   * @throws StoreUnavailableException when they cannot be made; the message says what to do
   */
  Dialect prepare() {
    try (Connection connection = connect()) {
      String problem = dialect.unusable(connection);
      if (problem != null) {
        throw new StoreUnavailableException(
            "database " + config.address() + " cannot be used: " + problem, null);
      }
      refuseTablesOfOthers(connection);
      migrate(connection);
      String warning = dialect.durabilityWarning(connection);
      if (warning != null) {
        log.atWarn()
            .addKeyValue("database", config)
            .addKeyValue("setting", warning)
            .log("the database may lose what it has acknowledged");
      }
      return dialect.on(connection);
    } catch (SQLException e) {
      throw unavailable(e);
    }
  }

  /**
   * Empties the tables that {@link #prepare} has made; others are not touched.
   *
   * @return false: it has made none
   */
  boolean empty() {
    try (Connection connection = connect()) {
      if (!tables(connection).contains(HISTORY)) {
        return false;
      }
      try (Statement statement = connection.createStatement()) {
        for (String table : TABLES) {
          statement.execute("truncate table " + table);
        }
      }
      return true;
    } catch (SQLException e) {
      throw unavailable(e);
    }
  }

  private Connection connect() throws SQLException {
    var properties = new Properties();
    properties.putAll(dialect.driverProperties());
    properties.setProperty("user", config.user());
    properties.setProperty("password", config.password());
    return DriverManager.getConnection(dialect.driverUrl(config.url()), properties);
  }

  private StoreUnavailableException unavailable(SQLException e) {
    String what =
        switch (dialect.failure(e)) {
          case LOGIN ->
              "database "
                  + config.address()
                  + " does not let user "
                  + config.user()
                  + " in: check user and password, and the user's rights";
          case NO_DATABASE -> "database " + config.address() + " does not exist: create it, empty";
          case CONFLICT, DUPLICATE, REJECTED, UNKNOWN ->
              "database "
                  + config.address()
                  + " cannot be used: is it running, and is the address right?";
        };
    return new StoreUnavailableException(what + " (" + e.getMessage() + ")", e);
  }

  /** Tables of these names that we have not made are somebody else's. */
  private void refuseTablesOfOthers(Connection connection) throws SQLException {
    Set<String> tables = tables(connection);
    if (!tables.contains(HISTORY) && tables.stream().anyMatch(TABLES::contains)) {
      tables = tables(connection); // another server may have made them just now
    }
    if (!tables.contains(HISTORY)) {
      tables.retainAll(TABLES);
      if (!tables.isEmpty()) {
        throw new StoreUnavailableException(
            "database "
                + config.address()
                + " has tables of DTM or of another application: "
                + String.join(", ", tables)
                + ". They are left alone: give dtm4j a database of its own",
            null);
      }
    }
  }

  private Set<String> tables(Connection connection) throws SQLException {
    var tables = new TreeSet<String>();
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(dialect.tables())) {
      while (rows.next()) {
        tables.add(String.valueOf(rows.getString(1)).toLowerCase(Locale.ROOT));
      }
    }
    return tables;
  }

  private void migrate(Connection connection) throws SQLException {
    try {
      Flyway.configure(Schema.class.getClassLoader())
          .dataSource(dialect.driverUrl(config.url()), config.user(), config.password())
          .jdbcProperties(dialect.driverProperties())
          .initSql(dialect.session())
          .table(HISTORY)
          .locations(dialect.migrations())
          .placeholders(dialect.placeholders(connection))
          .baselineOnMigrate(true) // other tables may be there
          .baselineVersion("0")
          .ignoreMigrationPatterns(new String[0]) // those of a newer version, too
          .load()
          .migrate();
    } catch (FlywayException e) {
      throw new StoreUnavailableException(
          "tables in database "
              + config.address()
              + " cannot be made or used; a newer version of dtm4j may have made them, or user "
              + config.user()
              + " lacks rights: "
              + e.getMessage(),
          e);
    }
  }
}
