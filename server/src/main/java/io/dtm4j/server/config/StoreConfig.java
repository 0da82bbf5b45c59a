package io.dtm4j.server.config;

import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneId;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Which store keeps the transactions; {@code Store.Driver}, default {@code rocksdb}. */
public sealed interface StoreConfig {
  /** How urls begin, and the drivers that they are for. */
  Map<String, String> SCHEMES =
      Map.of(
          "jdbc:mariadb:", "mariadb",
          "jdbc:mysql:", "mysql",
          "jdbc:postgresql:", "postgres",
          "redis://", "redis",
          "rediss://", "redis",
          "redis-sentinel://", "redis",
          "rediss-sentinel://", "redis",
          "mongodb://", "mongodb",
          "mongodb+srv://", "mongodb");

  /**
   * Least time that a shared store keeps what has ended. A server that was cut off while it stored
   * a transaction repeats that (R6); when the record has come to its end at another server and was
   * deleted meanwhile the transaction would begin anew.
   */
  Duration LEAST_EXPIRE = Duration.ofHours(1);

  /** What {@link #isLongEnough} expects. */
  String LONG_ENOUGH = "0, for ever, or >= " + LEAST_EXPIRE.toSeconds();

  /** The name under which {@code Store.Driver} asks for it. */
  String driver();

