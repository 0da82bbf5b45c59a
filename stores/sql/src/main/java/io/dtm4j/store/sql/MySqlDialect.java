package io.dtm4j.store.sql;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.mariadb.jdbc.export.MaxAllowedPacketException;

/** MariaDB, MySQL and TiDB, through MariaDB's driver. */
final class MySqlDialect implements Dialect {
  static final MySqlDialect INSTANCE = new MySqlDialect(true, false);

  private static final int DUPLICATE_KEY = 1062;
  private static final int PACKET_TOO_LARGE = 1153;
  private static final int THOUSAND = 1_000;
  private static final Pattern VERSION = Pattern.compile("(?:5\\.5\\.5-)?(\\d+)\\.(\\d+)");

  /** A payload of 4 MB, each byte of it escaped, and what stands around it. */
  private static final int LEAST_PACKET = 16 << 20;

  private final boolean skipsLocked;
  private final boolean isTiDb;

  private MySqlDialect(boolean skipsLocked, boolean isTiDb) {
    this.skipsLocked = skipsLocked;
    this.isTiDb = isTiDb;
  }

  /** The dialect of a server that cannot leave out what is locked. */
  static MySqlDialect withoutSkipping() {
    return new MySqlDialect(false, false);
  }

  @Override
  public Dialect on(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery("select version()")) {
      String version = rows.next() ? String.valueOf(rows.getString(1)) : "";
      return new MySqlDialect(skipsLocked(version), isTiDb(version));
    }
  }

  /** MariaDB has it from 10.6 on, MySQL from 8.0.1 on; TiDB says that it is some MySQL, too. */
  static boolean skipsLocked(String version) {
    Matcher numbers = VERSION.matcher(version);
    if (isTiDb(version) || !numbers.lookingAt()) {
      return false;
    }
    int number = numberOf(numbers, 1) * THOUSAND + numberOf(numbers, 2);
    return number >= (version.contains("MariaDB") ? 10 * THOUSAND + 6 : 8 * THOUSAND);
  }

  private static boolean isTiDb(String version) {
    return version.contains("TiDB");
  }

  private static int numberOf(Matcher version, int group) {
    return Integer.parseInt(String.valueOf(version.group(group)));
  }

  @Override
  public boolean skipsLocked() {
    return skipsLocked;
  }

  /** The driver sends text. */
  @Override
  public boolean keepsStatements() {
    return false;
  }

  /** TiDB has no {@code create table ... as select}. */
  @Override
  public boolean takesBaselines() {
    return !isTiDb;
  }

  @Override
  public boolean changesCollations() {
    return !isTiDb;
  }

  @Override
  public Set<String> forbiddenParameters() {
    return Set.of(
        "assurereadonly",
        "autocommit",
        "connectiontimezone",
        "defaultfetchsize",
        "forceconnectiontimezonetosession",
        "initsql",
        "maxidletime",
        "maxpoolsize",
        "minpoolsize",
        "pool",
        "poolname",
        "poolvalidmindelay",
        "preserveinstants",
        "retriesalldown",
        "rewritebatchedstatements",
        "servertimezone",
        "sessionvariables",
        "staticglobal",
        "timezone",
        "transactionisolation",
        "transactionreplay",
        "transactionreplaysize",
        "usebulkstmtsforinserts",
        "useresetconnection");
  }

  @Override
  public String driverUrl(String url) {
    return url.replaceFirst("^jdbc:mysql:", "jdbc:mariadb:");
  }

  @Override
  public Map<String, String> driverProperties() {
    return Map.of(
        "connectTimeout", "2000",
        "socketTimeout", "30000",
        "tcpKeepAlive", "true",
        // The driver refuses what is larger; a server would cut the connection instead.
        "maxAllowedPacket", Integer.toString(LEAST_PACKET),
        // Counts are of the rows that were found, changed or not.
        "useAffectedRows", "false",
        "useBulkStmts", "false",
        // Everything that is not constant is a parameter.
        "allowMultiQueries", "true");
  }

  @Override
  public String session() {
    return "set session sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',"
        + " time_zone = '+00:00', innodb_lock_wait_timeout = 2"
        // A transaction that hangs on a dead connection holds no rows for long.
        + ", wait_timeout = 30 /*M!100300 , idle_transaction_timeout = 10 */"
        // Locks and duplicates are found by the statements, not by the commit.
        + " /*T! , tidb_idle_transaction_timeout = 10, tidb_txn_mode = 'pessimistic',"
        + " tidb_constraint_check_in_place_pessimistic = 1 */";
  }

  @Override
  public String migrations() {
    return "classpath:io/dtm4j/store/sql/mysql";
  }

  /**
   * A collation that compares exactly: utf8mb4_bin takes {@code "g "} for {@code "g"}. Where there
   * is none (MySQL before 8.0.17), a gid that differs from another one in spaces at its end only is
   * refused.
   */
  @Override
  public Map<String, String> placeholders(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                "select max(collation_name) from information_schema.collations where"
                    + " collation_name in ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin')")) {
      String exact = rows.next() ? rows.getString(1) : null;
      return Map.of("collation", exact == null ? "utf8mb4_bin" : exact);
    }
  }

  @Override
  public String tables() {
    return "select table_name from information_schema.tables where table_schema = database()";
  }

  @Override
  public String adoptedMigrations() {
    return "classpath:io/dtm4j/store/sql/mysql-adopted";
  }

  @Override
  public String columns() {
    return "select table_name, column_name from information_schema.columns"
        + " where table_schema = database()";
  }

  @Override
  public String columnLimits() {
    return "select table_name, column_name,"
        + " case when data_type like '%char' then character_maximum_length"
        + " else character_octet_length end, data_type not like '%char'"
        + " from information_schema.columns where table_schema = database()"
        + " and table_name in ('trans_global', 'trans_branch_op', 'kv')"
        + " and character_octet_length is not null and character_octet_length < 1 << 30";
  }

  @Override
  public String sizes() {
    return "select table_name, table_rows, data_length + index_length"
        + " from information_schema.tables where table_schema = database()";
  }

  @Override
  public String now() {
    return "select utc_timestamp(6)";
  }

  /** Never {@code insert ignore}: it cuts what is too long without an error. */
  @Override
  public String unlessThere() {
    return " on duplicate key update id = id";
  }

  @Override
  public Failure failure(SQLException e) {
    if (e.getCause() instanceof MaxAllowedPacketException) {
      return Failure.REJECTED;
    }
    return switch (e.getErrorCode()) {
      case 1213, 1205, 1020 -> Failure.CONFLICT; // deadlock, lock wait, record has changed
      // of TiDB, which has undone the transaction: write conflict, schema has changed
      case 8002, 8022, 8028, 9007 -> Failure.CONFLICT;
      case 8004, 8025 -> Failure.REJECTED; // transaction or row too large for TiDB
      case DUPLICATE_KEY -> Failure.DUPLICATE;
      case PACKET_TOO_LARGE -> Failure.REJECTED;
      case 1044, 1045, 1698 -> Failure.LOGIN;
      case 1049 -> Failure.NO_DATABASE;
      case 1142, 1143, 1227 -> Failure.DENIED; // of a table, of a column, of the server
      case 1114, 1021 -> Failure.UNKNOWN; // table or disk full
      default -> {
        String state = String.valueOf(e.getSQLState());
        yield state.startsWith("22") || state.startsWith("23") ? Failure.REJECTED : Failure.UNKNOWN;
      }
    };
  }

  /** What is too large for the server cuts the connection, as if nobody knew what became of it. */
  @Override
  public @Nullable String unusable(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery("select @@global.max_allowed_packet")) {
      return rows.next() && rows.getLong(1) < LEAST_PACKET
          ? "max_allowed_packet is " + rows.getLong(1) + " (expected: >= " + LEAST_PACKET + ")"
          : null;
    }
  }

  @Override
  public @Nullable String durabilityWarning(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery("select @@innodb_flush_log_at_trx_commit")) {
      return rows.next() && rows.getInt(1) != 1
          ? "innodb_flush_log_at_trx_commit is " + rows.getInt(1) + " (expected: 1)"
          : null;
    }
  }

  @Override
  public void setTime(PreparedStatement statement, int index, @Nullable Instant time, ZoneId zone)
      throws SQLException {
    if (time == null) {
      statement.setNull(index, Types.TIMESTAMP);
    } else {
      statement.setObject(index, WallClock.of(time, zone));
    }
  }

  @Override
  public @Nullable Instant getTime(ResultSet rows, int index, ZoneId zone) throws SQLException {
    LocalDateTime time = rows.getObject(index, LocalDateTime.class);
    return time == null ? null : WallClock.timeOf(time, zone);
  }
}
