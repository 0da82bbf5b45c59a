package io.dtm4j.server.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.event.Level;

@DisplayNameGeneration(ReplaceUnderscores.class)
class ConfigParserTest {
  private static final ServerConfig DEFAULTS =
      new ServerConfig(
          RocksDb.DEFAULTS,
          Listen.DEFAULTS,
          Timing.DEFAULTS,
          Limits.DEFAULTS,
          Log.DEFAULTS,
          Alert.DEFAULTS,
          Discovery.DEFAULTS,
          ZoneId.systemDefault());

  /** What other keys must say for a key to reach its field. */
  private static final Map<String, String> SQL =
      Map.of("Store.Driver", "mysql", "Store.Host", "h", "Store.Port", "1", "Store.User", "u");

  private static final Map<String, String> POSTGRES =
      Map.of("Store.Driver", "postgres", "Store.Host", "h", "Store.Port", "1", "Store.User", "u");

  private static final String URL = "jdbc:mariadb://db:3306/orders?sslMode=verify-full";

  private static final Map<String, String> REDIS =
      Map.of("Store.Driver", "redis", "Store.Host", "h", "Store.Port", "1");

  static final List<Key> KEYS =
      List.of(
          key("Store.Driver", "STORE_DRIVER", "boltdb", "rocksdb", c -> c.store().driver()),
          key("Store.Dir", "STORE_DIR", "d", Path.of("d"), c -> rocksDb(c).directory()),
          key("Store.Sync", "STORE_SYNC", "0", false, c -> rocksDb(c).sync()),
          key("Store.DataExpire", "STORE_DATA_EXPIRE", "9", sec(9), c -> rocksDb(c).dataExpire()),
          key(
                  "Store.Host",
                  "STORE_HOST",
                  "a",
                  "jdbc:mysql://a:1/dtm?sslMode=disable",
                  c -> sql(c).url())
              .with(SQL),
          key(
                  "Store.Port",
                  "STORE_PORT",
                  "5",
                  "jdbc:mysql://h:5/dtm?sslMode=disable",
                  c -> sql(c).url())
              .with(SQL),
          key("Store.User", "STORE_USER", "a", "a", c -> sql(c).user()).with(SQL),
          key("Store.Password", "STORE_PASSWORD", "012", "012", c -> sql(c).password()).with(SQL),
          key("Store.Db", "STORE_DB", "x", "jdbc:mysql://h:1/x?sslMode=disable", c -> sql(c).url())
              .with(SQL),
          key(
                  "Store.Schema",
                  "STORE_SCHEMA",
                  "x",
                  "jdbc:postgresql://h:1/dtm?currentSchema=x",
                  c -> sql(c).url())
              .with(POSTGRES),
          key("Store.Url", "STORE_URL", URL, URL, c -> sql(c).url()),
          key("Store.SharedWithDtm", "STORE_SHARED_WITH_DTM", "0", false, c -> sql(c).shared())
              .with(SQL),
          key("Store.MaxOpenConns", "STORE_MAX_OPEN_CONNS", "7", 7, c -> sql(c).maxOpen())
              .with(SQL),
          key(
                  "Store.SqlDataExpire",
                  "STORE_SQL_DATA_EXPIRE",
                  "3600",
                  sec(3_600),
                  c -> sql(c).dataExpire())
              .with(SQL),
          key(
                  "Store.FinishedDataExpire",
                  "STORE_FINISHED_DATA_EXPIRE",
                  "3600",
                  sec(3_600),
                  c -> redis(c).finishedDataExpire())
              .with(REDIS),
          key("Store.RedisPrefix", "STORE_REDIS_PREFIX", "p", "p", c -> redis(c).prefix())
              .with(REDIS),
          key("Store.RedisWait", "STORE_REDIS_WAIT", "2", 2, c -> redis(c).replicas()).with(REDIS),
          key("BindAddress", "BIND_ADDRESS", "::1", "::1", c -> c.listen().bindAddress()),
          key("HttpPort", "HTTP_PORT", "80", 80, c -> c.listen().httpPort()),
          key("GrpcPort", "GRPC_PORT", "81", 81, c -> c.listen().grpcPort()),
          key("AdminBasePath", "ADMIN_BASE_PATH", "/x", "/x", c -> c.listen().adminBasePath()),
          key("RetryInterval", "RETRY_INTERVAL", "20", sec(20), c -> c.timing().retryInterval()),
          key("TimeoutToFail", "TIMEOUT_TO_FAIL", "36", sec(36), c -> c.timing().timeoutToFail()),
          key("RequestTimeout", "REQUEST_TIMEOUT", "4", sec(4), c -> c.timing().requestTimeout()),
          key(
              "TransCronInterval",
              "TRANS_CRON_INTERVAL",
              "1",
              sec(1),
              c -> c.timing().transCronInterval()),
          key(
              "MinRetryInterval",
              "MIN_RETRY_INTERVAL",
              "1",
              sec(1),
              c -> c.timing().minRetryInterval()),
          key("Limits.OpenPasses", "LIMITS_OPEN_PASSES", "9", 9, c -> c.limits().openPasses()),
          key(
              "Limits.CallsPerDestination",
              "LIMITS_CALLS_PER_DESTINATION",
              "9",
              9,
              c -> c.limits().callsPerDestination()),
          key(
              "Limits.QueuePerDestination",
              "LIMITS_QUEUE_PER_DESTINATION",
              "9",
              9,
              c -> c.limits().queuePerDestination()),
          key("Limits.BodyBytes", "LIMITS_BODY_BYTES", "2000", 2000, c -> c.limits().bodyBytes()),
          key(
              "Limits.AnswerBytes",
              "LIMITS_ANSWER_BYTES",
              "2000",
              2000,
              c -> c.limits().answerBytes()),
          key("LogLevel", "LOG_LEVEL", "warn", Level.WARN, c -> c.log().level()),
          key(
              "Log.Outputs",
              "LOG_OUTPUTS",
              "stdout, a.log",
              List.of("stdout", "a.log"),
              c -> c.log().outputs()),
          key("Log.Format", "LOG_FORMAT", "json", Log.Format.JSON, c -> c.log().format()),
          key(
              "Log.RotationEnable",
              "LOG_ROTATION_ENABLE",
              "1",
              Log.Rotation.DEFAULTS,
              c -> c.log().rotation()),
          key(
                  "Log.RotationConfigJSON",
                  "LOG_ROTATION_CONFIG_JSON",
                  "{\"maxsize\":1,\"maxage\":2,\"maxbackups\":3,\"localtime\":true,\"compress\":true}",
                  new Log.Rotation(1, 2, 3, true),
                  c -> c.log().rotation())
              .with(Map.of("Log.RotationEnable", "1")),
          key(
              "TimeZoneOffset",
              "TIME_ZONE_OFFSET",
              "+8",
              ZoneOffset.ofHours(8),
              ServerConfig::zone),
          key("AlertRetryLimit", "ALERT_RETRY_LIMIT", "5", 5, c -> c.alert().retryLimit()),
          key(
              "AlertWebHook",
              "ALERT_WEB_HOOK",
              "http://h/x",
              "http://h/x",
              c -> c.alert().webHook()),
          key(
              "MicroService.Driver",
              "MICRO_SERVICE_DRIVER",
              "dtm-driver-ego",
              "dtm-driver-ego",
              c -> c.discovery().driver()),
          key(
              "MicroService.Target",
              "MICRO_SERVICE_TARGET",
              "etcd://h",
              "etcd://h",
              c -> c.discovery().target()),
          key(
              "MicroService.EndPoint",
              "MICRO_SERVICE_END_POINT",
              "h:1",
              "h:1",
              c -> c.discovery().endPoint()),
          key(
              "GrpcServiceConfig",
              "GRPC_SERVICE_CONFIG",
              "{}",
              "{}",
              c -> c.discovery().grpcServiceConfig()),
          key("IsDocker", "IS_DOCKER", "1", true, c -> c.discovery().insideDocker()));

