package io.dtm4j.store.sql;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.ZoneId;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** In what the databases differ. Stateless. */
sealed interface Dialect permits MySqlDialect, PostgresDialect {
  /** What an error of the database means for the one who wanted a write. */
  enum Failure {
    /** Nothing is stored, because of somebody else: the same again may succeed at once. */
    CONFLICT,
    /** Nothing is stored: there is such a row already. */
    DUPLICATE,
    /** Nothing is stored, nor ever will be: the database cannot take what was to be written. */
    REJECTED,
    /** The database knows neither this user nor this password. */
    LOGIN,
    /** There is no such database. */
    NO_DATABASE,
    /** The user may not do that; nothing is stored. */
    DENIED,
    /** Nobody knows; or the database takes no writes at the moment. */
    UNKNOWN
  }

  /**
   * The dialect of that address.
   *
   * @throws IllegalArgumentException when it is of no database that is known
   */
  static Dialect of(String url) {
    if (url.startsWith("jdbc:mariadb:") || url.startsWith("jdbc:mysql:")) {
      return MySqlDialect.INSTANCE;
    }
    if (url.startsWith("jdbc:postgresql:")) {
      return PostgresDialect.INSTANCE;
    }
    throw new IllegalArgumentException(
        "url of a database (expected: jdbc:mariadb:, jdbc:mysql: or jdbc:postgresql:)");
  }

  /** The same as the server of that connection has it, by its version. */
  Dialect on(Connection connection) throws SQLException;

  /** Whether the server can leave out what somebody else has locked. */
  boolean skipsLocked();

  /**
   * Whether statements are kept by the server, so that there should be few different ones. If not
   * it reads each anew, and takes several of them with their parameters in one packet.
   */
  boolean keepsStatements();

  /** How many marks a statement has for so many members of a list, at least one. */
  default int places(int members) {
    if (!keepsStatements()) {
      return members;
    }
    int places = 1;
    while (places < members) {
      places *= 2;
    }
    return places;
  }

  /** Marks for the members of a list; {@link Prepared#texts} fills them. */
  default String marks(int members) {
    return "(" + String.join(", ", Collections.nCopies(places(members), "?")) + ")";
  }

  /** Whether Flyway can make its table with a first row in it. */
  boolean takesBaselines();

  /** Whether a column with an index may get another collation. */
  boolean changesCollations();

  /**
   * Parameters of an address that would undo what the store relies on, in lower case; those of
   * {@link #driverProperties} apart.
   */
  Set<String> forbiddenParameters();

  /** The address as the driver takes it. */
  String driverUrl(String url);

  /** What the driver is told beside user and password; time-outs first of all. */
  Map<String, String> driverProperties();

  /** What is set on each connection. */
  String session();

  /** Where the migrations lie on the class path. */
  String migrations();

  /** Where those of tables lie that a DTM in Go has made. */
  String adoptedMigrations();

  /** What the migrations leave open, as this server has it. */
  Map<String, String> placeholders(Connection connection) throws SQLException;

  /** The names of the tables in the database, or schema, of the connection. */
  String tables();

  /** Tables and their columns there. */
  String columns();

  /** Tables, their columns that do not hold everything, how much they hold, whether in bytes. */
  String columnLimits();

  /** Tables there, about how many rows they have, and how many bytes. */
  String sizes();

  /** The database's clock. */
  String now();

  /** The end of an insert into trans_global that leaves a row alone that has this gid already. */
  String unlessThere();

  Failure failure(SQLException e);

  /** Words for an operator when a server is set up so that it cannot be used; null: it can. */
  @Nullable String unusable(Connection connection) throws SQLException;

  /** Words for an operator when a server could lose what it has acknowledged; null: it does not. */
  @Nullable String durabilityWarning(Connection connection) throws SQLException;

  /**
   * Gives a time to a statement.
   *
   * @param zone whose wall clock a column without a zone holds
   */
  void setTime(PreparedStatement statement, int index, @Nullable Instant time, ZoneId zone)
      throws SQLException;

  /** The time in a column, which holds it as by {@link #setTime}. */
  @Nullable Instant getTime(ResultSet rows, int index, ZoneId zone) throws SQLException;
}
