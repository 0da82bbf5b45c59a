package io.dtm4j.server.config;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.dtm4j.server.config.ServerConfig.Alert;
import io.dtm4j.server.config.ServerConfig.Discovery;
import io.dtm4j.server.config.ServerConfig.Limits;
import io.dtm4j.server.config.ServerConfig.Listen;
import io.dtm4j.server.config.ServerConfig.Log;
import io.dtm4j.server.config.ServerConfig.Timing;
import io.dtm4j.server.config.StoreConfig.Mongo;
import io.dtm4j.server.config.StoreConfig.Redis;
import io.dtm4j.server.config.StoreConfig.RocksDb;
import io.dtm4j.server.config.StoreConfig.Sql;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.Level;

/** From keys to the records of {@link ServerConfig}: the one place that knows the names. */
public final class ConfigParser {
  /** Keys of DTM that mean nothing here; each with its reason in conf.sample.yml. */
  static final Set<String> WITHOUT_MEANING =
      Set.of(
          "JsonRpcPort",
          "ConfigUpdateInterval",
          "GrpcBalancer",
          "HttpMicroService.Driver",
          "HttpMicroService.RegistryType",
          "HttpMicroService.RegistryAddress",
          "HttpMicroService.RegistryOptions",
          "HttpMicroService.Target",
          "HttpMicroService.EndPoint",
          "Store.MaxIdleConns",
          "Store.ConnMaxLifeTime",
          "UpdateBranchSync",
          "UpdateBranchAsyncGoroutineNum");

  /** Keys that are read and that this version does nothing with. */
  static final Set<String> NOT_YET =
      Set.of(
          "MicroService.Driver", "MicroService.Target", "MicroService.EndPoint", "AdminBasePath");

  private static final List<String> DRIVERS =
      List.of("rocksdb", "boltdb", "mysql", "mariadb", "postgres", "redis", "mongodb");
  private static final String URLS =
      "jdbc:mariadb://..., jdbc:mysql://... or jdbc:postgresql://...";
  private static final int FAR = 3;
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private final Settings settings;
  private final List<String> problems = new ArrayList<>();

  private ConfigParser(Settings settings) {
    this.settings = settings;
  }

  /**
   * Reads a configuration.
   *
   * @param file null: none
   * @param options keys and values of the command line; they beat the file
   * @param environment only names of keys are looked at
   * @throws ConfigException with everything that is wrong
   */
  public static LoadedConfig load(
      @Nullable Path file, Map<String, String> options, Map<String, String> environment) {
    Map<String, String> inFile = file == null ? Map.of() : YamlFile.read(file);
    var settings = new Settings(options, inFile, environment);
    ServerConfig config = new ConfigParser(settings).parse();
    List<String> warnings = warnings(settings, inFile.keySet(), config.store());
    return new LoadedConfig(config, warnings, shown(settings));
  }

  private ServerConfig parse() {
    // The order of the problems: docs/spec/config.md 4 wants the rules of Timing first, then the
    // store.
    Timing timing = section(this::timing, Timing.DEFAULTS);
    ZoneId zone = zone();
    StoreConfig store = section(() -> store(zone), RocksDb.DEFAULTS);
    Listen listen = section(this::listen, Listen.DEFAULTS);
    Limits limits = section(this::limits, Limits.DEFAULTS);
    Log log = section(this::log, Log.DEFAULTS);
    Alert alert = section(this::alert, Alert.DEFAULTS);
    Discovery discovery = section(this::discovery, Discovery.DEFAULTS);
    problems.addAll(0, settings.problems());
    if (!problems.isEmpty()) {
      throw new ConfigException(problems);
    }
    return new ServerConfig(store, listen, timing, limits, log, alert, discovery, zone);
  }

  /** One record, or its default when it is wrong, so that the other problems are found, too. */
  private <T> T section(Supplier<T> read, T byDefault) {
    try {
      return read.get();
    } catch (ConfigException e) {
      problems.addAll(e.problems());
      return byDefault;
    }
  }

  private Timing timing() {
    Timing d = Timing.DEFAULTS;
    return new Timing(
        settings.seconds("RetryInterval", d.retryInterval()),
        settings.seconds("TimeoutToFail", d.timeoutToFail()),
        settings.seconds("RequestTimeout", d.requestTimeout()),
        settings.seconds("TransCronInterval", d.transCronInterval()),
        settings.seconds("MinRetryInterval", d.minRetryInterval()));
  }

