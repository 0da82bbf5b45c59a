package io.dtm4j.store.sql;

import io.dtm4j.store.KeyValue;
import io.dtm4j.store.StoreUnavailableException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.jspecify.annotations.Nullable;

/**
 * What an operator does with tables that a DTM in Go has made, once that DTM is gone: end the
 * sharing, and then, if wanted, bring them into the wide form. Neither happens by itself. Blocks;
 * no server may run meanwhile that has the tables open.
 */
public final class SqlMigration {
  private static final Set<String> TABLES = Set.of("trans_global", "trans_branch_op", "kv");

  private SqlMigration() {}

  /**
   * A table that would be changed.
   *
   * @param rows about how many it has
   * @param bytes about what it takes
   */
  public record TableSize(String table, long rows, long bytes) {}

  /**
   * What would be done.
   *
   * @param statements in their order; none: the tables are in the wide form
   * @param tables what they change
   * @param shared whether a DTM in Go works on them still: then nothing is run
   */
  public record Plan(List<String> statements, List<TableSize> tables, boolean shared) {
    public Plan {
      statements = List.copyOf(statements);
      tables = List.copyOf(tables);
    }
  }

  /**
   * What stores keep beside transactions.
   *
   * @param now the time of the database, by which stores go, too
   */
  public record KeyValuesAt(List<KeyValue> values, Instant now) {
    public KeyValuesAt {
      values = List.copyOf(values);
    }
  }

  private interface Work<T> {
    T on(Connection connection, Dialect dialect, History.@Nullable Adopted adopted)
        throws SQLException;
  }

  /**
   * What {@link #run} would do. Changes nothing.
   *
   * @throws IllegalArgumentException when the address cannot be used; the message says why
   * @throws StoreUnavailableException when the database cannot be reached, or no store has been
   *     opened on it yet, or it cannot do it (TiDB)
   */
  public static Plan plan(SqlStoreConfig config) {
    return with(
        config,
        (connection, dialect, adopted) -> {
          if (adopted == null || adopted.isWide()) {
            return new Plan(List.of(), List.of(), adopted != null && adopted.shared());
          }
          checkPossible(config, connection, dialect);
          return new Plan(
              statements(connection, dialect), sizes(connection, dialect), adopted.shared());
        });
  }

  /**
   * Brings the tables into the wide form. A DTM in Go cannot work on them any more. Takes long on
   * large tables; begun again after a failure it goes on.
   *
   * @throws IllegalStateException when the tables are shared
   * @throws StoreUnavailableException when it fails; the message says why
   */
  public static void run(SqlStoreConfig config) {
    with(
        config,
        (connection, dialect, adopted) -> {
          if (adopted == null || adopted.isWide()) {
            return null;
          }
          if (adopted.shared()) {
            throw new IllegalStateException(
                "the tables are shared with a DTM in Go: end the sharing first");
          }
          checkPossible(config, connection, dialect);
          Flyway flyway = new History(config, dialect).widening(connection);
          flyway.repair(); // what was begun and failed
          try {
            flyway.migrate();
          } catch (FlywayException e) {
            flyway.repair(); // a server may start on what is there
            throw e;
          }
          return null;
        });
  }

  private static void checkPossible(SqlStoreConfig config, Connection connection, Dialect dialect)
      throws SQLException {
    if (!dialect.on(connection).changesCollations()) {
      throw new StoreUnavailableException(
          "tables in database "
              + config.address()
              + " stay as they are: it cannot change the collation of a column with an index",
          null);
    }
  }

  /**
   * Writes down that no DTM in Go works on the tables any more. Servers that run go on as they were
   * opened.
   */
  public static void endSharing(SqlStoreConfig config) {
    with(
        config,
        (connection, _, adopted) -> {
          if (adopted != null) {
            History.change(
                connection, new History.Adopted(false, adopted.zone(), adopted.isWide()));
          }
          return null;
        });
  }

  /** The key-values of a category, whatever the form of the tables. */
  public static KeyValuesAt keyValues(SqlStoreConfig config, String category) {
    return with(
        config,
        (connection, dialect, adopted) -> {
          Form form =
              adopted == null
                  ? Form.WIDE
                  : new Form(!adopted.isWide(), adopted.zone(), Limits.NONE);
          var session = new Session(connection, dialect.on(connection), form);
          return new KeyValuesAt(
              KeyValues.find(session, category, null), SqlStore.databaseTime(session));
        });
  }

  private static <T extends @Nullable Object> T with(SqlStoreConfig config, Work<T> work) {
    Dialect dialect = Address.dialectOf(config.url());
    var schema = new Schema(config, dialect);
    try (Connection connection = schema.connect()) {
      checkOpened(config, schema.tables(connection));
      return work.on(connection, dialect, History.read(connection));
    } catch (SQLException e) {
      throw schema.unavailable(e);
    } catch (FlywayException e) {
      throw schema.unavailable("cannot be changed", e);
    } catch (BrokenRowException e) {
      throw schema.unavailable(e);
    }
  }

  private static void checkOpened(SqlStoreConfig config, Set<String> tables) {
    if (!tables.contains(History.TABLE)) {
      throw new StoreUnavailableException(
          "database "
              + config.address()
              + (Schema.isFree(tables)
                  ? " has no tables yet, so there is nothing to migrate: a server makes them, in"
                      + " the wide form, when it starts. Is it the right database?"
                  : " has tables that no server of dtm4j has adopted yet: start one on them, as a"
                      + " user who may create tables, then migrate"),
          null);
    }
  }

  private static List<String> statements(Connection connection, Dialect dialect)
      throws SQLException {
    String text = script(dialect);
    for (Map.Entry<String, String> one : dialect.placeholders(connection).entrySet()) {
      text = text.replace("${" + one.getKey() + "}", one.getValue());
    }
    String bare =
        text.lines().filter(line -> !line.startsWith("--")).reduce("", (a, b) -> a + "\n" + b);
    return Arrays.stream(bare.split(";", -1))
        .map(String::strip)
        .filter(statement -> !statement.isEmpty())
        .toList();
  }

  private static String script(Dialect dialect) {
    String path =
        dialect.adoptedMigrations().substring("classpath:".length()) + "/V1__wide_form.sql";
    try (InputStream script = SqlMigration.class.getResourceAsStream("/" + path)) {
      if (script == null) {
        throw new IllegalStateException(path + " is missing");
      }
      return new String(script.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<TableSize> sizes(Connection connection, Dialect dialect) throws SQLException {
    var sizes = new ArrayList<TableSize>();
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(dialect.sizes())) {
      while (rows.next()) {
        String table = String.valueOf(rows.getString(1)).toLowerCase(Locale.ROOT);
        if (TABLES.contains(table)) {
          sizes.add(new TableSize(table, rows.getLong(2), rows.getLong(3)));
        }
      }
    }
    return sizes;
  }
}