  static final List<Key> WITHOUT_MEANING =
      List.of(
          key("JsonRpcPort", "JSON_RPC_PORT"),
          key("ConfigUpdateInterval", "CONFIG_UPDATE_INTERVAL"),
          key("GrpcBalancer", "GRPC_BALANCER"),
          key("HttpMicroService.Driver", "HTTP_MICRO_SERVICE_DRIVER"),
          key("HttpMicroService.RegistryType", "HTTP_MICRO_SERVICE_REGISTRY_TYPE"),
          key("HttpMicroService.RegistryAddress", "HTTP_MICRO_SERVICE_REGISTRY_ADDRESS"),
          key("HttpMicroService.RegistryOptions", "HTTP_MICRO_SERVICE_REGISTRY_OPTIONS"),
          key("HttpMicroService.Target", "HTTP_MICRO_SERVICE_TARGET"),
          key("HttpMicroService.EndPoint", "HTTP_MICRO_SERVICE_END_POINT"),
          key("UpdateBranchSync", "UPDATE_BRANCH_SYNC"),
          key("UpdateBranchAsyncGoroutineNum", "UPDATE_BRANCH_ASYNC_GOROUTINE_NUM"));

  @TempDir Path folder;

  @Test
  void nothing_given_means_the_defaults_and_no_word_about_it() {
    LoadedConfig loaded = ConfigParser.load(null, Map.of(), Map.of());

    assertThat(loaded).isEqualTo(new LoadedConfig(DEFAULTS, List.of(), List.of()));
  }

