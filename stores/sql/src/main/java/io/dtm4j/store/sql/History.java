package io.dtm4j.store.sql;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.DateTimeException;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.configuration.FluentConfiguration;
import org.jspecify.annotations.Nullable;

/**
 * The table that says what has been made of a database: Flyway's, under our name. Of tables that a
 * DTM in Go has made its first row says so, with whether that DTM still works on them, and the zone
 * of their wall clocks.
 */
final class History {
  static final String TABLE = "dtm4j_schema_history";

  private static final String OF_DTM = "tables of DTM, ";
  private static final Pattern ADOPTED =
      Pattern.compile(OF_DTM + "(shared|not shared), zone (\\S+)");
  private static final String BASELINE = "0";

  private final SqlStoreConfig config;
  private final Dialect dialect;

  /**
   * What is said of tables that a DTM in Go has made.
   *
   * @param isWide whether they have been brought into the wide form since
   */
  record Adopted(boolean shared, ZoneId zone, boolean isWide) {
    String words() {
      return OF_DTM + (shared ? "shared" : "not shared") + ", zone " + zone;
    }
  }

  History(SqlStoreConfig config, Dialect dialect) {
    this.config = config;
    this.dialect = dialect;
  }

  /**
   * What the table says; null: these are tables that dtm4j has made.
   *
   * @throws BrokenRowException when it makes no sense; the message says what to do
   */
  static @Nullable Adopted read(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                "select description, (select count(*) from "
                    + TABLE
                    + " where version = '1' and success) from "
                    + TABLE
                    + " where type = 'BASELINE'")) {
      while (rows.next()) {
        String words = String.valueOf(rows.getString(1));
        if (words.startsWith(OF_DTM)) {
          return adopted(words, rows.getInt(2) > 0);
        }
      }
      return null;
    }
  }

  private static Adopted adopted(String words, boolean isWide) {
    Matcher parts = ADOPTED.matcher(words);
    boolean shared = !parts.matches() || "shared".equals(parts.group(1));
    try {
      if (parts.matches()) {
        return new Adopted(shared, ZoneId.of(String.valueOf(parts.group(2))), isWide);
      }
    } catch (DateTimeException _) {
      // said below
    }
    throw new BrokenRowException(
        ("%s says '%s': no zone that is known here. Write there by whose wall clock the DTM in Go"
                + " has stored its times, say: update %s set description = '%s'"
                + " where type = 'BASELINE'")
            .formatted(
                TABLE,
                words,
                TABLE,
                new Adopted(shared, ZoneId.of("Asia/Shanghai"), isWide).words()),
        null);
  }

  /** Makes the table, with what it is to say. */
  void begin(Connection connection, Adopted adopted) throws SQLException {
    if (!dialect.takesBaselines()) {
      make(connection, adopted.words());
      return;
    }
    configured(connection, dialect.adoptedMigrations())
        .baselineDescription(adopted.words())
        .load()
        .baseline();
  }

  /** Makes the table where others have theirs already. */
  void beginBesideOthers(Connection connection) throws SQLException {
    if (!dialect.takesBaselines()) {
      make(connection, "beside tables of others");
    } // else Flyway does
  }

  /** As Flyway makes it, but by two statements; another server may do so at the same time. */
  private static void make(Connection connection, String words) throws SQLException {
    try (Statement statement = connection.createStatement();
        PreparedStatement insert =
            connection.prepareStatement(
                "insert into "
                    + TABLE
                    + " (installed_rank, version, description, type, script, checksum, installed_by,"
                    + " execution_time, success) values (1, ?, ?, 'BASELINE', ?, null,"
                    + " substring_index(user(), '@', 1), 0, true)"
                    + " on duplicate key update success = success")) {
      statement.execute(
          "create table if not exists "
              + TABLE
              + " (installed_rank int not null primary key, version varchar(50),"
              + " description varchar(200) not null, type varchar(20) not null,"
              + " script varchar(1000) not null, checksum int, installed_by varchar(100) not null,"
              + " installed_on timestamp not null default current_timestamp,"
              + " execution_time int not null, success bool not null,"
              + " key dtm4j_schema_history_s_idx (success))");
      insert.setString(1, BASELINE);
      insert.setString(2, words);
      insert.setString(3, words);
      insert.executeUpdate();
    }
  }

  /** Changes what it says. */
  static void change(Connection connection, Adopted adopted) throws SQLException {
    try (PreparedStatement update =
        connection.prepareStatement(
            "update " + TABLE + " set description = ? where type = 'BASELINE'")) {
      update.setString(1, adopted.words());
      update.executeUpdate();
    }
  }

  /** The migrations of tables that dtm4j has made. */
  Flyway own(Connection connection) throws SQLException {
    return configured(connection, dialect.migrations())
        .baselineOnMigrate(true) // other tables may be there
        .ignoreMigrationPatterns("*:future") // those that TableVersion has let pass
        .load();
  }

  /** Those of tables that a DTM in Go has made; what has not been run may stay so. */
  Flyway adopted(Connection connection) throws SQLException {
    return configured(connection, dialect.adoptedMigrations())
        .ignoreMigrationPatterns("*:pending", "*:future")
        .load();
  }

  /** The same, to be run; a statement on a large table may take as long as it wants. */
  Flyway widening(Connection connection) throws SQLException {
    Map<String, String> patient = new HashMap<>(dialect.driverProperties());
    patient.put("socketTimeout", "0");
    return configured(connection, dialect.adoptedMigrations()).jdbcProperties(patient).load();
  }

  private FluentConfiguration configured(Connection connection, String location)
      throws SQLException {
    return Flyway.configure(History.class.getClassLoader())
        .dataSource(dialect.driverUrl(config.url()), config.user(), config.password())
        .jdbcProperties(dialect.driverProperties())
        .table(TABLE)
        .locations(location)
        .placeholders(dialect.placeholders(connection))
        .baselineVersion(BASELINE);
  }
}
