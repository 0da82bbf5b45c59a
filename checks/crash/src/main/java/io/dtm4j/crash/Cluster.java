package io.dtm4j.crash;

import static java.util.Objects.requireNonNull;

import io.dtm4j.crash.ServerProcess.Setup;
import io.dtm4j.databases.DatabaseServer;
import io.dtm4j.databases.MariaDbServer;
import io.dtm4j.databases.PostgresServer;
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
import java.util.Random;
import java.util.TreeMap;

/** Two servers that share a database. */
final class Cluster implements Site {
  /** The kinds of databases. */
  enum Kind {
    MARIADB("timestampdiff(microsecond, next_cron_time, utc_timestamp(3)) div 1000") {
      @Override
      DatabaseServer start() throws Exception {
        return new MariaDbServer();
      }
    },
    POSTGRES("cast(1000 * extract(epoch from clock_timestamp() - next_cron_time) as bigint)") {
      @Override
      DatabaseServer start() throws Exception {
        return new PostgresServer();
      }
    };

    private final String overdue;

    Kind(String overdue) {
      this.overdue = overdue;
    }

    /** Makes a database server of its own. */
    abstract DatabaseServer start() throws Exception;
  }

  /**
   * An unfinished transaction as it is stored.
   *
   * @param process of the server that wrote it last, as its claims are named
   * @param isHeld whether somebody works on it
   * @param overdue since when it could be claimed; negative: not yet
   */
  record Open(String gid, String process, boolean isHeld, Duration overdue) {}

  /**
   * A transaction as it is stored.
   *
   * @param process of the server that wrote it last, as its claims are named
   * @param extra what dtm4j keeps beyond DTM's record
   */
  record Kept(String process, String extra) {}

  /** Of a request timeout of one second a lease of six follows (docs/architecture.md, R7). */
  static final Duration LEASE = Duration.ofSeconds(6);

  /** And a safety net that comes too late for whoever expects a take-over within a second. */
  private static final Map<String, String> SHORT_LEASES =
      Map.of(
          "RETRY_INTERVAL", "3",
          "TIMEOUT_TO_FAIL", "3",
          "REQUEST_TIMEOUT", "1",
          "TRANS_CRON_INTERVAL", "10");

  /** What it may come to, each of them once. */
  static final List<Harm> HARMS =
      List.of(Harm.KILL, Harm.KILL_DATABASE, Harm.STANDSTILL, Harm.KILL_ALL, Harm.RESTART_DATABASE);

  static final int SERVERS = 2;
  private static final String READY = "{\"msg\":\"ready\"}";
  private static final Duration READY_WITHIN = Duration.ofSeconds(60);
  private static final Duration AWAY = Duration.ofSeconds(3);

  private final Kind kind;
  private final DatabaseServer database;
  private final String name;
  private final List<Setup> setups = new ArrayList<>();

  /** Those last started, by their numbers. */
  private final Map<Integer, ServerProcess> servers = new TreeMap<>();

  private final List<Api> apis;
  private final Api api;

  /**
   * @param database of that kind; it is not closed with this
   * @param name of a database to be made on it
   * @param folder where servers keep their logs
   */
  Cluster(Kind kind, DatabaseServer database, String name, Path folder) {
    this.kind = kind;
    this.database = database;
    this.name = name;
    try {
      database.execute("create database " + name);
    } catch (SQLException e) {
      throw new IllegalStateException("no database " + name, e);
    }
    for (int i = 0; i < SERVERS; i++) {
      setups.add(
          Setup.in(folder)
              .with(SHORT_LEASES)
              .and(
                  Map.of(
                      "STORE_URL", database.url(name),
                      "STORE_USER", DatabaseServer.USER,
                      "STORE_PASSWORD", DatabaseServer.PASSWORD))
              .shortLived());
    }
    apis = setups.stream().map(setup -> new Api(setup.url())).toList();
    api = new Api(setups.stream().map(Setup::url).toArray(String[]::new));
  }

  @Override
  public Api api() {
    return api;
  }

