package io.dtm4j.crash;

import io.dtm4j.crash.Records.Kept;
import io.dtm4j.crash.Records.Open;
import io.dtm4j.crash.ServerProcess.Setup;
import io.dtm4j.databases.DatabaseServer;
import io.dtm4j.databases.MariaDbServer;
import io.dtm4j.databases.MongoLikeServer;
import io.dtm4j.databases.PostgresServer;
import io.dtm4j.databases.RedisCluster;
import io.dtm4j.databases.RedisServer;
import io.dtm4j.databases.StoreServer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/** Two servers that share a store. */
final class Cluster implements Site {
  /** The kinds of stores. */
  enum Kind {
    MARIADB {
      @Override
      StoreServer start() throws Exception {
        return new MariaDbServer();
      }

      @Override
      Records records(StoreServer server, String name, Api api) {
        return new SqlRecords(
            (DatabaseServer) server,
            name,
            "timestampdiff(microsecond, next_cron_time, utc_timestamp(3)) div 1000");
      }
    },
    POSTGRES {
      @Override
      StoreServer start() throws Exception {
        return new PostgresServer();
      }

      @Override
      Records records(StoreServer server, String name, Api api) {
        return new SqlRecords(
            (DatabaseServer) server,
            name,
            "cast(1000 * extract(epoch from clock_timestamp() - next_cron_time) as bigint)");
      }
    },
    /** One server that syncs each write. */
    REDIS {
      @Override
      StoreServer start() throws Exception {
        return RedisServer.durable();
      }

      @Override
      Records records(StoreServer server, String name, Api api) {
        return new ListedRecords(api, () -> ((RedisServer) server).texts(name));
      }
    },
    /** Three of them; what comes to harm is the first. */
    REDIS_CLUSTER {
      @Override
      StoreServer start() throws Exception {
        return RedisCluster.durable();
      }

      @Override
      Records records(StoreServer server, String name, Api api) {
        return new ListedRecords(api, () -> ((RedisCluster) server).texts(name));
      }
    },
    /** A server that speaks like MongoDB. */
    MONGODB {
      @Override
      StoreServer start() throws Exception {
        return new MongoLikeServer();
      }

      @Override
      Records records(StoreServer server, String name, Api api) {
        return new ListedRecords(api, () -> ((MongoLikeServer) server).texts(name));
      }
    };

    /** Makes a server of its own. */
    abstract StoreServer start() throws Exception;

    /**
     * What is stored.
     *
     * @param api of a server of dtm4j that is there when it is asked for
     */
    abstract Records records(StoreServer server, String name, Api api);
  }

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

  private final StoreServer database;
  private final Records records;
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
  Cluster(Kind kind, StoreServer database, String name, Path folder) {
    this.database = database;
    Map<String, String> settings;
    try {
      settings = database.create(name);
    } catch (Exception e) {
      throw new IllegalStateException("no database " + name, e);
    }
    for (int i = 0; i < SERVERS; i++) {
      setups.add(Setup.in(folder).with(SHORT_LEASES).and(settings).shortLived());
    }
    apis = setups.stream().map(setup -> new Api(setup.url())).toList();
    api = new Api(setups.stream().map(Setup::url).toArray(String[]::new));
    records = kind.records(database, name, apis.getLast());
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

  /** What is unfinished, as it is stored; the last of the servers has to be there. */
  List<Open> open() {
    return records.open();
  }

  /** All transactions, by gid; likewise. */
  Map<String, Kept> kept() {
    return records.kept();
  }

  @Override
  public void close() {
    servers.values().forEach(ServerProcess::close);
  }
}
