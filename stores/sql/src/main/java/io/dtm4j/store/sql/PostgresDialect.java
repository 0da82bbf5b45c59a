package io.dtm4j.store.sql;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** PostgreSQL. */
final class PostgresDialect implements Dialect {
  static final PostgresDialect INSTANCE = new PostgresDialect();

  private PostgresDialect() {}

  @Override
  public Dialect on(Connection connection) {
    return this;
  }

  @Override
  public boolean skipsLocked() {
    return true;
  }

  @Override
  public boolean keepsStatements() {
    return true;
  }

  @Override
  public boolean takesBaselines() {
    return true;
  }

  @Override
  public boolean changesCollations() {
    return true;
  }

  @Override
  public Set<String> forbiddenParameters() {
    return Set.of(
        "adaptivefetch",
        "autosave",
        "cleanupsavepoints",
        "defaultrowfetchsize",
        "hostrecheckseconds",
        "loadbalancehosts",
        "logintimeout",
        "options",
        "preferquerymode",
        "raiseexceptiononsilentrollback",
        "readonly",
        "readonlymode",
        "replication",
        "rewritebatchedinserts",
        "service",
        "stringtype",
        "targetservertype");
  }

  @Override
  public String driverUrl(String url) {
    return url;
  }

  @Override
  public Map<String, String> driverProperties() {
    return Map.of(
        "connectTimeout", "2",
        "socketTimeout", "30",
        "tcpKeepAlive", "true",
        "ApplicationName", "dtm4j");
  }

  /** The plans of a fresh table, which has no statistics, would read all of it. */
  @Override
  public String session() {
    return "set synchronous_commit = on; set lock_timeout = '2s'; set time zone 'UTC';"
        // A transaction that hangs on a dead connection holds no rows for long.
        + " set idle_in_transaction_session_timeout = '10s'; set jit = off;"
        + " set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off;"
        + " set enable_bitmapscan = off; set plan_cache_mode = force_generic_plan";
  }

  @Override
  public String migrations() {
    return "classpath:io/dtm4j/store/sql/postgres";
  }

  @Override
  public Map<String, String> placeholders(Connection connection) {
    return Map.of();
  }

  @Override
  public String tables() {
    return "select table_name from information_schema.tables where table_schema = current_schema()";
  }

  @Override
  public String adoptedMigrations() {
    return "classpath:io/dtm4j/store/sql/postgres-adopted";
  }

  @Override
  public String columns() {
    return "select table_name, column_name from information_schema.columns"
        + " where table_schema = current_schema()";
  }

  @Override
  public String columnLimits() {
    return "select table_name, column_name, character_maximum_length, false"
        + " from information_schema.columns where table_schema = current_schema()"
        + " and table_name in ('trans_global', 'trans_branch_op', 'kv')"
        + " and character_maximum_length is not null";
  }

  @Override
  public String sizes() {
    return "select c.relname, greatest(c.reltuples, 0)::bigint, pg_total_relation_size(c.oid)"
        + " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        + " where n.nspname = current_schema() and c.relkind = 'r'";
  }

  @Override
  public String now() {
    return "select clock_timestamp()";
  }

  @Override
  public String unlessThere() {
    return " on conflict (gid) do nothing";
  }

  @Override
  public Failure failure(SQLException e) {
    String state = String.valueOf(e.getSQLState());
    return switch (state) {
      case "40001", "40P01", "55P03" -> Failure.CONFLICT;
      case "23505" -> Failure.DUPLICATE;
      case "28P01", "28000" -> Failure.LOGIN;
      case "3D000" -> Failure.NO_DATABASE;
      case "42501" -> Failure.DENIED;
      default ->
          state.startsWith("22") || state.startsWith("23") || state.startsWith("54")
              ? Failure.REJECTED
              : Failure.UNKNOWN;
    };
  }

  @Override
  public @Nullable String unusable(Connection connection) {
    return null;
  }

  @Override
  public @Nullable String durabilityWarning(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery("show fsync")) {
      return rows.next() && !"on".equals(rows.getString(1)) ? "fsync is off" : null;
    }
  }

  @Override
  public void setTime(PreparedStatement statement, int index, @Nullable Instant time, ZoneId zone)
      throws SQLException {
    if (time == null) {
      statement.setNull(index, Types.TIMESTAMP_WITH_TIMEZONE);
    } else {
      statement.setObject(index, OffsetDateTime.ofInstant(time, ZoneOffset.UTC));
    }
  }

  @Override
  public @Nullable Instant getTime(ResultSet rows, int index, ZoneId zone) throws SQLException {
    OffsetDateTime time = rows.getObject(index, OffsetDateTime.class);
    return time == null ? null : time.toInstant();
  }
}
