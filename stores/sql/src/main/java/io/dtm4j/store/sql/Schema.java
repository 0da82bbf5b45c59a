package io.dtm4j.store.sql;

import io.dtm4j.store.StoreUnavailableException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import org.flywaydb.core.api.FlywayException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the tables of a database, or brings them up to date, when a store is opened. Those that a
 * DTM in Go has made are adopted as they are: beside them comes the history table, and nothing else
 * changes.
 */
final class Schema {
  private static final Logger log = LoggerFactory.getLogger(Schema.class);

  /** The columns of DTM's tables that are read or written. */
  private static final Map<String, Set<String>> TABLES =
      Map.of(
          "trans_global",
          Set.of(
              "id",
              "gid",
              "trans_type",
              "status",
              "query_prepared",
              "protocol",
              "create_time",
              "update_time",
              "finish_time",
              "rollback_time",
              "options",
              "custom_data",
              "next_cron_interval",
              "next_cron_time",
              "owner",
              "ext_data",
              "result",
              "rollback_reason"),
          "trans_branch_op",
          Set.of(
              "id",
              "gid",
              "url",
              "bin_data",
              "branch_id",
              "op",
              "status",
              "finish_time",
              "rollback_time",
              "create_time",
              "update_time"),
          "kv",
          Set.of("id", "cat", "k", "v", "version", "create_time", "update_time"));

  private final SqlStoreConfig config;
  private final Dialect dialect;

  /** A database that can be worked on. */
  record Ready(Dialect dialect, Form form, boolean shared) {}

  Schema(SqlStoreConfig config, Dialect dialect) {
    this.config = config;
    this.dialect = dialect;
  }

  /**
   * Blocks until the tables are there; several servers may do it at the same time.
   *
   * @throws StoreUnavailableException when they cannot be made; the message says what to do
   */
  Ready prepare() {
    try (Connection connection = connect()) {
      String problem = dialect.unusable(connection);
      if (problem != null) {
        throw new StoreUnavailableException(
            "database " + config.address() + " cannot be used: " + problem, null);
      }
      Ready ready = prepare(connection);
      String warning = dialect.durabilityWarning(connection);
      if (warning != null) {
        log.atWarn()
            .addKeyValue("database", config)
            .addKeyValue("setting", warning)
            .log("the database may lose what it has acknowledged");
      }
      return ready;
    } catch (SQLException e) {
      throw unavailable(e);
    } catch (FlywayException e) {
      throw unavailable("cannot be made or used; a newer version of dtm4j may have made them", e);
    } catch (BrokenRowException e) {
      throw unavailable(e);
    }
  }

  /**
   * Empties the tables that {@link #prepare} has made; others are not touched, nor are adopted
   * ones.
   *
   * @return false: it has made none
   */
  boolean empty() {
    try (Connection connection = connect()) {
      if (!tables(connection).contains(History.TABLE)) {
        return false;
      }
      if (History.read(connection) != null) {
        throw new StoreUnavailableException(
            "database "
                + config.address()
                + " has tables that a DTM in Go has made: they are not emptied",
            null);
      }
      try (Statement statement = connection.createStatement()) {
        for (String table : TABLES.keySet()) {
          statement.execute("truncate table " + table);
        }
      }
      return true;
    } catch (SQLException e) {
      throw unavailable(e);
    } catch (BrokenRowException e) {
      throw unavailable(e);
    }
  }

  private Ready prepare(Connection connection) throws SQLException {
    Dialect present = dialect.on(connection);
    History history = new History(config, present);
    Set<String> tables = tables(connection);
    boolean isUnknown = !tables.contains(History.TABLE);
    if (isUnknown && !isFree(tables)) {
      tables = tables(connection); // another server may have made them just now
      isUnknown = !tables.contains(History.TABLE);
    }
    if (isUnknown && !isFree(tables)) {
      refuseTablesOfOthers(connection, tables);
      return adopt(connection, history, present);
    }
    if (!isUnknown) {
      refuseNewer(connection);
    }
    History.Adopted adopted = isUnknown ? null : History.read(connection);
    if (adopted != null) {
      return adopted(connection, history, adopted, present);
    }
    if (isUnknown) {
      checkMayMake(connection);
    }
    if (isUnknown && !tables.isEmpty()) {
      history.beginBesideOthers(connection);
    }
    history.own(connection).migrate();
    return new Ready(present, Form.WIDE, Boolean.TRUE.equals(config.shared()));
  }

  private void refuseNewer(Connection connection) throws SQLException {
    String newer = TableVersion.unusable(connection, History.TABLE);
    if (newer != null) {
      throw new StoreUnavailableException(
          "tables in database "
              + config.address()
              + " cannot be used: a newer version of dtm4j has made them (format "
              + newer
              + ")",
          null);
    }
  }

