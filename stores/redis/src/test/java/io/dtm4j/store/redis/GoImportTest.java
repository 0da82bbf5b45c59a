package io.dtm4j.store.redis;

import static io.dtm4j.store.redis.Sagas.claim;
import static io.dtm4j.store.redis.Sagas.committed;
import static io.dtm4j.store.redis.Sagas.save;
import static io.dtm4j.store.redis.Shared.configOf;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.databases.RedisServer;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import io.dtm4j.store.StoreUnavailableException;
import io.lettuce.core.ScriptOutputType;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;

/** Keys as DTM writes them (docs/spec/storage.md 4), and what becomes of them. */
@Tag("long")
@TestInstance(Lifecycle.PER_CLASS)
@DisplayNameGeneration(ReplaceUnderscores.class)
class GoImportTest {
  private static final long DUE = 1_900_000_000;

  private final RedisServer server;

  GoImportTest() throws Exception {
    server = new RedisServer();
  }

  @BeforeEach
  void empty() throws Exception {
    server.ask(commands -> commands.flushall());
  }

  @AfterAll
  void stopServer() throws Exception {
    server.stop();
  }

  private void dtmHas(String gid, String global, String... branches) {
    server.ask(commands -> commands.set("{a}_g_" + gid, global));
    server.ask(commands -> commands.set("{a}_s_" + gid, "submitted"));
    server.ask(commands -> commands.zadd("{a}_u", DUE, gid));
    for (String branch : branches) {
      server.ask(commands -> commands.rpush("{a}_b_" + gid, branch));
    }
  }

  private static String branch(String branchId, String op, String more) {
    String payload =
        Base64.getEncoder().encodeToString("{\"a\":1}".getBytes(StandardCharsets.UTF_8));
    return """
        {"id":0,"create_time":"2024-05-17T16:30:00.123+08:00","update_time":null,"gid":"saga",
        "url":"http://h/%s","bin_data":"%s","branch_id":"%s","op":"%s",%s}"""
        .formatted(op, payload, branchId, op, more);
  }

  private static String saga(String gid) {
    return """
        {"id":0,"create_time":"2024-05-17T16:30:00.123456789+08:00",
        "update_time":"2024-05-17T08:30:01Z","gid":"%s","trans_type":"saga",
        "steps":[{"action":"x"}],"payloads":["y"],"status":"aborting","protocol":"http",
        "rollback_reason":"no money","options":"{\\"timeout_to_fail\\":60,\\"branch_headers\\":{\\"b\\":\\"2\\"},\\"concurrent\\":false}",
        "custom_data":"{\\"concurrent\\":true}","next_cron_interval":20,
        "next_cron_time":"2024-05-17T08:30:21Z","owner":"abc",
        "ext_data":"{\\"headers\\":{\\"a\\":\\"1\\",\\"b\\":\\"1\\"}}","retry_count":3,
        "concurrent":false,"timeout_to_fail":99}"""
        .formatted(gid);
  }

  @Test
  void a_transaction_is_taken_over_as_it_is() {
    dtmHas(
        "saga",
        saga("saga"),
        branch("01", "compensate", "\"status\":\"prepared\""),
        branch("01", "action", "\"status\":\"succeed\",\"finish_time\":\"2024-05-17T08:30:01Z\""),
        branch("02", "action", "\"status\":\"failed\",\"rollback_time\":\"2024-05-17T08:30:02Z\""));

    assertThat(GoImport.run(configOf(server))).isEqualTo(new GoImport.Report(1, 0, 0, 0, 0));

    try (RedisStore store = RedisStore.open(configOf(server))) {
      Stored stored = store.find(new Gid("saga")).orElseThrow();
      Instant created = Instant.parse("2024-05-17T08:30:00.123456789Z");
      var options = new Options(false, 60, 0, 0, Map.of("a", "1", "b", "2"), false, 0);
      assertThat(stored.transaction().definition().type()).isEqualTo(TransType.SAGA);
      assertThat(stored.transaction().definition().options()).isEqualTo(options);
      assertThat(stored.transaction().definition().createTime()).isEqualTo(created);
      assertThat(stored.transaction().definition().customData()).isEqualTo("{\"concurrent\":true}");
      assertThat(stored.transaction().status()).isEqualTo(GlobalStatus.ABORTING);
      assertThat(stored.transaction().state().reason()).isEqualTo("no money");
      assertThat(stored.transaction().state().schedule())
          .isEqualTo(new Schedule(Duration.ofSeconds(20), Instant.ofEpochSecond(DUE)));
      assertThat(stored.transaction().state().extra()).isEqualTo(Extra.NONE.withRetryCount(3));
      assertThat(stored.transaction().branches())
          .extracting(Branch::status)
          .containsExactly(BranchStatus.PREPARED, BranchStatus.SUCCEED, BranchStatus.FAILED);
      assertThat(stored.transaction().branches())
          .extracting(Branch::payload)
          .containsOnly(Payload.of("{\"a\":1}"));
      assertThat(stored.transaction().branches().get(2).finishTime())
          .isEqualTo(Instant.parse("2024-05-17T08:30:02Z"));
      assertThat(stored.owner().mark()).isEqualTo(Owner.Mark.RESTING);
      assertThat(store.claimDue(Duration.ofHours(1), gid -> claim("c" + gid), 10)).isEmpty();
    }
    assertThat(server.<Long>ask(commands -> commands.exists("{a}_u"))).isZero();
    assertThat(server.<Long>ask(commands -> commands.exists("{a}_g_saga", "{a}_b_saga")))
        .isEqualTo(2);
  }

