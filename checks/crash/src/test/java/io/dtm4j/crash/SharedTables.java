package io.dtm4j.crash;

import static java.util.Objects.requireNonNull;

import io.dtm4j.crash.Load.Habits;
import io.dtm4j.crash.ServerProcess.Setup;
import io.dtm4j.databases.DatabaseServer;
import io.dtm4j.databases.DtmStructure;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Tables that the original has made, on a database server of their own, the original, and a dtm4j
 * that has adopted them: how it is configured is what docs/stores.md says. Not thread-safe.
 */
final class SharedTables implements AutoCloseable {
  /** Not that of the database: both write wall clocks of their own zone into MariaDB. */
  private static final String ZONE = "America/New_York";

  private static final String READY = "{\"msg\":\"ready\"}";
  private static final Duration READY_WITHIN = Duration.ofSeconds(60);

  /** Each server reads them anew every three seconds. */
  private static final Duration TOPICS_KNOWN = Duration.ofSeconds(5);

  private final DatabaseServer database;
  private final String url;
  private final OriginalServer original;
  private final Setup setup;
  private final Api api;
  private @Nullable ServerProcess server;

  /** Starts the database, has the original make its tables, and leaves it running. */
  SharedTables(Cluster.Kind kind, Path folder) throws Exception {
    database = (DatabaseServer) kind.start();
    try {
      url = database.url(OriginalServer.DATABASE);
      database.execute("create database " + OriginalServer.DATABASE);
      // In PostgreSQL it finds what is due only where its own zone is that of the database.
      String zone = kind == Cluster.Kind.MARIADB ? ZONE : query("show timezone").getFirst();
      original = new OriginalServer(kind, database, zone, folder);
      setup =
          Setup.in(folder)
              .with(
                  Map.of(
                      "TZ",
                      zone,
                      "STORE_URL",
                      url,
                      "STORE_USER",
                      DatabaseServer.USER,
                      "STORE_PASSWORD",
                      DatabaseServer.PASSWORD,
                      "RETRY_INTERVAL",
                      Integer.toString(OriginalServer.RETRY_INTERVAL),
                      "REQUEST_TIMEOUT",
                      "1"))
              .shortLived();
      api = new Api(setup.url());
      original.startAnew();
    } catch (Throwable e) {
      database.stop();
      throw e;
    }
  }

  OriginalServer original() {
    return original;
  }

  /** That of dtm4j. */
  Api api() {
    return api;
  }

  /** Of both servers. */
  Api both() {
    return new Api(original.url(), setup.url());
  }

  /** Starts dtm4j; returns when it can do its work. */
  void start() {
    ServerProcess started = setup.launch();
    server = started;
    Await.nowAndThenUntil(
        () -> "dtm4j is ready" + started.output(),
        READY_WITHIN,
        () -> api.readiness().equals(READY));
  }

  /** The dtm4j that was started last. */
  ServerProcess server() {
    return requireNonNull(server);
  }

  /**
   * What clients do. They spare the original what it does wrongly by itself, too, be its fellow
   * another one of it or dtm4j (read in its dtmsvr/api.go, and tried):
   *
   * <ul>
   *   <li>The pass that follows a submit takes no claim. Once the retry interval is over the
   *       transaction is due, and whoever takes it up makes a second pass beside the first. So that
   *       interval is longer than a pass takes.
   *   <li>The submit of a TCC or an XA that is submitted already begins a pass on the branches of
   *       that request, which has none: what is stored is {@code succeed}, though no branch was
   *       confirmed. So none is repeated.
   * </ul>
   */
  Habits habits(List<Kind> kinds) {
    return new Habits(kinds, OriginalServer.RETRY_INTERVAL, false, false);
  }

  /** Makes the subscribers of a bank's topic known to whoever runs. */
  void subscribe(Api through, BankParticipants bank) {
    var transactions = new Transactions(bank);
    transactions.subscribers().forEach(one -> through.subscribe(transactions.topic(), one));
    Await.pass(TOPICS_KNOWN);
  }

  /** Of the three tables, to the last word. */
  List<String> structure() {
    try (Connection connection = connect()) {
      return DtmStructure.of(connection);
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The modes of unfinished transactions with their statuses, each pair once. */
  List<String> open() {
    return query(
        "select distinct concat(trans_type, ' ', status) from trans_global"
            + " where status in ('prepared', 'submitted', 'aborting')");
  }

  /** The first column of a query's rows. */
  List<String> query(String select) {
    try (Connection connection = connect();
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(select)) {
      var all = new ArrayList<String>();
      while (rows.next()) {
        all.add(String.valueOf(rows.getString(1)));
      }
      return all;
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  void execute(String... statements) {
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      for (String one : statements) {
        statement.execute(one);
      }
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  private Connection connect() throws SQLException {
    return DriverManager.getConnection(url, DatabaseServer.USER, DatabaseServer.PASSWORD);
  }

  @Override
  public void close() {
    if (server != null) {
      server.close();
    }
    original.close();
    try {
      database.stop();
    } catch (Exception e) {
      throw new IllegalStateException("the database does not stop", e);
    }
  }
}