  @ParameterizedTest
  @FieldSource("KEYS")
  void each_key_of_a_file_reaches_its_field(Key key) throws IOException {
    Map<String, String> given = new HashMap<>(key.others());
    given.put(key.name(), key.value());

    assertThat(key.field().apply(ConfigParser.load(file(given), Map.of(), Map.of()).config()))
        .isEqualTo(key.expected());
  }

  @ParameterizedTest
  @FieldSource("KEYS")
  void each_key_of_the_environment_reaches_its_field(Key key) {
    Map<String, String> environment = new HashMap<>();
    key.others().forEach((name, value) -> environment.put(Settings.environmentName(name), value));
    environment.put(key.environmentName(), key.value());

    assertThat(key.field().apply(ConfigParser.load(null, Map.of(), environment).config()))
        .isEqualTo(key.expected());
  }

  @ParameterizedTest
  @FieldSource("WITHOUT_MEANING")
  void a_key_without_meaning_is_accepted_with_one_warning(Key key) throws IOException {
    Path file = file(Map.of(key.name(), "x"));
    Map<String, String> environment = Map.of(key.environmentName(), "x");
    List<String> warning = List.of("keys that mean nothing to dtm4j: " + key.name());

    assertThat(ConfigParser.load(file, Map.of(), Map.of()).warnings()).isEqualTo(warning);
    assertThat(ConfigParser.load(null, Map.of(), environment).warnings()).isEqualTo(warning);
  }

  @Test
  void the_command_line_beats_the_file_and_the_file_the_environment() throws IOException {
    Map<String, String> environment = Map.of("HTTP_PORT", "1", "GRPC_PORT", "2", "STORE_DIR", "e");
    Path file = file(Map.of("HttpPort", "3", "Store.Dir", "f"));

    LoadedConfig loaded = ConfigParser.load(file, Map.of("HttpPort", "4"), environment);

    assertThat(loaded.given())
        .containsExactlyInAnyOrder(
            "HttpPort=4 (command line)", "Store.Dir=f (file)", "GrpcPort=2 (GRPC_PORT)");
    ServerConfig config = loaded.config();

    assertThat(config.listen().httpPort()).isEqualTo(4);
    assertThat(rocksDb(config).directory()).isEqualTo(Path.of("f"));
    assertThat(config.listen().grpcPort()).isEqualTo(2);
  }