  /** Written by DTM 1.19.0. */
  @Test
  void rows_that_were_registered_later_have_no_times_of_their_own() {
    String global =
        """
        {"id":0,"create_time":"2026-11-30T18:37:58.074678711Z","update_time":"2026-11-30T18:37:58.074678711Z",\
        "gid":"tcc1","trans_type":"tcc","status":"prepared","protocol":"http","options":"{\\"concurrent\\":false}",\
        "next_cron_interval":10,"next_cron_time":"2026-11-30T18:38:08.07467103Z","concurrent":false}""";
    String cancel =
        """
        {"id":0,"create_time":null,"update_time":null,"gid":"tcc1","url":"http://127.0.0.1:1/x",\
        "bin_data":"eyJhIjoxfQ==","branch_id":"01","op":"cancel","status":"prepared"}""";
    dtmHas("tcc1", global, cancel);

    assertThat(GoImport.run(configOf(server)).imported()).isEqualTo(1);

    try (RedisStore store = RedisStore.open(configOf(server))) {
      Instant created = Instant.parse("2026-11-30T18:37:58.074678711Z");
      assertThat(store.find(new Gid("tcc1")).orElseThrow().transaction().branches())
          .containsExactly(
              Branch.open(
                  new BranchKey("01", Op.CANCEL),
                  "http://127.0.0.1:1/x",
                  Payload.of("{\"a\":1}"),
                  created));
    }
  }

  @Test
  void a_delayed_message_is_not_sent_early() {
    String message =
        """
        {"create_time":"2024-05-17T08:30:00Z","gid":"msg","trans_type":"msg","status":"submitted",
        "custom_data":"{\\"delay\\":10}","concurrent":false}""";
    dtmHas("msg", message);

    GoImport.run(configOf(server));

    try (RedisStore store = RedisStore.open(configOf(server))) {
      assertThat(store.find(new Gid("msg")).orElseThrow().transaction().state().extra())
          .isEqualTo(Extra.NONE.withDelayUntil(Instant.ofEpochSecond(DUE)));
    }
  }

  @Test
  void an_import_may_be_repeated() {
    for (int i = 0; i < 150; i++) {
      dtmHas("g" + i, saga("g" + i));
    }
    assertThat(GoImport.run(configOf(server)).imported()).isEqualTo(150);
    server.ask(commands -> commands.zadd("{a}_u", DUE, "g7")); // as if it had been interrupted

    assertThat(GoImport.run(configOf(server))).isEqualTo(new GoImport.Report(0, 1, 0, 0, 0));

    try (RedisStore store = RedisStore.open(configOf(server))) {
      assertThat(store.counts().unfinished()).isEqualTo(150);
    }
  }

  @Test
  void what_cannot_be_taken_over_stays_and_keeps_the_store_from_opening() {
    for (int i = 0; i < 100; i++) {
      dtmHas("bad" + i, "{\"gid\":\"bad" + i + "\",\"trans_type\":\"new\"}");
    }
    dtmHas("taken", saga("taken"));
    dtmHas("vanished", saga("vanished"));
    dtmHas("good", saga("good"));
    server.ask(commands -> commands.del("{a}_g_vanished"));
    try (RedisStore store = RedisStore.openBesideDtm(configOf(server))) {
      committed(store, save("taken", claim("c")));
    }

    assertThat(GoImport.run(configOf(server))).isEqualTo(new GoImport.Report(1, 0, 1, 101, 0));

    assertThat(server.<List<String>>ask(commands -> commands.zrange("{a}_u", 0, -1)))
        .hasSize(101)
        .contains("taken", "bad0");
    assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(() -> RedisStore.open(configOf(server)));
  }