  /** Whether it is a server of its own, which other servers use, too, and which may come later. */
  default boolean isShared() {
    return !(this instanceof RocksDb);
  }

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
   * A SQL database, which any number of servers share.
   *
   * @param driver {@code mysql}, {@code mariadb} or {@code postgres}; {@code Store.Driver}
   * @param url of JDBC; {@code Store.Url}, or {@link #url made} of host, port, database and schema
   * @param user {@code Store.User}; "": the url says it
   * @param password {@code Store.Password}
   * @param maxOpen most connections for writes, and as many again for reads; {@code
   *     Store.MaxOpenConns}, default 500, of which only few are ever opened
   * @param dataExpire how long a finished transaction is kept, zero: for ever, else an hour at
   *     least; {@code Store.SqlDataExpire}, default 0
   * @param shared whether a DTM in Go works on the tables, too; {@code Store.SharedWithDtm},
   *     default null: as the database says
   * @param zone of the times that a DTM in Go has written; {@code TimeZoneOffset}, default null: as
   *     the database says, else the system's
   */
  record Sql(
      String driver,
      String url,
      String user,
      String password,
      int maxOpen,
      Duration dataExpire,
      @Nullable Boolean shared,
      @Nullable ZoneId zone)
      implements StoreConfig {
    public static final String DATABASE = "dtm";
    public static final String SCHEMA = "public";
    public static final int MAX_CONNECTIONS = 500;

    public Sql {
      new Checks()
          .check(maxOpen >= 1, "Store.MaxOpenConns", maxOpen, ">= 1")
          .check(isLongEnough(dataExpire), "Store.SqlDataExpire", seconds(dataExpire), LONG_ENOUGH)
          .done();
    }

    /**
     * The url of these keys (docs/spec/config.md 4). As DTM does, MariaDB and MySQL are spoken to
     * without TLS; who wants it says so in {@code Store.Url}. PostgreSQL's driver takes it when the
     * server has it.
     *
     * @param database {@code Store.Db}, default {@code dtm}
     * @param schema {@code Store.Schema}, default {@code public}; PostgreSQL only
     */
    static String url(
        String driver, String host, int port, String user, String database, String schema) {
      new Checks()
          .check(isName(host), "Store.Host", host, "a host name")
          .check(port >= 1 && port <= ServerConfig.MAX_PORT, "Store.Port", port, "1 to 65535")
          .check(!user.isEmpty(), "Store.User", user, "a user")
          .check(isName(database), "Store.Db", database, "the name of a database")
          .check(isName(schema), "Store.Schema", schema, "a schema")
          .done();
      String address = (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
      return driver.equals("postgres")
          ? "jdbc:postgresql://" + address + "/" + database + "?currentSchema=" + schema
          : "jdbc:" + driver + "://" + address + "/" + database + "?sslMode=disable";
    }

    /** Without the password, and without the parameters, which may hold one. */
    @Override
    public String toString() {
      int end = url.indexOf('?') < 0 ? url.length() : url.indexOf('?');
      return url.substring(0, end).replaceAll("(?<=://)[^/]*@", "");
    }
  }

  /**
   * Redis: one server, a Cluster, or what Sentinels name.
   *
   * @param hosts {@code host:port} of one server or of several of a Cluster, of {@code Store.Host}
   *     and {@code Store.Port}; or one url, {@code Store.Url}
   * @param finishedDataExpire how long a finished transaction is kept, zero: for ever, else an hour
   *     at least; {@code Store.FinishedDataExpire}, default 1 day
   * @param prefix begin of all keys; {@code Store.RedisPrefix}, default {@code {a}}, which counts
   *     as not set
   * @param replicas how many replicas have a write before it counts as stored; {@code
   *     Store.RedisWait}, default 0
   */
  record Redis(
      List<String> hosts,
      String user,
      String password,
      Duration finishedDataExpire,
      String prefix,
      int replicas)
      implements StoreConfig {
    public static final Duration FINISHED_DATA_EXPIRE = Duration.ofDays(1);

    public static final String PREFIX = "{a}";

    public Redis {
      hosts = List.copyOf(hosts);
      new Checks()
          .check(
              isLongEnough(finishedDataExpire),
              "Store.FinishedDataExpire",
              seconds(finishedDataExpire),
              LONG_ENOUGH)
          .check(
              prefix.equals(PREFIX) || prefix.chars().noneMatch(c -> c == '{' || c == '}'),
              "Store.RedisPrefix",
              prefix,
              "no braces, which would keep all keys on one server of a Cluster")
          .check(replicas >= 0, "Store.RedisWait", replicas, ">= 0")
          .done();
    }

    /**
     * The hosts of these keys (docs/spec/config.md 4).
     *
     * @param host a host, or {@code host:port,host:port} of a Cluster
     */
    static List<String> hosts(String host, int port) {
      List<String> several = List.of(host.split(",", -1));
      boolean isCluster = several.size() > 1;
      new Checks()
          .check(
              !host.isEmpty()
                  && several.stream()
                      .allMatch(
                          one ->
                              isCluster
                                  ? one.matches("[^\\s/@]+:\\d+") && hasPort(one)
                                  : isName(one)),
              "Store.Host",
              host,
              "a host name, or host:port,host:port of a Cluster")
          .check(
              isCluster || (port >= 1 && port <= ServerConfig.MAX_PORT),
              "Store.Port",
              port,
              "1 to 65535")
          .done();
      String bracketed = host.contains(":") ? "[" + host + "]" : host;
      return isCluster ? several : List.of(bracketed + ":" + port);
    }

    /**
     * The hosts of a url: that of a Cluster, {@code rediss://host:port,host:port}, is one for each
     * of them, with all else that it says.
     */
    static List<String> hosts(String url) {
      if (url.contains("-sentinel://")) {
        return List.of(url); // these are Sentinels
      }
      int begin = Math.max(url.indexOf("://") + 3, url.lastIndexOf('@') + 1);
      int end = begin;
      while (end < url.length() && "/?#".indexOf(url.charAt(end)) < 0) {
        end++;
      }
      List<String> hosts = List.of(url.substring(begin, end).split(",", -1));
      new Checks()
          .check(
              hosts.stream().noneMatch(String::isEmpty),
              "Store.Url",
              "(not shown)",
              "rediss://host:port, or rediss://host:port,host:port of a Cluster")
          .done();
      String before = url.substring(0, begin);
      String behind = url.substring(end);
      return hosts.stream().map(host -> before + host + behind).toList();
    }

    @Override
    public String driver() {
      return "redis";
    }

    /** Without the password. */
    @Override
    public String toString() {
      return "redis " + String.join(",", hosts.stream().map(StoreConfig::shown).toList());
    }
  }

  /**
   * MongoDB, a replica set or what stands before several.
   *
   * @param url {@code mongodb://...} or {@code mongodb+srv://...}, user and password in it; {@code
   *     Store.Url}
   * @param database {@code Store.Db}, default {@code dtm}
   * @param dataExpire how long a finished transaction is kept, zero: for ever, else an hour at
   *     least; {@code Store.DataExpire}, default 7 days
   */
  record Mongo(String url, String database, Duration dataExpire) implements StoreConfig {
    public Mongo {
      new Checks()
          .check(
              url.startsWith("mongodb://") || url.startsWith("mongodb+srv://"),
              "Store.Url",
              "(not shown)",
              "mongodb://... or mongodb+srv://...")
          .check(isName(database), "Store.Db", database, "the name of a database")
          .check(isLongEnough(dataExpire), "Store.DataExpire", seconds(dataExpire), LONG_ENOUGH)
          .done();
    }

    @Override
    public String driver() {
      return "mongodb";
    }

    /** Without what may be secret. */
    @Override
    public String toString() {
      return shown(url) + "/" + database;
    }
  }

  /** The name of the driver that such a url is for; null: of none. */
  static @Nullable String driverOf(String url) {
    return SCHEMES.entrySet().stream()
        .filter(scheme -> url.startsWith(scheme.getKey()))
        .map(Map.Entry::getValue)
        .findFirst()
        .orElse(null);
  }

  /**
   * Whether what stands behind the colons of its hosts are ports. Those of most drivers are read
   * when a connection is wanted only, as if the server were away.
   */
  static boolean hasPorts(String url) {
    int begin = url.indexOf("//") < 0 ? url.length() : url.indexOf("//") + 2;
    String authority = url.substring(begin).replaceAll("[/?#].*", "");
    String hosts = authority.substring(authority.lastIndexOf('@') + 1);
    return Arrays.stream(hosts.split(",", -1)).allMatch(StoreConfig::hasPort);
  }

  private static boolean hasPort(String host) {
    String behind = host.substring(host.lastIndexOf(']') + 1);
    int colon = behind.indexOf(':');
    return colon < 0 || isPort(behind.substring(colon + 1));
  }

  private static boolean isPort(String text) {
    return text.matches("\\d{1,5}")
        && Integer.parseInt(text) >= 1
        && Integer.parseInt(text) <= ServerConfig.MAX_PORT;
  }

  /** Whether a url can carry it as it is. */
  private static boolean isName(String text) {
    return !text.isEmpty() && text.chars().noneMatch(c -> c <= ' ' || "/?&#%@,;".indexOf(c) >= 0);
  }

  /** Scheme and hosts of a url: behind them, and in front of an @, there may be secrets. */
  private static String shown(String url) {
    int begin = url.indexOf("//") < 0 ? 0 : url.indexOf("//") + 2;
    String rest = url.substring(begin);
    rest = rest.substring(rest.lastIndexOf('@') + 1);
    return url.substring(0, begin) + rest.replaceAll("[/?#].*", "");
  }

  private static boolean isLongEnough(Duration expire) {
    return expire.isZero() || expire.compareTo(LEAST_EXPIRE) >= 0;
  }

  private static long seconds(Duration duration) {
    return duration.toSeconds();
  }
}