  @Test
  void an_empty_variable_and_a_key_without_a_value_count_as_not_set() throws IOException {
    Path file = folder.resolve("conf.yml");
    Files.writeString(file, "HttpPort:\nStore:\n  Dir: ~\n");

    assertThat(ConfigParser.load(file, Map.of(), Map.of("RETRY_INTERVAL", "")).config())
        .isEqualTo(DEFAULTS);
  }

  @Test
  void integers_may_be_quoted() throws IOException {
    Path file = folder.resolve("conf.yml");
    Files.writeString(file, "HttpPort: '8080'\nRetryInterval: \"11\"\n");

    ServerConfig config = ConfigParser.load(file, Map.of(), Map.of()).config();

    assertThat(config.listen().httpPort()).isEqualTo(8080);
    assertThat(config.timing().retryInterval()).isEqualTo(sec(11));
  }

  @Test
  void all_that_is_wrong_is_said_at_once_the_rules_in_their_order() {
    Map<String, String> environment =
        Map.of(
            "STORE_DRIVER", "mysql",
            "RETRY_INTERVAL", "9",
            "TIMEOUT_TO_FAIL", "8",
            "HTTP_PORT", "eighty",
            "LOG_LEVEL", "loud",
            "LIMITS_OPEN_PASSES", "0",
            "STORE_PASSWORD", "secret");

    assertThatThrownBy(() -> ConfigParser.load(null, Map.of(), environment))
        .isInstanceOfSatisfying(
            ConfigException.class,
            e ->
                assertThat(e.problems())
                    .containsExactly(
                        "HttpPort (HTTP_PORT): eighty (expected: an integer)",
                        "LogLevel (LOG_LEVEL): loud (expected: debug, info, warn, error)",
                        "RetryInterval: 9 (expected: >= 10)",
                        "TimeoutToFail: 8 (expected: >= RetryInterval, which is 9)",
                        "Store.Host: (empty) (expected: a host name)",
                        "Store.Port: 0 (expected: 1 to 65535)",
                        "Store.User: (empty) (expected: a user)",
                        "Limits.OpenPasses: 0 (expected: >= 1)"));
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      delimiter = '|',
      value = {
        "GrpcServiceConfig | [1 | a JSON object",
        "GrpcServiceConfig | {} x | a JSON object",
        "Log.RotationConfigJSON | [] | a JSON object such as {\"maxsize\":100}",
        "Log.RotationConfigJSON | {}, | a JSON object such as {\"maxsize\":100}",
      })
  void what_must_be_a_json_object_is_nothing_else(String key, String value, String expected) {
    assertThatThrownBy(() -> ConfigParser.load(null, Map.of(key, value), Map.of()))
        .hasMessage("%s: %s (expected: %s)", key, value, expected);
  }

  @Test
  void a_number_for_the_rotation_of_logs_is_one() {
    Map<String, String> text = Map.of("Log.RotationConfigJSON", "{\"maxsize\":\"big\"}");

    assertThatThrownBy(() -> ConfigParser.load(null, text, Map.of()))
        .hasMessage("Log.RotationConfigJSON maxsize: \"big\" (expected: an integer)");
  }

  @Test
  void a_directory_that_cannot_be_one_is_refused() {
    assertThatThrownBy(() -> ConfigParser.load(null, Map.of("Store.Dir", "a\0b"), Map.of()))
        .hasMessageStartingWith("Store.Dir: ")
        .hasMessageEndingWith("(expected: a path: Nul character not allowed)");
  }

  @Test
  void an_unknown_driver_is_refused_with_the_known_ones() {
    assertThatThrownBy(() -> ConfigParser.load(null, Map.of("Store.Driver", "oracle"), Map.of()))
        .hasMessage(
            "Store.Driver: oracle (expected: rocksdb, boltdb, mysql, mariadb, postgres, redis, mongodb)");
  }

  @Test
  void sql_server_is_said_to_be_planned() {
    assertThatThrownBy(() -> ConfigParser.load(null, Map.of("Store.Driver", "sqlserver"), Map.of()))
        .hasMessageContaining("sqlserver is planned");
  }