  /** One of its servers. */
  Api api(int number) {
    return apis.get(number);
  }

  ServerProcess server(int number) {
    ServerProcess server = servers.get(number);
    if (server == null) {
      throw new IllegalStateException("server " + number + " was not started");
    }
    return server;
  }

  @Override
  public void start() {
    for (int i = 0; i < SERVERS; i++) {
      servers.put(i, setups.get(i).launch());
    }
    awaitReady();
  }

  /** One of them will be of another version, as {@link Setup#patched}. */
  void patch(int number, Path classes) {
    setups.set(number, setups.get(number).patched(classes));
  }

  /** All transactions, by gid. */
  Map<String, Kept> kept() {
    Map<String, Kept> all = new TreeMap<>();
    read(
        "select gid, owner, ext_data from trans_global",
        row ->
            all.put(
                requireNonNull(row.getString(1)),
                new Kept(
                    process(requireNonNull(row.getString(2)).split(":", -1)[3]),
                    requireNonNull(row.getString(3)))));
    return all;
  }

  /** Starts one of them anew. */
  void start(int number) {
    servers.put(number, setups.get(number).launch());
    awaitReady();
  }

  /** Until all can do their work. */
  void awaitReady() {
    Await.nowAndThenUntil(
        "all servers are ready",
        READY_WITHIN,
        () -> apis.stream().allMatch(one -> one.readiness().equals(READY)));
  }

  @Override
  public long harm(Harm harm, Random random) {
    int one = random.nextInt(SERVERS);
    switch (harm) {
      case KILL -> {
        server(one).kill();
        Await.pass(upTo(LEASE.plusSeconds(1), random));
        start(one);
      }
      case KILL_ALL -> {
        close();
        start();
      }
      case STANDSTILL -> {
        server(one).standStill();
        Await.pass(LEASE.plus(upTo(LEASE, random)));
        server(one).goOn();
      }
      case KILL_DATABASE -> {
        killDatabase(upTo(AWAY, random));
      }
      case RESTART_DATABASE -> {
        restartDatabase();
      }
      case KILL_TWICE, POWER_CUT ->
          throw new IllegalArgumentException(harm + " is for the embedded store");
    }
    return 0;
  }

  private static Duration upTo(Duration most, Random random) {
    return Duration.ofMillis(random.nextLong(most.toMillis()));
  }

  /** Kills the database and starts it after that time. */
  void killDatabase(Duration away) {
    try {
      database.kill();
      Await.pass(away);
      database.start();
    } catch (Exception e) {
      throw new IllegalStateException("the database does not come back", e);
    }
    awaitReady();
  }

  /** Restarts the database in good order. */
  void restartDatabase() {
    try {
      database.shutDown();
      database.start();
    } catch (Exception e) {
      throw new IllegalStateException("the database does not come back", e);
    }
    awaitReady();
  }

  /** What is unfinished, as the database has it. */
  List<Open> open() {
    List<Open> all = new ArrayList<>();
    read(
        "select gid, owner, "
            + kind.overdue
            + " from trans_global where status in ('prepared', 'submitted', 'aborting')",
        row -> {
          String[] owner = requireNonNull(row.getString(2)).split(":", -1);
          all.add(
              new Open(
                  requireNonNull(row.getString(1)),
                  process(owner[3]),
                  !owner[1].equals("r"),
                  Duration.ofMillis(row.getLong(3))));
        });
    return all;
  }

  private interface Row {
    void read(ResultSet row) throws SQLException;
  }

  private void read(String select, Row row) {
    try (Connection connection =
            DriverManager.getConnection(
                database.url(name), DatabaseServer.USER, DatabaseServer.PASSWORD);
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(select)) {
      while (rows.next()) {
        row.read(rows);
      }
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  /** What a server calls itself in claims. */
  private static String process(String claim) {
    return claim.substring(0, claim.lastIndexOf('-'));
  }

  @Override
  public void close() {
    servers.values().forEach(ServerProcess::close);
  }
}
