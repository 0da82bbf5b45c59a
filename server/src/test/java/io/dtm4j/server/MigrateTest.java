package io.dtm4j.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.databases.DatabaseServer;
import io.dtm4j.databases.DtmStructure;
import io.dtm4j.databases.MariaDbServer;
import io.dtm4j.databases.PostgresServer;
import io.dtm4j.server.config.ConfigParser;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tables that a DTM in Go has made, beside servers that have them open. */
@Tag("long")
@DisplayNameGeneration(ReplaceUnderscores.class)
class MigrateTest {
  /** Hours that clocks in MariaDB's tables are ahead of UTC. */
  private static final int AHEAD = 8;

  @TempDir Path folder;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @Test
  void no_table_of_MariaDB_is_changed_under_a_server_that_is_alive() throws Exception {
    noTableIsChangedUnderAServer(
        MariaDbServer::new, "utc_timestamp() + interval " + AHEAD + " hour - interval %d second");
  }

  @Test
  void no_table_of_PostgreSQL_is_changed_under_a_server_that_is_alive() throws Exception {
    noTableIsChangedUnderAServer(PostgresServer::new, "now() - interval '%d seconds'");
  }

  /**
   * @param ago so many seconds before now, as it stands in a column
   */
  private void noTableIsChangedUnderAServer(Callable<DatabaseServer> kind, String ago)
      throws Exception {
    DatabaseServer server = kind.call();
    try {
      server.execute("create database dtm");
      Path file = configuration(server.url("dtm"));
      try (Connection database = connect(server)) {
        DtmStructure.make(database);
        List<String> narrow = DtmStructure.of(database);
        try (var running = DtmServer.start(ConfigParser.load(file, Map.of(), Map.of()).config())) {
          String name = nameOfServer(database);

          assertThat(migrate(file, "--run")).isEqualTo(Main.CANNOT_START);
          assertThat(err.toString().strip())
              .startsWith("dtm4j: migrate --run: nothing was changed: servers of dtm4j have")
              .contains(name + " (" + running.httpUrl().replace("http://", "") + ")", "Stop them")
              .matches(".* for another [56]\\d s")
              .doesNotContain("\n");
          assertThat(migrate(file)).isEqualTo(Main.OK);
          assertThat(out.toString()).contains("-- Not to be run yet: servers", name);
        }
        assertThat(DtmStructure.of(database)).isEqualTo(narrow);

        noteServer(database, "crashed", ago.formatted(40));
        assertThat(migrate(file, "--run")).isEqualTo(Main.CANNOT_START);
        assertThat(err.toString())
            .contains("more: crashed. Stop")
            .containsPattern("another 2?\\d s");

        execute(database, "update kv set update_time = " + ago.formatted(62));
        assertThat(migrate(file, "--run")).as(err.toString()).isEqualTo(Main.OK);
        assertThat(out.toString()).contains("-- Done.");
        assertThat(DtmStructure.of(database)).isNotEqualTo(narrow);

        noteServer(database, "another", ago.formatted(0));
        assertThat(migrate(file, "--run")).as("there is nothing to change").isEqualTo(Main.OK);
      }
    } finally {
      server.stop();
    }
  }

  private Path configuration(String url) throws Exception {
    return Files.writeString(
        folder.resolve("conf.yml"),
        """
        BindAddress: 127.0.0.1
        HttpPort: %d
        GrpcPort: 0
        TimeZoneOffset: '+%d'
        Store: {Url: '%s', User: '%s', Password: '%s', SharedWithDtm: 0}
        Log: {Outputs: '%s'}
        """
            .formatted(
                FreePorts.next(),
                AHEAD,
                url,
                DatabaseServer.USER,
                DatabaseServer.PASSWORD,
                folder.resolve("log")));
  }

  private int migrate(Path file, String... options) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    var arguments = new ArrayList<>(List.of("migrate", "-c", file.toString()));
    arguments.addAll(List.of(options));
    return new Main(new PrintWriter(out, true), new PrintWriter(err, true))
        .run(arguments.toArray(new String[0]));
  }

  private static Connection connect(DatabaseServer server) throws SQLException {
    return DriverManager.getConnection(
        server.url("dtm"), DatabaseServer.USER, DatabaseServer.PASSWORD);
  }

  private static void execute(Connection database, String sql) throws SQLException {
    try (Statement statement = database.createStatement()) {
      statement.execute(sql);
    }
  }

  private static void noteServer(Connection database, String name, String time)
      throws SQLException {
    execute(
        database,
        "insert into kv (cat, k, v, version, create_time, update_time) values ('dtm4j-servers',"
            + " '%s', '{}', 1, %s, %s)".formatted(name, time, time));
  }

  /** The name of the only server, once it has written itself. */
  private static String nameOfServer(Connection database) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (System.nanoTime() < end) {
      try (Statement statement = database.createStatement();
          ResultSet rows = statement.executeQuery("select k from kv where cat = 'dtm4j-servers'")) {
        if (rows.next()) {
          return String.valueOf(rows.getString(1));
        }
      }
      TimeUnit.MILLISECONDS.sleep(50);
    }
    throw new AssertionError("the server has not written itself");
  }
}
