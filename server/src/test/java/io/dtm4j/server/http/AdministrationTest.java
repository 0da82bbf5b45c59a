package io.dtm4j.server.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.dtm4j.coordinator.Servers;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransType;
import io.dtm4j.server.metrics.Metrics;
import io.dtm4j.store.Page;
import java.io.IOException;
import java.net.URLEncoder;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Lists, resets, topics and key-values (docs/spec/http-api.md 4.10 to 4.14) through a real door.
 */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Timeout(30)
class AdministrationTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Instant NOON = Instant.parse("2026-01-02T12:00:00Z");
  private static final Instant FAR = Instant.parse("2999-01-01T00:00:00Z");

  private static Loops loops;

  private final InMemory memory = new InMemory();
  private final FakeDoors doors = new FakeDoors();
  private HttpDoor door;
  private Wire wire;

  @BeforeAll
  static void startLoops() {
    loops = Loops.start(1);
  }

  @AfterAll
  static void endLoops() {
    loops.close();
  }

  @BeforeEach
  void open() throws IOException {
    door =
        HttpDoor.open(
            loops,
            ListenerConfig.DEFAULTS.withAddress("127.0.0.1", 0),
            memory.behind(doors),
            url -> !url.contains("forbidden"),
            _ -> null,
            ZoneOffset.UTC,
            "v1",
            new Metrics("", ""));
    wire = new Wire(door.port());
  }

  @AfterEach
  void close() throws IOException {
    wire.close();
    door.close();
    memory.close();
  }

  // ---- what is stored

  private Stored store(String gid, TransType type, GlobalStatus status, Instant created) {
    return store(gid, type, status, created, NOON);
  }

  private Stored store(
      String gid, TransType type, GlobalStatus status, Instant created, Instant due) {
    return memory.save(gid, type, status, created, due);
  }

  private void storeSome() {
    store("s1", TransType.SAGA, GlobalStatus.SUCCEED, NOON);
    store("m1", TransType.MSG, GlobalStatus.SUCCEED, NOON.plusSeconds(1));
    store("s2", TransType.SAGA, GlobalStatus.PREPARED, NOON.plusSeconds(2));
    store("s3", TransType.SAGA, GlobalStatus.SUCCEED, NOON.plusSeconds(3));
  }

  // ---- servers

  @Test
  void the_servers_are_shown() throws IOException {
    memory.servers.start(new Servers.Address("box", "box:36789", "box:36790", "v1"));
    Instant before = Instant.now();
    JsonNode server;
    do { // it notes itself in the store while others are served
      Wire.Answer answer = wire.get("/api/servers").answer();
      assertThat(answer.status()).as(answer.body()).isEqualTo(200);
      assertThat(Instant.now()).isBefore(before.plusSeconds(10));
      server = JSON.readTree(answer.body()).path("servers").path(0);
    } while (server.isMissingNode());

    assertThat(server.path("name").asText()).hasSize(16);
    assertThat(server.path("host").asText()).isEqualTo("box");
    assertThat(server.path("http").asText()).isEqualTo("box:36789");
    assertThat(server.path("grpc").asText()).isEqualTo("box:36790");
    assertThat(server.path("version").asText()).isEqualTo("v1");
    assertThat(Instant.parse(server.path("started_at").asText())).isAfter(before.minusSeconds(5));
    assertThat(Instant.parse(server.path("alive_at").asText())).isAfter(before.minusSeconds(5));
    assertThat(server.path("open_passes").asInt()).isEqualTo(7);
    assertThat(server.path("alive").asBoolean()).isTrue();
    assertThat(server.path("this").asBoolean()).isTrue();
    assertThat(get("scanKV?cat=dtm4j-servers").path("kv")).hasSize(1);
  }

  // ---- answers

  private JsonNode get(String path) throws IOException {
    Wire.Answer answer = wire.get("/api/dtmsvr/" + path).answer();
    assertThat(answer.status()).as(answer.body()).isEqualTo(200);
    assertThat(answer.headers()).containsEntry("content-type", "application/json; charset=utf-8");
    return JSON.readTree(answer.body());
  }

  private void assertFailed(Wire.Answer answer, int status, ErrorCode code) throws IOException {
    assertThat(answer.status()).as(answer.body()).isEqualTo(status);
    JsonNode body = JSON.readTree(answer.body());
    assertThat(body.path("code").asText()).isEqualTo(code.name());
    assertThat(body.path("message").asText()).isNotEmpty();
  }

  private void assertFails(String path, int status, ErrorCode code) throws IOException {
    assertFailed(wire.get("/api/dtmsvr/" + path).answer(), status, code);
  }

  private static List<String> texts(JsonNode array, String member) {
    List<String> texts = new ArrayList<>();
    array.forEach(one -> texts.add(one.path(member).asText()));
    return texts;
  }

  private List<String> listed(String parameters) throws IOException {
    return texts(get("all" + parameters).path("transactions"), "gid");
  }

  // ---- /all

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        "-, s3 s2 m1 s1",
        "?status=succeed, s3 m1 s1",
        "?transType=saga, s3 s2 s1",
        "?transType=saga&status=succeed, s3 s1",
        "?status=&transType=&createTimeStart=&createTimeEnd=&limit=&position=&gid=, s3 s2 m1 s1",
        "?status=aborting, ''",
        "?status=Succeed, ''",
        "?status=nobody, ''",
        "?transType=barter, ''",
      })
  void filters_are_combined(String parameters, String gids) throws Exception {
    storeSome();

    JsonNode answer = get("all" + (parameters == null ? "" : parameters));

    assertThat(answer.path("transactions").isArray()).isTrue();
    assertThat(String.join(" ", texts(answer.path("transactions"), "gid"))).isEqualTo(gids);
    assertThat(answer.path("next_position").asText("none")).isEmpty();
  }

  @Test
  void pages_follow_each_other() throws Exception {
    storeSome();
    List<String> seen = new ArrayList<>();
    List<String> positions = new ArrayList<>();
    String position = "";
    do {
      JsonNode page = get("all?limit=1&transType=saga&position=" + position);
      assertThat(page.path("transactions").size()).isLessThanOrEqualTo(1);
      seen.addAll(texts(page.path("transactions"), "gid"));
      position = page.path("next_position").asText();
      assertThat(positions).doesNotContain(position);
      positions.add(position);
    } while (!position.isEmpty());

    assertThat(seen).containsExactly("s3", "s2", "s1");
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0, s3 s2 m1 s1",
    "2000, 0, s3 s2",
    "2999, 0, s3 s2",
    "2001, 2001, s2",
    "0, 2000, s2 m1 s1",
    "0, 1999, m1 s1",
    "1000, 2000, s2 m1",
    "4000, 0, ''",
  })
  void times_are_cut_to_seconds_and_inclusive(long start, long end, String gids) throws Exception {
    storeSome();
    long noon = NOON.toEpochMilli();

    List<String> listed =
        listed(
            (start == 0 ? "?" : "?createTimeStart=" + (noon + start))
                + (end == 0 ? "" : "&createTimeEnd=" + (noon + end)));

    assertThat(String.join(" ", listed)).isEqualTo(gids);
  }

  @Test
  void the_last_second_counts_to_its_end() throws Exception {
    store("before", TransType.MSG, GlobalStatus.SUCCEED, NOON.minusMillis(1));
    store("first", TransType.MSG, GlobalStatus.SUCCEED, NOON);
    store("last", TransType.MSG, GlobalStatus.SUCCEED, NOON.plusMillis(999));
    store("behind", TransType.MSG, GlobalStatus.SUCCEED, NOON.plusMillis(1_000));
    long noon = NOON.toEpochMilli();

    assertThat(listed("?createTimeStart=" + noon + "&createTimeEnd=" + noon))
        .containsExactly("last", "first");
    assertThat(listed("?createTimeStart=" + (noon + 500) + "&createTimeEnd=" + (noon + 1)))
        .containsExactly("last", "first");
  }

  @Test
  void a_gid_is_looked_up_whatever_else_is_asked_for() throws Exception {
    doors.stored.put("g ü", store("g ü", TransType.SAGA, GlobalStatus.SUCCEED, NOON));

    JsonNode found = get("all?gid=g+%C3%BC&status=failed&transType=none&position=7");

    assertThat(texts(found.path("transactions"), "gid")).containsExactly("g ü");
    assertThat(found.path("transactions").path(0).path("status").asText()).isEqualTo("succeed");
    assertThat(found.path("next_position").asText()).isEqualTo("7");
    for (String unknown : List.of("G", "x".repeat(129))) {
      assertThat(get("all?gid=" + unknown))
          .isEqualTo(JSON.readTree("{\"transactions\":null,\"next_position\":\"\"}"));
    }
    doors.trouble = new Reply.Failed(ErrorCode.STORE_UNAVAILABLE, "no disk");
    assertFails("all?gid=G", 503, ErrorCode.STORE_UNAVAILABLE);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "all?limit=ten",
        "all?limit=1.0",
        "all?limit=0",
        "all?limit=-1",
        "all?limit=99999999999999999999",
        "all?createTimeStart=noon",
        "all?createTimeStart=-1",
        "all?createTimeEnd=9223372036854775807",
        "all?createTimeEnd=%20",
        "all?position=nowhere",
        "all?position=-1",
        "all?status=%zz",
        "all?gid=g&limit=x",
        "scanKV?limit=0",
        "scanKV?position=nowhere",
        "resetCronTime?limit=0",
        "resetCronTime?limit=x",
        "resetCronTime?timeout=-1",
        "resetCronTime?timeout=soon",
        "resetCronTime?timeout=99999999999",
      })
  void parameters_that_mean_nothing_are_refused(String path) throws Exception {
    store("late", TransType.MSG, GlobalStatus.SUBMITTED, NOON, FAR);

    assertFails(path, 500, ErrorCode.BAD_REQUEST);

    assertThat(memory.store.dueBefore(FAR, null, 10)).as("nothing was reset").isEmpty();
  }

  @Test
  void a_limit_beyond_what_is_possible_is_the_largest() throws Exception {
    storeSome();

    assertThat(listed("?limit=9223372036854775807")).hasSize(4);
    assertThat(listed("?limit=" + (Page.MAX_LIMIT + 1))).hasSize(4);
    assertThat(get("resetCronTime?limit=2147483648").path("succeed_count").asInt()).isZero();
  }

  // ---- /resetCronTime

  @Test
  void a_reset_counts_and_says_whether_something_is_left() throws Exception {
    for (int i = 0; i < 10; i++) {
      store("late" + i, TransType.MSG, GlobalStatus.SUBMITTED, NOON, FAR);
    }

    assertThat(get("resetCronTime?timeout=60&limit=9"))
        .isEqualTo(JSON.readTree("{\"succeed_count\":9,\"has_remaining\":true}"));
    assertThat(get("resetCronTime?timeout=60&limit=10"))
        .isEqualTo(JSON.readTree("{\"succeed_count\":1,\"has_remaining\":false}"));
    assertThat(get("resetCronTime"))
        .isEqualTo(JSON.readTree("{\"succeed_count\":0,\"has_remaining\":false}"));
    assertThat(memory.store.dueBefore(Instant.now().plusSeconds(1), null, 20)).hasSize(10);
  }

  @Test
  void by_itself_a_reset_takes_a_hundred_of_what_is_later_than_three_timeouts() throws Exception {
    Instant now = Instant.now();
    for (int i = 0; i < 101; i++) {
      store("late" + i, TransType.MSG, GlobalStatus.SUBMITTED, NOON, now.plusSeconds(160));
    }
    store("soon", TransType.MSG, GlobalStatus.SUBMITTED, NOON, now.plusSeconds(100));

    assertThat(get("resetCronTime"))
        .isEqualTo(JSON.readTree("{\"succeed_count\":100,\"has_remaining\":true}"));
    assertThat(get("resetCronTime"))
        .isEqualTo(JSON.readTree("{\"succeed_count\":1,\"has_remaining\":false}"));
    assertThat(get("resetCronTime?timeout=0"))
        .isEqualTo(JSON.readTree("{\"succeed_count\":1,\"has_remaining\":false}"));
  }

  @Test
  void all_that_a_large_limit_names_is_reset() throws Exception {
    for (int i = 0; i < 1_201; i++) {
      store("late" + i, TransType.MSG, GlobalStatus.SUBMITTED, NOON, FAR);
    }

    assertThat(get("resetCronTime?limit=100000"))
        .isEqualTo(JSON.readTree("{\"succeed_count\":1201,\"has_remaining\":false}"));
  }

  // ---- topics

  private String valueOf(String topic) {
    return memory.store.findKeyValue("topics", topic).orElseThrow().value();
  }

  private Wire.Answer delete(String topic) throws IOException {
    return wire.request("DELETE", "/api/dtmsvr/topic/" + topic, "").answer();
  }

  @Test
  void topics_gain_and_lose_subscribers() throws Exception {
    assertThat(get("subscribe?topic=t&url=http%3A%2F%2Fa%3Fx%3D1%26y&remark=a+note").toString())
        .isEqualTo("{\"dtm_result\":\"SUCCESS\"}");
    get("subscribe?topic=t&url=http://b");
    assertThat(valueOf("t"))
        .isEqualTo(
            "[{\"url\":\"http://a?x=1&y\",\"remark\":\"a note\"},"
                + "{\"url\":\"http://b\",\"remark\":\"\"}]");
    assertFails("subscribe?topic=t&url=http://b", 500, ErrorCode.STATUS_CONFLICT);

    get("unsubscribe?topic=t&url=http://b");
    assertFails("unsubscribe?topic=t&url=http://b", 500, ErrorCode.STATUS_CONFLICT);
    assertThat(delete("t").body()).isEqualTo("{\"dtm_result\":\"SUCCESS\"}");
    assertFailed(delete("t"), 500, ErrorCode.TOPIC_NOT_FOUND);
    assertFails("unsubscribe?topic=t&url=http://b", 500, ErrorCode.TOPIC_NOT_FOUND);
  }

  @ParameterizedTest
  @CsvSource({
    "t%2Fu, t/u",
    "t/u, t/u",
    "a+b%20c, a+b c",
    "%E8%AE%A2%E5%8D%95, 订单",
    "t%3Fx%23, t?x#",
    "/, /",
    "a//b, a//b",
    "订单, 订单", // not encoded
  })
  void a_topic_is_deleted_by_its_name_in_the_path(String path, String name) throws Exception {
    memory.store.createKeyValue("topics", name, "[]");
    memory.store.createKeyValue("topics", "another", "[]");

    assertThat(delete(path).status()).isEqualTo(200);

    assertThat(memory.store.findKeyValues("topics", null)).hasSize(1);
  }

  @Test
  void slashes_count_in_the_name_of_a_topic_only() throws Exception {
    memory.store.createKeyValue("topics", "a//b", "[]");

    Wire.Answer answer = wire.request("DELETE", "//api/dtmsvr//topic/a//b", "").answer();

    assertThat(answer.status()).isEqualTo(200);
    assertThat(memory.store.findKeyValues("topics", null)).isEmpty();
  }

  @Test
  void a_topic_without_a_name_or_with_half_of_one_is_not_there() throws Exception {
    assertFailed(delete(""), 500, ErrorCode.TOPIC_NOT_FOUND);
    assertFailed(delete("%zz"), 500, ErrorCode.BAD_REQUEST);
    assertFailed(delete("x".repeat(9_000)), 500, ErrorCode.TOPIC_NOT_FOUND);
  }

  @ParameterizedTest
  @CsvSource({
    "subscribe, BAD_REQUEST, 500",
    "subscribe?topic=t, BAD_REQUEST, 500",
    "subscribe?url=http://a, BAD_REQUEST, 500",
    "subscribe?topic=%zz&url=http://a, BAD_REQUEST, 500",
    "subscribe?topic=t&url=http://forbidden/, BAD_REQUEST, 500",
    "subscribe?topic=t&url=http://a:99999/, BAD_REQUEST, 500",
    "subscribe?topic=LONG&url=http://a, LIMIT_EXCEEDED, 400",
    "subscribe?topic=t&url=http://LONGLONG, LIMIT_EXCEEDED, 400",
    "subscribe?topic=t&url=http://a&remark=LONGLONG, LIMIT_EXCEEDED, 400",
    "unsubscribe, BAD_REQUEST, 500",
    "unsubscribe?topic=t, BAD_REQUEST, 500",
    "unsubscribe?topic=none&url=http://a, TOPIC_NOT_FOUND, 500",
  })
  void who_cannot_subscribe_is_told_why(String path, ErrorCode code, int status) throws Exception {
    String given = path.replace("LONGLONG", "x".repeat(8_193)).replace("LONG", "x".repeat(129));

    assertFails(given, status, code);

    assertThat(memory.store.findKeyValues("topics", null)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "POST, all",
    "POST, resetCronTime",
    "POST, subscribe?topic=t&url=http://a",
    "DELETE, subscribe?topic=t&url=http://a",
    "POST, unsubscribe?topic=t&url=http://a",
    "GET, topic/t",
    "POST, topic/t",
    "DELETE, topic",
    "PUT, scanKV",
    "POST, queryKV",
  })
  void other_methods_do_not_exist(String method, String path) throws Exception {
    memory.store.createKeyValue("topics", "t", "[]");

    Wire.Answer answer = wire.request(method, "/api/dtmsvr/" + path, "").answer();

    assertThat(answer.status()).isEqualTo(404);
    assertThat(answer.body()).isEqualTo("404 page not found");
    assertThat(valueOf("t")).isEqualTo("[]");
  }

  // ---- key-values

  @Test
  void key_values_are_paged_by_category() throws Exception {
    for (String key : List.of("a", "b/ü", "c")) {
      memory.store.createKeyValue("topics", key, "[]");
    }
    memory.store.createKeyValue("other", "d", "x");

    JsonNode first = get("scanKV?cat=topics&limit=2");
    String position = URLEncoder.encode(first.path("next_position").asText(), UTF_8);
    JsonNode second = get("scanKV?cat=topics&position=" + position);

    assertThat(texts(first.path("kv"), "k")).containsExactly("a", "b/ü");
    assertThat(texts(second.path("kv"), "k")).containsExactly("c");
    assertThat(second.path("next_position").asText("none")).isEmpty();
    assertThat(texts(get("scanKV").path("kv"), "k"))
        .containsExactlyInAnyOrder("a", "b/ü", "c", "d");
    assertThat(get("scanKV?cat=none"))
        .isEqualTo(JSON.readTree("{\"kv\":[],\"next_position\":\"\"}"));
  }

  @ParameterizedTest
  @CsvSource({
    "queryKV?cat=topics&key=k, topics",
    "queryKV?cat=topics, topics topics",
    "queryKV?key=k, other topics",
    "queryKV?cat=&key=, other topics topics",
    "queryKV?cat=topics&key=K, ''",
    "queryKV?cat=none, ''",
  })
  void key_values_are_found_by_name(String path, String categories) throws Exception {
    memory.store.createKeyValue("topics", "k", "[]");
    memory.store.createKeyValue("topics", "l", "[]");
    memory.store.createKeyValue("other", "k", "[]");

    JsonNode answer = get(path);

    assertThat(answer.size()).isEqualTo(1);
    assertThat(texts(answer.path("kv"), "cat").stream().sorted().toList())
        .isEqualTo(categories.isEmpty() ? List.of() : List.of(categories.split(" ")));
  }

  @Test
  void a_key_value_has_the_members_of_the_wire() throws Exception {
    memory.store.createKeyValue("topics", "t", "[]");
    memory.store.updateKeyValue("topics", "t", "[{\"url\":\"http://a\"}]", 1);

    JsonNode value = get("queryKV?cat=topics&key=t").path("kv").path(0);

    assertThat(value.fieldNames())
        .toIterable()
        .containsExactly("id", "create_time", "update_time", "cat", "k", "v", "version");
    assertThat(value.path("id").asInt(-1)).isZero();
    assertThat(value.path("v").asText()).isEqualTo("[{\"url\":\"http://a\"}]");
    assertThat(value.path("version").asInt()).isEqualTo(2);
    assertThat(Instant.parse(value.path("create_time").asText()))
        .isBetween(Instant.now().minusSeconds(30), Instant.now());
  }
}