  /** What stays with DTM when all but that was taken over. */
  private void onlyGoodIsTakenOver(int leftAlone) {
    GoImport.Report report = GoImport.run(configOf(server));

    assertThat(report).isEqualTo(new GoImport.Report(1, 0, 0, leftAlone, 0));
    assertThat(server.<Long>ask(commands -> commands.zcard("{a}_u"))).isEqualTo(leftAlone);
    try (RedisStore store = RedisStore.openBesideDtm(configOf(server))) {
      assertThat(store.find(new Gid("good"))).isPresent();
    }
  }

  @Test
  void something_else_at_a_key_of_dtm_stops_no_other() {
    dtmHas("bad", saga("bad"));
    dtmHas("bad2", saga("bad2"));
    dtmHas("good", saga("good"));
    server.ask(commands -> commands.set("{a}_b_bad", "nonsense"));
    server.ask(commands -> commands.del("{a}_g_bad2"));
    server.ask(commands -> commands.rpush("{a}_g_bad2", "nonsense"));
    server.ask(commands -> commands.rpush("{a}_kv_topics_t", "nonsense"));

    onlyGoodIsTakenOver(2);
  }

  @Test
  void something_else_at_our_key_of_a_gid_stops_no_other() {
    dtmHas("bad", saga("bad"));
    dtmHas("good", saga("good"));
    try (RedisStore store = RedisStore.openBesideDtm(configOf(server))) {
      committed(store, save("bad", claim("c")));
    }
    String key = server.<List<String>>ask(commands -> commands.keys("*:t:bad")).getFirst();
    server.ask(commands -> commands.del(key));
    server.ask(commands -> commands.rpush(key, "nonsense"));

    onlyGoodIsTakenOver(1);
  }

  @Test
  void a_gid_of_bytes_that_are_no_utf_8_stays() {
    String script =
        """
        redis.call('zadd', KEYS[1], ARGV[1], 'g\\233')
        redis.call('set', '{a}_g_g\\233', ARGV[2])
        return 1
        """;
    server.ask(
        commands ->
            commands.eval(
                script,
                ScriptOutputType.INTEGER,
                new String[] {"{a}_u"},
                Long.toString(DUE),
                saga("g")));
    dtmHas("good", saga("good"));

    onlyGoodIsTakenOver(1);
  }

  @Test
  void a_dtm_may_have_had_a_prefix_that_this_store_does_not_take() {
    dtmHas("g", saga("g"));
    for (String key : server.<List<String>>ask(commands -> commands.keys("{a}_*"))) {
      server.ask(commands -> commands.rename(key, "{b}" + key.substring("{a}".length())));
    }
    server.ask(commands -> commands.set("{b}_kv_topics_t", topic("topics", "t", "[1]")));
    var config = new RedisStoreConfig(List.of(server.host()), "", "", "b", Duration.ofDays(1), 0);
    assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(() -> RedisStore.open(config))
        .withMessageContaining("./dtm4j import --redis --from-prefix '{b}'");

    assertThat(GoImport.run(config, "{b}")).isEqualTo(new GoImport.Report(1, 0, 0, 0, 1));

    try (RedisStore store = RedisStore.open(config)) {
      assertThat(store.find(new Gid("g"))).isPresent();
    }
  }

  @Test
  void topics_come_along_and_do_not_replace_those_that_are_there() {
    server.ask(commands -> commands.set("{a}_kv_topics_t1", topic("topics", "t1", "[1]")));
    server.ask(commands -> commands.set("{a}_kv_topics_t2", topic("topics", "t2", "[2]")));
    server.ask(commands -> commands.set("{a}_kv_topics_x_y", topic("topics_x", "y", "[3]")));
    try (RedisStore store = RedisStore.open(configOf(server))) {
      store.createKeyValue("topics", "t2", "[\"own\"]");
    }

    assertThat(GoImport.run(configOf(server))).isEqualTo(new GoImport.Report(0, 0, 0, 0, 1));

    try (RedisStore store = RedisStore.open(configOf(server))) {
      assertThat(store.findKeyValues("topics", null))
          .extracting(value -> value.key() + value.value())
          .containsExactly("t1[1]", "t2[\"own\"]");
      assertThat(store.findKeyValues(null, "y")).isEmpty();
    }
  }

  private static String topic(String category, String key, String value) {
    return "{\"id\":0,\"cat\":\"%s\",\"k\":\"%s\",\"v\":\"%s\",\"version\":2}"
        .formatted(category, key, value);
  }
}