  @ParameterizedTest
  @CsvSource({
    "mariadb, jdbc:postgresql://h/dtm",
    "rocksdb, jdbc:mariadb://h/dtm",
    "mysql, mysql://h/dtm",
    "redis, jdbc:oracle:x",
    "mongodb, redis://h",
  })
  void a_url_of_another_store_is_refused_and_not_shown(String driver, String url) {
    Map<String, String> options = Map.of("Store.Driver", driver, "Store.Url", url);

    assertThatThrownBy(() -> ConfigParser.load(null, options, Map.of()))
        .hasMessageStartingWith("Store.Url: (not shown) (expected: jdbc:mariadb://")
        .hasMessageNotContaining(url);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "redis://h:1 | redis",
        "rediss://h:1 | redis",
        "redis-sentinel://h:1,i:1#main | redis",
        "mongodb://h | mongodb",
        "mongodb+srv://h | mongodb",
        "jdbc:mysql://h/dtm | mysql",
        "jdbc:mariadb://h/dtm | mariadb",
        "jdbc:postgresql://h/dtm | postgres"
      })
  void a_url_says_what_store_it_is(String url, String driver) {
    assertThat(
            ConfigParser.load(null, Map.of("Store.Url", url), Map.of()).config().store().driver())
        .isEqualTo(driver);
  }

  @Test
  void a_url_that_is_of_no_store_is_refused() {
    assertThatThrownBy(() -> ConfigParser.load(null, Map.of("Store.Url", "x"), Map.of()))
        .hasMessageStartingWith("Store.Url: (not shown)");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "jdbc:mariadb://h:abc/dtm",
        "jdbc:mysql://h:0/dtm?a=b",
        "jdbc:postgresql://h:65536/dtm",
        "jdbc:postgresql://h:/dtm",
        "jdbc:mariadb://[::1]:x/dtm",
        "redis://:pass@h:abc",
        "rediss://h1:1,h2:two",
        "redis-sentinel://h1:1,h2:2h#main",
        "mongodb://u:p@a:1,b:b/?replicaSet=rs0",
      })
  void a_port_in_a_url_that_is_none_is_refused_and_not_waited_for(String url) {
    assertThatThrownBy(() -> ConfigParser.load(null, Map.of("Store.Url", url), Map.of()))
        .isInstanceOf(ConfigException.class)
        .hasMessage("Store.Url: (not shown) (expected: host:port, with a port from 1 to 65535)");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "jdbc:mariadb://[::1]/dtm?x=a@b:c",
        "jdbc:postgresql:///dtm",
        "jdbc:postgresql://[::1]:5432/dtm",
        "redis://user:a:b@h",
        "rediss://h1:1,h2:65535/0",
        "mongodb://u:p@a,b:27017/?appName=x@y&authMechanismProperties=A:b",
        "mongodb://%2Ftmp%2Fmongodb.sock",
      })
  void a_url_need_not_say_a_port(String url) {
    assertThat(ConfigParser.load(null, Map.of("Store.Url", url), Map.of()).config()).isNotNull();
  }

  @Test
  void a_port_of_a_cluster_of_redis_that_is_none_is_refused() {
    Map<String, String> options = Map.of("Store.Driver", "redis", "Store.Host", "a:1,b:65536");

    assertThatThrownBy(() -> ConfigParser.load(null, options, Map.of()))
        .hasMessageStartingWith("Store.Host: a:1,b:65536 (expected: ");
  }

  @Test
  void a_cluster_of_redis_has_several_hosts_and_no_port() {
    Map<String, String> options = Map.of("Store.Driver", "redis", "Store.Host", "a:1,b:2");

    assertThat(redis(ConfigParser.load(null, options, Map.of()).config()).hosts())
        .containsExactly("a:1", "b:2");
  }

  @ParameterizedTest
  @CsvSource({"'a:1,b', 0", "a, 0", "'a:1,', 1", "'', 1", "u:p@h, 1"})
  void hosts_of_redis_have_ports(String host, String port) {
    var options = Map.of("Store.Driver", "redis", "Store.Host", host, "Store.Port", port);

    assertThatThrownBy(() -> ConfigParser.load(null, options, Map.of()))
        .isInstanceOf(ConfigException.class);
  }

  @Test
  void a_prefix_that_would_keep_redis_to_one_server_is_refused() {
    Map<String, String> options = new HashMap<>(REDIS);
    options.put("Store.RedisPrefix", "{x}");

    assertThatThrownBy(() -> ConfigParser.load(null, options, Map.of()))
        .hasMessageStartingWith("Store.RedisPrefix: {x}");
  }

  static final List<Map<String, String>> SHARED =
      List.of(SQL, POSTGRES, REDIS, Map.of("Store.Url", "mongodb://h"));

  /** The key that says how long a store keeps what has ended. */
  private static String expireOf(Map<String, String> store) {
    return store.equals(REDIS)
        ? "Store.FinishedDataExpire"
        : store.containsKey("Store.Url") ? "Store.DataExpire" : "Store.SqlDataExpire";
  }

  @ParameterizedTest
  @FieldSource("SHARED")
  void what_has_ended_does_not_leave_a_shared_store_before_a_repeat_may_come(
      Map<String, String> store) {
    for (String seconds : List.of("1", "3599", "-1")) {
      Map<String, String> options = new HashMap<>(store);
      options.put(expireOf(store), seconds);

      assertThatThrownBy(() -> ConfigParser.load(null, options, Map.of()))
          .hasMessageStartingWith(
              expireOf(store) + ": " + seconds + " (expected: 0, for ever, or >= 3600)");
    }
  }

  @ParameterizedTest
  @FieldSource("SHARED")
  void a_transaction_may_stay_in_a_shared_store_for_an_hour_or_for_ever(Map<String, String> store) {
    for (String seconds : List.of("0", "3600")) {
      Map<String, String> options = new HashMap<>(store);
      options.put(expireOf(store), seconds);

      StoreConfig loaded = ConfigParser.load(null, options, Map.of()).config().store();

      assertThat(
              switch (loaded) {
                case Sql sql -> sql.dataExpire();
                case Redis redis -> redis.finishedDataExpire();
                case Mongo mongo -> mongo.dataExpire();
                case RocksDb rocksDb -> rocksDb.dataExpire();
              })
          .isEqualTo(Duration.ofSeconds(Long.parseLong(seconds)));
    }
  }

  @Test
  void a_url_names_several_servers_of_a_cluster_of_redis() {
    String url = "rediss://me:a%2Cb@h1:6379,h2:6380?verifyPeer=CA";

    Redis redis = redis(ConfigParser.load(null, Map.of("Store.Url", url), Map.of()).config());

    assertThat(redis.hosts())
        .containsExactly(
            "rediss://me:a%2Cb@h1:6379?verifyPeer=CA", "rediss://me:a%2Cb@h2:6380?verifyPeer=CA");
    assertThat(redis.toString()).contains("rediss://h1:6379", "h2:6380").doesNotContain("a%2Cb");
  }

  @ParameterizedTest
  @ValueSource(strings = {"redis-sentinel://h1:1,h2:2#name", "rediss://:a,b@h1:6379"})
  void a_url_of_redis_is_divided_only_between_hosts(String url) {
    assertThat(redis(ConfigParser.load(null, Map.of("Store.Url", url), Map.of()).config()).hosts())
        .containsExactly(url);
  }

  @Test
  void a_url_without_a_host_among_those_of_a_cluster_is_refused() {
    assertThatThrownBy(
            () -> ConfigParser.load(null, Map.of("Store.Url", "rediss://h1:6379,"), Map.of()))
        .hasMessageStartingWith("Store.Url: (not shown)");
  }

  @Test
  void a_mongodb_has_a_url() {
    assertThatThrownBy(() -> ConfigParser.load(null, Map.of("Store.Driver", "mongodb"), Map.of()))
        .hasMessageStartingWith("Store.Url: (not shown) (expected: mongodb://");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mongodb://u:secret@a,b/?x=secret",
        "redis://u:secret@h:1/0?password=secret",
        "jdbc:mariadb://u:secret@h/dtm?password=secret"
      })
  void a_url_is_shown_without_its_secrets(String url) {
    LoadedConfig loaded = ConfigParser.load(null, Map.of("Store.Url", url), Map.of());

    assertThat(loaded.given()).noneMatch(line -> line.contains("secret"));
    assertThat(loaded.config().store().toString()).doesNotContain("secret");
  }

  @ParameterizedTest
  @CsvSource({"h/x, dtm", "h, a?b=c", "h, a&b", "'h,i', dtm", "h, a/b"})
  void what_would_change_the_url_is_refused(String host, String database) {
    var options = new HashMap<>(SQL);
    options.put("Store.Host", host);
    options.put("Store.Db", database);

    assertThatThrownBy(() -> ConfigParser.load(null, options, Map.of()))
        .isInstanceOf(ConfigException.class);
  }

  @Test
  void expiry_carried_over_to_a_sql_database_is_warned_about_and_deletes_nothing() {
    var options = new HashMap<>(SQL);
    options.put("Store.DataExpire", "60");
    LoadedConfig loaded = ConfigParser.load(null, options, Map.of());

    assertThat(loaded.warnings()).anyMatch(line -> line.startsWith("Store.DataExpire and "));
    assertThat(sql(loaded.config()).dataExpire()).isEqualTo(Duration.ZERO);
  }

  @Test
  void tests_may_lower_the_least_retry_interval() {
    Map<String, String> options = Map.of("MinRetryInterval", "1", "RetryInterval", "1");

    assertThat(ConfigParser.load(null, options, Map.of()).config().timing().retryInterval())
        .isEqualTo(sec(1));
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          HttpPor;           unknown key HttpPor, did you mean HttpPort?
          store.dir;         unknown key store.dir, did you mean Store.Dir?
          Store.DataExpires; unknown key Store.DataExpires, did you mean Store.DataExpire?
          Telemetry.Address; unknown key Telemetry.Address
          """,
      delimiter = ';')
  void an_unknown_key_is_named_with_the_nearest_known_one(String key, String warning)
      throws IOException {
    assertThat(ConfigParser.load(file(Map.of(key, "1")), Map.of(), Map.of()).warnings())
        .containsExactly(warning);
  }

  @Test
  void what_is_shown_at_the_start_has_no_secrets() throws IOException {
    Map<String, String> given = new HashMap<>(SQL);
    given.put("Store.Password", "s3cret");
    given.put("AlertWebHook", "https://hooks.example/T0/s3cret?token=s3cret");
    given.put("MicroService.Target", "etcd://root:s3cret@h:2379/dtm");

    LoadedConfig loaded = ConfigParser.load(file(given), Map.of(), Map.of("HTTP_PORT", "80"));

    assertThat(loaded.given())
        .contains(
            "Store.Password=*** (file)",
            "AlertWebHook=https://hooks.example/*** (file)",
            "MicroService.Target=etcd://***@h:2379/dtm (file)",
            "HttpPort=80 (HTTP_PORT)");
    assertThat(loaded.config().store().toString()).isEqualTo("jdbc:mysql://h:1/dtm");
  }

  @ParameterizedTest
  @ValueSource(strings = {"- a\n", "just words\n", "HttpPort: [1]\n", "Store: {Dir: {a: b}}\n"})
  void a_file_of_another_shape_is_refused(String text) throws IOException {
    Path file = folder.resolve("conf.yml");
    Files.writeString(file, text);

    assertThatThrownBy(() -> ConfigParser.load(file, Map.of(), Map.of()))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("expected");
  }

  @Test
  void broken_yaml_is_refused_with_its_line() throws IOException {
    Path file = folder.resolve("conf.yml");
    Files.writeString(file, "HttpPort: 1\n  GrpcPort: 2\n");

    assertThatThrownBy(() -> ConfigParser.load(file, Map.of(), Map.of()))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("in line 2");
  }

  @Test
  void a_missing_file_is_named() {
    Path file = folder.resolve("none.yml");

    assertThatThrownBy(() -> ConfigParser.load(file, Map.of(), Map.of()))
        .isInstanceOf(ConfigException.class)
        .hasMessage(file + ": cannot be read (there is no such file)");
  }

  /** As in DTM, where it means: for ever. */
  @Test
  void what_has_ended_may_be_kept_without_end() {
    ServerConfig config =
        ConfigParser.load(null, Map.of("Store.DataExpire", "0"), Map.of()).config();

    assertThat(rocksDb(config).dataExpire()).isZero();
  }

  @Test
  void a_directory_is_no_file() {
    assertThatThrownBy(() -> ConfigParser.load(folder, Map.of(), Map.of()))
        .isInstanceOf(ConfigException.class)
        .hasMessage(folder + ": cannot be read (it is a directory)");
  }

  /** Root, whom tests may run as, could read any file. */
  @Test
  void a_file_that_may_not_be_read_is_said_to_be_one() {
    assertThat(YamlFile.reason(folder, new AccessDeniedException("conf.yml")))
        .isEqualTo("this user may not read it");
  }

  @Test
  void a_file_that_is_not_utf_8_is_named() throws IOException {
    Path file = folder.resolve("conf.yml");
    Files.write(file, new byte[] {'a', ':', ' ', (byte) 0xE9});

    assertThatThrownBy(() -> ConfigParser.load(file, Map.of(), Map.of()))
        .isInstanceOf(ConfigException.class)
        .hasMessage(file + ": cannot be read (it is not UTF-8)");
  }

  /** The sample comments everything out; without the leading # it must say the defaults. */
  @Test
  void the_sample_documents_every_key_with_its_default() throws IOException {
    String sample = Files.readString(Path.of("../conf.sample.yml"));
    Path file = folder.resolve("conf.yml");
    Files.writeString(
        file, Pattern.compile("(?m)^#(?=( {2})?[A-Z]\\w+:)").matcher(sample).replaceAll(""));

    LoadedConfig loaded = ConfigParser.load(file, Map.of(), Map.of());

    assertThat(loaded.config()).isEqualTo(DEFAULTS);
    assertThat(loaded.warnings())
        .containsExactly(
            "keys that this version does nothing with yet: AdminBasePath,"
                + " MicroService.Driver, MicroService.EndPoint, MicroService.Target");
    assertThat(YamlFile.read(file).keySet())
        .containsExactlyInAnyOrderElementsOf(KEYS.stream().map(Key::name).toList());
  }

  /** A section may come more than once, so one line for each key will do. */
  private Path file(Map<String, String> values) throws IOException {
    var text = new StringBuilder();
    values.forEach(
        (key, value) -> {
          int dot = key.indexOf('.');
          text.append(
              dot < 0
                  ? "%s: '%s'%n".formatted(key, value)
                  : "%s: {%s: '%s'}%n"
                      .formatted(key.substring(0, dot), key.substring(dot + 1), value));
        });
    Path file = folder.resolve("conf.yml");
    Files.writeString(file, text);
    return file;
  }

  private static RocksDb rocksDb(ServerConfig config) {
    return (RocksDb) config.store();
  }

  private static Sql sql(ServerConfig config) {
    return (Sql) config.store();
  }

  private static Redis redis(ServerConfig config) {
    return (Redis) config.store();
  }

  private static Duration sec(long seconds) {
    return Duration.ofSeconds(seconds);
  }

  private static Key key(
      String name,
      String environmentName,
      String value,
      Object expected,
      Function<ServerConfig, ?> field) {
    return new Key(name, environmentName, value, expected, field, Map.of());
  }

  private static Key key(String name, String environmentName) {
    return key(name, environmentName, "", "", config -> "");
  }

  /**
   * A documented key.
   *
   * @param value given to it
   * @param expected what its field must be then
   * @param others what else must be given
   */
  record Key(
      String name,
      String environmentName,
      String value,
      Object expected,
      Function<ServerConfig, ?> field,
      Map<String, String> others) {
    Key with(Map<String, String> values) {
      return new Key(name, environmentName, value, expected, field, values);
    }

    @Override
    public String toString() {
      return name;
    }
  }
}