  /** All keys are read whatever the driver: a key of another store is no typing error. */
  private StoreConfig store(ZoneId zone) {
    String url = settings.secret("Store.Url");
    String driver = settings.text("Store.Driver", driverOf(url));
    Path directory = path("Store.Dir", RocksDb.DEFAULTS.directory());
    boolean sync = settings.flag("Store.Sync", RocksDb.DEFAULTS.sync());
    String host = settings.text("Store.Host", "");
    int port = settings.number("Store.Port", 0);
    String user = settings.text("Store.User", "");
    String password = settings.secret("Store.Password");
    String database = settings.text("Store.Db", Sql.DATABASE);
    String schema = settings.text("Store.Schema", Sql.SCHEMA);
    int maxOpen = settings.number("Store.MaxOpenConns", Sql.MAX_CONNECTIONS);
    var sqlExpire = settings.seconds("Store.SqlDataExpire", Duration.ZERO);
    Boolean shared = settings.flagOrNull("Store.SharedWithDtm");
    var dataExpire = settings.seconds("Store.DataExpire", RocksDb.DEFAULTS.dataExpire());
    var finished = settings.seconds("Store.FinishedDataExpire", Redis.FINISHED_DATA_EXPIRE);
    String prefix = settings.text("Store.RedisPrefix", Redis.PREFIX);
    int replicas = settings.number("Store.RedisWait", 0);
    if (!url.isEmpty() && !driver.equals(StoreConfig.driverOf(url))) {
      settings.problem("Store.Url", "(not shown)", URLS + "; it has to fit Store.Driver");
      return RocksDb.DEFAULTS;
    }
    if (!StoreConfig.hasPorts(url)) {
      settings.problem("Store.Url", "(not shown)", "host:port, with a port from 1 to 65535");
      return RocksDb.DEFAULTS;
    }
    return switch (driver) {
      case "rocksdb", "boltdb" -> new RocksDb(directory, sync, dataExpire);
      case "mysql", "mariadb", "postgres" -> {
        String address = url.isEmpty() ? Sql.url(driver, host, port, user, database, schema) : url;
        ZoneId zoneOfTimes = settings.isGiven("TimeZoneOffset") ? zone : null;
        yield new Sql(driver, address, user, password, maxOpen, sqlExpire, shared, zoneOfTimes);
      }
      case "redis" -> {
        List<String> hosts = url.isEmpty() ? Redis.hosts(host, port) : Redis.hosts(url);
        yield new Redis(hosts, user, password, finished, prefix, replicas);
      }
      case "mongodb" -> new Mongo(url, database, dataExpire);
      case "sqlserver" -> {
        String others = String.join(", ", DRIVERS);
        settings.problem("Store.Driver", driver, others + "; sqlserver is planned, not yet there");
        yield RocksDb.DEFAULTS;
      }
      default -> {
        settings.problem("Store.Driver", driver, String.join(", ", DRIVERS));
        yield RocksDb.DEFAULTS;
      }
    };
  }

  /** What the url is for; that of a wrong one is told by its own problem. */
  private static String driverOf(String url) {
    String driver = url.isEmpty() ? null : StoreConfig.driverOf(url);
    return driver == null ? RocksDb.DEFAULTS.driver() : driver;
  }

