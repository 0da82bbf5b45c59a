package io.dtm4j.server;

import io.dtm4j.coordinator.Servers;
import io.dtm4j.server.config.ConfigParser;
import io.dtm4j.server.config.ServerConfig;
import io.dtm4j.server.config.StoreConfig;
import io.dtm4j.store.StoreUnavailableException;
import io.dtm4j.store.sql.SqlMigration;
import io.dtm4j.store.sql.SqlStoreConfig;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Option;

/** What an operator does with the tables of a DTM in Go once that DTM is gone. */
final class Migrate {
  private static final Option CONFIG =
      Verb.option("c", "config", "FILE", "Configuration file; its Store is the database.");
  private static final Option RUN =
      Verb.option(null, "run", null, "Run what is shown. Stop all servers first, DTM's, too.");
  private static final Option END_SHARING =
      Verb.option(null, "end-sharing", null, "Note that no DTM in Go uses the tables any more.");

  static Verb verb(PrintWriter out) {
    return new Verb(
        "migrate",
        "Show, and run, what brings tables of a DTM in Go into the wide form.",
        List.of(CONFIG, END_SHARING, RUN),
        given -> new Migrate(out).run(given));
  }

  private final PrintWriter out;

  private Migrate(PrintWriter out) {
    this.out = out;
  }

  private int run(CommandLine given) {
    String file = given.getOptionValue(CONFIG);
    ServerConfig config =
        ConfigParser.load(file == null ? null : Path.of(file), Map.of(), System.getenv()).config();
    if (!(config.store() instanceof StoreConfig.Sql sql)) {
      throw new StartException(
          "migrate: Store.Driver is %s (expected: mysql, mariadb or postgres)"
              .formatted(config.store().driver()),
          null);
    }
    Logging.start(config.log());
    try {
      SqlStoreConfig database = Stores.config(sql);
      return Stores.asConfigured(() -> migrate(database, given));
    } catch (StoreUnavailableException | IllegalStateException e) {
      throw new StartException(String.valueOf(e.getMessage()), e);
    } finally {
      Logging.stop();
    }
  }

  private int migrate(SqlStoreConfig config, CommandLine given) {
    if (given.hasOption(END_SHARING)) {
      SqlMigration.endSharing(config);
      out.println(
          "No DTM in Go uses the tables any more; servers of dtm4j say so when they start.");
    }
    SqlMigration.Plan plan = SqlMigration.plan(config);
    if (plan.statements().isEmpty()) {
      out.println("The tables are in the wide form: there is nothing to do.");
      return Main.OK;
    }
    plan.tables()
        .forEach(
            table ->
                out.println(
                    "-- %s: some %,d rows, %,d MB"
                        .formatted(table.table(), table.rows(), table.bytes() >> 20)));
    plan.statements().forEach(statement -> out.println(statement.strip() + ";"));
    String servers = plan.shared() ? "" : servers(config);
    if (!given.hasOption(RUN)) {
      out.println(
          plan.shared()
              ? "-- Not to be run: a DTM in Go uses the tables. When it is gone: --end-sharing"
              : servers.isEmpty()
                  ? "-- Run with --run when all servers are stopped, a DTM in Go among them, which"
                      + " cannot be seen from here. There is no way back."
                  : "-- Not to be run yet: " + servers);
      return Main.OK;
    }
    if (!servers.isEmpty()) {
      throw new StartException("migrate --run: nothing was changed: " + servers, null);
    }
    SqlMigration.run(config);
    out.println("-- Done.");
    return Main.OK;
  }

  /**
   * What to do about the servers that are alive, by what they have written of themselves: they
   * could write no more to tables that are changed under them. "": none is. Whether a DTM in Go
   * runs cannot be known.
   */
  private static String servers(SqlStoreConfig config) {
    SqlMigration.KeyValuesAt written = SqlMigration.keyValues(config, Servers.CATEGORY);
    List<Servers.Known> alive = Servers.alive(written.values(), written.now());
    if (alive.isEmpty()) {
      return "";
    }
    Duration longest =
        alive.stream()
            .map(server -> server.aliveFor(written.now()))
            .max(Comparator.naturalOrder())
            .orElseThrow();
    return "servers of dtm4j have the tables open, and could not write to them any more: "
        + String.join(", ", alive.stream().map(Migrate::name).toList())
        + ". Stop them and run this again. One that is stopped in good order is not waited for; one"
        + " that was killed is taken for alive for another "
        + (longest.toSeconds() + 1)
        + " s";
  }

  private static String name(Servers.Known server) {
    String http = server.address().http();
    return server.name() + (http.isEmpty() ? "" : " (" + http + ")");
  }
}
