package io.dtm4j.server.config;

import java.nio.file.Path;
import java.time.Duration;

/** Which store keeps the transactions; {@code Store.Driver}, default {@code rocksdb}. */
public sealed interface StoreConfig {
  /** The name under which {@code Store.Driver} asks for it. */
  String driver();

  /**
   * The embedded store; {@code rocksdb}, and {@code boltdb} for configurations of DTM.
   *
   * @param directory where its files are; {@code Store.Dir}, default {@code ./dtm4j-data}
   * @param sync whether a commit waits until the disk has it; {@code Store.Sync}, default 1
   * @param dataExpire how long a finished transaction is kept, zero or less: for ever; {@code
   *     Store.DataExpire}, default 7 days
   */
  record RocksDb(Path directory, boolean sync, Duration dataExpire) implements StoreConfig {
    public static final RocksDb DEFAULTS =
        new RocksDb(Path.of("dtm4j-data"), true, Duration.ofDays(7));

    public RocksDb {
      new Checks()
          .check(!directory.toString().isEmpty(), "Store.Dir", directory, "a directory")
          .done();
    }

    @Override
    public String driver() {
      return "rocksdb";
    }

    @Override
    public String toString() {
      return directory.toAbsolutePath().normalize().toString();
    }
  }

  /**
   * A SQL database.
   *
   * @param driver {@code mysql}, {@code postgres} or {@code sqlserver}
   * @param database {@code Store.Db}, default {@code dtm}
   * @param schema {@code Store.Schema}, default {@code public}; PostgreSQL only
   * @param maxOpen most connections; {@code Store.MaxOpenConns}, default 500
   * @param maxIdle most idle connections; {@code Store.MaxIdleConns}, default 500
   * @param maxLife age at which a connection is replaced; {@code Store.ConnMaxLifeTime}, default 5
   *     minutes
   */
  record Sql(
      String driver,
      String host,
      int port,
      String user,
      String password,
      String database,
      String schema,
      int maxOpen,
      int maxIdle,
      Duration maxLife)
      implements StoreConfig {
    public static final String DATABASE = "dtm";
    public static final String SCHEMA = "public";
    public static final int MAX_CONNECTIONS = 500;
    public static final Duration MAX_LIFE = Duration.ofMinutes(5);

    public Sql {
      new Checks()
          .check(!host.isEmpty(), "Store.Host", host, "a host name")
          .check(port >= 1 && port <= ServerConfig.MAX_PORT, "Store.Port", port, "1 to 65535")
          .check(!user.isEmpty(), "Store.User", user, "a user")
          .check(!schema.isEmpty(), "Store.Schema", schema, "a schema")
          .check(maxOpen >= 1, "Store.MaxOpenConns", maxOpen, ">= 1")
          .check(maxIdle >= 0, "Store.MaxIdleConns", maxIdle, ">= 0")
          .check(!maxLife.isNegative(), "Store.ConnMaxLifeTime", maxLife.toMinutes(), ">= 0")
          .done();
    }

    /** Without the password. */
    @Override
    public String toString() {
      return driver + "://" + user + "@" + host + ":" + port + "/" + database;
    }
  }

  /**
   * Redis, alone or a cluster.
   *
   * @param host a host, or {@code host:port,host:port} of a cluster
   * @param dataExpire how long data is kept; {@code Store.DataExpire}, default 7 days
   * @param finishedDataExpire how long a finished transaction is kept; {@code
   *     Store.FinishedDataExpire}, default 1 day
   * @param prefix begin of all keys; {@code Store.RedisPrefix}
   */
  record Redis(
      String host,
      int port,
      String user,
      String password,
      Duration dataExpire,
      Duration finishedDataExpire,
      String prefix)
      implements StoreConfig {
    public static final Duration FINISHED_DATA_EXPIRE = Duration.ofDays(1);
    public static final String PREFIX = "{a}";

    public Redis {
      new Checks()
          .check(!host.isEmpty(), "Store.Host", host, "a host name")
          .check(port >= 1 && port <= ServerConfig.MAX_PORT, "Store.Port", port, "1 to 65535")
          .check(dataExpire.toSeconds() >= 1, "Store.DataExpire", seconds(dataExpire), ">= 1")
          .check(
              finishedDataExpire.toSeconds() >= 1,
              "Store.FinishedDataExpire",
              seconds(finishedDataExpire),
              ">= 1")
          .done();
    }

    @Override
    public String driver() {
      return "redis";
    }

    /** Without the password. */
    @Override
    public String toString() {
      return "redis://" + host + ":" + port;
    }
  }

  private static long seconds(Duration duration) {
    return duration.toSeconds();
  }
}