  private Path path(String key, Path byDefault) {
    String text = settings.text(key, byDefault.toString());
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      settings.problem(key, text, "a path: " + e.getReason());
      return byDefault;
    }
  }

  private Listen listen() {
    Listen d = Listen.DEFAULTS;
    return new Listen(
        settings.text("BindAddress", d.bindAddress()),
        settings.number("HttpPort", d.httpPort()),
        settings.number("GrpcPort", d.grpcPort()),
        settings.text("AdminBasePath", d.adminBasePath()));
  }

  private Limits limits() {
    Limits d = Limits.DEFAULTS;
    return new Limits(
        settings.number("Limits.OpenPasses", d.openPasses()),
        settings.number("Limits.CallsPerDestination", d.callsPerDestination()),
        settings.number("Limits.QueuePerDestination", d.queuePerDestination()),
        settings.number("Limits.BodyBytes", d.bodyBytes()),
        settings.number("Limits.AnswerBytes", d.answerBytes()));
  }

  private Log log() {
    Level level = oneOf("LogLevel", Log.DEFAULTS.level(), "debug", "info", "warn", "error");
    String outputs = settings.text("Log.Outputs", String.join(",", Log.DEFAULTS.outputs()));
    Log.Format format = oneOf("Log.Format", Log.DEFAULTS.format(), "text", "json");
    boolean rotates = settings.flag("Log.RotationEnable", false);
    Log.Rotation rotation = rotation(settings.text("Log.RotationConfigJSON", "{}"));
    return new Log(
        level,
        Arrays.stream(outputs.split(",")).map(String::strip).filter(o -> !o.isEmpty()).toList(),
        format,
        rotates ? rotation : null);
  }

  private Log.Rotation rotation(String json) {
    try {
      JsonNode members = JSON.readTree(json);
      if (members.isObject() || members.isMissingNode()) { // "" says nothing
        Log.Rotation d = Log.Rotation.DEFAULTS;
        int megabytes = member(members, "maxsize", 0);
        return new Log.Rotation(
            megabytes == 0 ? d.megabytes() : megabytes,
            member(members, "maxage", d.days()),
            member(members, "maxbackups", d.files()),
            members.path("compress").asBoolean(d.compress()));
      }
    } catch (JsonProcessingException _) {
      // said below
    }
    settings.problem("Log.RotationConfigJSON", json, "a JSON object such as {\"maxsize\":100}");
    return Log.Rotation.DEFAULTS;
  }

  private int member(JsonNode rotation, String name, int byDefault) {
    JsonNode value = rotation.path(name);
    if (!value.isMissingNode() && !value.isInt()) {
      settings.problem("Log.RotationConfigJSON " + name, value.toString(), "an integer");
    }
    return value.asInt(byDefault);
  }

  private Alert alert() {
    return new Alert(
        settings.number("AlertRetryLimit", Alert.DEFAULTS.retryLimit()),
        settings.text("AlertWebHook", Alert.DEFAULTS.webHook()));
  }

  private Discovery discovery() {
    Discovery d = Discovery.DEFAULTS;
    String grpc = settings.text("GrpcServiceConfig", d.grpcServiceConfig());
    if (!grpc.isEmpty() && !isJsonObject(grpc)) {
      settings.problem("GrpcServiceConfig", grpc, "a JSON object");
    }
    return new Discovery(
        settings.text("MicroService.Driver", d.driver()),
        settings.text("MicroService.Target", d.target()),
        settings.text("MicroService.EndPoint", d.endPoint()),
        grpc.isEmpty() ? d.grpcServiceConfig() : grpc,
        !settings.text("IsDocker", "").isEmpty());
  }

  private static boolean isJsonObject(String text) {
    try {
      return JSON.readTree(text).isObject();
    } catch (JsonProcessingException e) {
      return false;
    }
  }

  private ZoneId zone() {
    String hours = settings.text("TimeZoneOffset", "").strip();
    try {
      return hours.isEmpty() ? ZoneId.systemDefault() : ZoneOffset.ofHours(Integer.parseInt(hours));
    } catch (NumberFormatException | DateTimeException e) {
      settings.problem("TimeZoneOffset", hours, "hours from -18 to +18, such as +8");
      return ZoneOffset.UTC;
    }
  }

  /** The constant with one of these names in lower case; other values are a problem. */
  private <E extends Enum<E>> E oneOf(String key, E byDefault, String... names) {
    String name = settings.text(key, byDefault.name().toLowerCase(Locale.ROOT));
    if (!List.of(names).contains(name)) {
      settings.problem(key, name, String.join(", ", names));
      return byDefault;
    }
    return Enum.valueOf(byDefault.getDeclaringClass(), name.toUpperCase(Locale.ROOT));
  }

  private static List<String> warnings(Settings settings, Set<String> fileKeys, StoreConfig store) {
    var warnings = new ArrayList<String>();
    // A configuration carried over from another store must not delete the history of this one.
    if (store instanceof Sql
        && (settings.isGiven("Store.DataExpire") || settings.isGiven("Store.FinishedDataExpire"))) {
      warnings.add(
          "Store.DataExpire and Store.FinishedDataExpire mean nothing to a SQL database, where what"
              + " has ended stays for ever unless Store.SqlDataExpire says otherwise");
    }
    var dead = new TreeSet<>(WITHOUT_MEANING);
    dead.removeIf(key -> !settings.isGiven(key));
    if (!dead.isEmpty()) {
      warnings.add("keys that mean nothing to dtm4j: " + String.join(", ", dead));
    }
    var later = new TreeSet<>(NOT_YET);
    later.removeIf(key -> !settings.isGiven(key));
    if (!later.isEmpty()) {
      warnings.add("keys that this version does nothing with yet: " + String.join(", ", later));
    }
    for (String key : new TreeSet<>(fileKeys)) {
      if (!settings.knownKeys().contains(key) && !WITHOUT_MEANING.contains(key)) {
        String nearest = nearest(key, settings.knownKeys());
        warnings.add(
            "unknown key " + key + (nearest == null ? "" : ", did you mean " + nearest + "?"));
      }
    }
    return warnings;
  }

  private static @Nullable String nearest(String key, Set<String> known) {
    String candidate =
        known.stream().min(Comparator.comparingInt(k -> distance(k, key))).orElseThrow();
    return distance(candidate, key) <= Math.max(FAR, key.length() / FAR) ? candidate : null;
  }

  /** Levenshtein's distance, upper and lower case being the same. */
  private static int distance(String one, String other) {
    String a = one.toLowerCase(Locale.ROOT);
    String b = other.toLowerCase(Locale.ROOT);
    int[] row = new int[b.length() + 1];
    Arrays.setAll(row, i -> i);
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, Math.min(row[j - 1], row[j]) + 1);
      }
    }
    return row[b.length()];
  }

  private static List<String> shown(Settings settings) {
    return settings.asked().stream()
        .filter(setting -> setting.source() != null)
        .map(setting -> setting.key() + "=" + setting.shown() + " (" + setting.source() + ")")
        .toList();
  }
}