  /**
   * Asks for a table that cannot be, because of a column that comes twice: databases look at rights
   * before that. Flyway would try for nine seconds.
   *
   * @throws SQLException when the user may make none
   */
  private void checkMayMake(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute("create table " + History.TABLE + " (twice int, twice int)");
    } catch (SQLException e) {
      if (dialect.failure(e) == Dialect.Failure.DENIED) {
        throw e;
      }
    }
  }

  /** Whether none of the three tables is there. */
  static boolean isFree(Set<String> tables) {
    return TABLES.keySet().stream().noneMatch(tables::contains);
  }

  /** The first time that these tables are opened. */
  private Ready adopt(Connection connection, History history, Dialect present) throws SQLException {
    ZoneId zone = config.zone() == null ? ZoneId.systemDefault() : config.zone();
    boolean shared = !Boolean.FALSE.equals(config.shared());
    try {
      checkMayMake(connection);
      history.begin(connection, new History.Adopted(shared, zone, false));
    } catch (FlywayException | SQLException e) {
      if (!tables(connection).contains(History.TABLE)) {
        log.atWarn()
            .addKeyValue("database", config)
            .addKeyValue("cause", said(e))
            .log("no right to make " + History.TABLE + ", the configuration says what it would");
      }
    }
    History.Adopted adopted =
        tables(connection).contains(History.TABLE) ? History.read(connection) : null;
    log.atInfo().addKeyValue("database", config).log("tables of a DTM in Go are adopted");
    return adopted == null
        ? ready(connection, new History.Adopted(shared, zone, false), present)
        : adopted(connection, history, adopted, present);
  }

  private Ready adopted(
      Connection connection, History history, History.Adopted adopted, Dialect present)
      throws SQLException {
    if (config.zone() != null && !config.zone().equals(adopted.zone())) {
      throw new StoreUnavailableException(
          "database "
              + config.address()
              + " holds times of zone "
              + adopted.zone()
              + ", as its "
              + History.TABLE
              + " says; the configuration says "
              + config.zone(),
          null);
    }
    history.adopted(connection).validate();
    return ready(connection, adopted, present);
  }

  private Ready ready(Connection connection, History.Adopted adopted, Dialect present)
      throws SQLException {
    boolean shared = config.shared() == null ? adopted.shared() : config.shared();
    if (shared) {
      log.atWarn()
          .addKeyValue("database", config)
          .addKeyValue("zone", adopted.zone())
          .log("the tables are shared with a DTM in Go: nothing that has ended is deleted");
    }
    return new Ready(
        present, new Form(!adopted.isWide(), adopted.zone(), limits(connection)), shared);
  }

  /** What the short columns hold. */
  private Limits limits(Connection connection) throws SQLException {
    var limits = new HashMap<String, Limits.Limit>();
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(dialect.columnLimits())) {
      while (rows.next()) {
        String column = (rows.getString(1) + "." + rows.getString(2)).toLowerCase(Locale.ROOT);
        limits.put(column, new Limits.Limit(rows.getLong(3), rows.getBoolean(4)));
      }
    }
    return new Limits(limits);
  }

  Connection connect() throws SQLException {
    var properties = new Properties();
    properties.putAll(dialect.driverProperties());
    properties.setProperty("user", config.user());
    properties.setProperty("password", config.password());
    return DriverManager.getConnection(dialect.driverUrl(config.url()), properties);
  }

  StoreUnavailableException unavailable(SQLException e) {
    String what =
        switch (dialect.failure(e)) {
          case LOGIN ->
              "database "
                  + config.address()
                  + " does not let user "
                  + config.user()
                  + " in: check user and password, and the user's rights";
          case NO_DATABASE -> "database " + config.address() + " does not exist: create it, empty";
          case DENIED ->
              "database "
                  + config.address()
                  + " denies user "
                  + config.user()
                  + " a right: grant the rights to create, read and write tables there";
          case CONFLICT, DUPLICATE, REJECTED, UNKNOWN ->
              "database "
                  + config.address()
                  + " cannot be used: is it running, and is the address right?";
        };
    return new StoreUnavailableException(what + " (" + said(e) + ")", e);
  }

  /**
   * What Flyway could not do, as the database put it.
   *
   * @param what is so of the tables
   */
  StoreUnavailableException unavailable(String what, FlywayException e) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof SQLException sql && dialect.failure(sql) == Dialect.Failure.DENIED) {
        return unavailable(sql);
      }
    }
    return new StoreUnavailableException(
        "tables in database " + config.address() + " " + what + ": " + said(e), e);
  }

  StoreUnavailableException unavailable(BrokenRowException e) {
    return new StoreUnavailableException(
        "database " + config.address() + " cannot be used: " + e.getMessage(), e);
  }

  /**
   * The words of the database in one line: those of Flyway around them take many, and the number of
   * a connection, which MariaDB's driver puts before them, tells nobody anything.
   */
  private static String said(Exception e) {
    Throwable first = e;
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof SQLException) {
        first = cause;
        break;
      }
    }
    return String.valueOf(first.getMessage())
        .replaceFirst("^\\(conn=\\d+\\) ", "")
        .replaceAll("\\s+", " ")
        .strip();
  }

  /** Tables of these names that neither we nor a DTM in Go have made are somebody else's. */
  private void refuseTablesOfOthers(Connection connection, Set<String> tables) throws SQLException {
    Map<String, Set<String>> columns = columns(connection);
    for (Map.Entry<String, Set<String>> table : TABLES.entrySet()) {
      Set<String> present = columns.getOrDefault(table.getKey(), Set.of());
      if (!present.containsAll(table.getValue()) || present.contains("ord")) {
        tables.retainAll(TABLES.keySet());
        throw new StoreUnavailableException(
            "database "
                + config.address()
                + " has tables of another application, or not all that a DTM in Go makes: "
                + String.join(", ", tables)
                + ". They are left alone: give dtm4j a database of its own",
            null);
      }
    }
  }

  private Map<String, Set<String>> columns(Connection connection) throws SQLException {
    var columns = new HashMap<String, Set<String>>();
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(dialect.columns())) {
      while (rows.next()) {
        columns
            .computeIfAbsent(lower(rows.getString(1)), _ -> new HashSet<>())
            .add(lower(rows.getString(2)));
      }
    }
    return columns;
  }

  private static String lower(@Nullable String name) {
    return String.valueOf(name).toLowerCase(Locale.ROOT);
  }

  Set<String> tables(Connection connection) throws SQLException {
    var tables = new TreeSet<String>();
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(dialect.tables())) {
      while (rows.next()) {
        tables.add(lower(rows.getString(1)));
      }
    }
    return tables;
  }
}
