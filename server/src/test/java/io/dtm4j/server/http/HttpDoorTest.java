package io.dtm4j.server.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatException;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.dtm4j.coordinator.Command;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransactionRequest;
import io.dtm4j.server.metrics.Metrics;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
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
import org.slf4j.LoggerFactory;

@DisplayNameGeneration(ReplaceUnderscores.class)
@Timeout(30)
class HttpDoorTest {
  private static final String SAGA = "{\"gid\":\"g1\",\"trans_type\":\"saga\"}";
  private static final int BODY_LIMIT = 64 << 10;
  private static final int BODY_ROOM = 256 << 10;
  private static final int ANSWER_ROOM = 12 << 20;
  private static final Duration BODY_TIMEOUT = Duration.ofMillis(300);
  private static final Duration IDLE_TIMEOUT = Duration.ofMillis(600);

  private static Loops loops;

  private final InMemory memory = new InMemory();
  private final FakeDoors doors = new FakeDoors();
  private final ListAppender<ILoggingEvent> logged = new ListAppender<>();
  private HttpDoor door;

  @BeforeAll
  static void startLoops() {
    loops = Loops.start(2);
  }

  @AfterAll
  static void endLoops() {
    loops.close();
  }

  @BeforeEach
  void open() {
    logged.start();
    root().addAppender(logged);
    door =
        HttpDoor.open(
            loops,
            new ListenerConfig(
                "127.0.0.1",
                0,
                BODY_LIMIT,
                BODY_ROOM,
                ANSWER_ROOM,
                BODY_TIMEOUT,
                IDLE_TIMEOUT,
                true),
            memory.behind(doors),
            url -> !url.contains("forbidden"),
            _ -> "something",
            ZoneOffset.UTC,
            "v9.8.7",
            new Metrics("an HTTP", "a gRPC"));
  }

  @AfterEach
  void close() {
    door.close();
    memory.close();
    root().detachAppender(logged);
  }

  private static Logger root() {
    return (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
  }

  private Wire wire() throws IOException {
    return new Wire(door.port());
  }

  private static void eventually(BooleanSupplier condition) {
    long until = System.nanoTime() + Duration.ofSeconds(10).toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("time until it should have happened").isLessThan(until);
      Thread.onSpinWait();
    }
  }

  private static void assertNotFound(Wire.Answer answer) {
    assertThat(answer.status()).isEqualTo(404);
    assertThat(answer.headers()).containsEntry("content-type", "text/plain");
    assertThat(answer.body()).isEqualTo("404 page not found");
  }

  @ParameterizedTest
  @CsvSource({
    "submit, SUBMIT",
    "prepare, PREPARE",
    "abort, ABORT",
    "forceStop, FORCE_STOP",
    "resetNextCronTime, RESET_NEXT_CRON_TIME",
    "submit?dtm=x&gid=other, SUBMIT",
    "submit?x=1?gid=other, SUBMIT" // docs/spec/sdk-matrix.md 5.16
  })
  void a_command_is_handed_on_and_answered(String path, Command.Kind kind) throws Exception {
    try (Wire wire = wire()) {
      Wire.Answer answer = wire.post("/api/dtmsvr/" + path, SAGA).answer();

      assertThat(answer.status()).isEqualTo(200);
      assertThat(answer.body()).isEqualTo("{\"dtm_result\":\"SUCCESS\"}");
      assertThat(answer.headers())
          .containsEntry("content-type", "application/json; charset=utf-8")
          .doesNotContainKey("connection");
      Command command = doors.asked.take().command();
      assertThat(command.kind()).isEqualTo(kind);
      assertThat(command.request().gid()).isEqualTo("g1");
      assertThat(command.request().transType()).isEqualTo("saga");
    }
  }

  @Test
  void a_refusal_carries_code_and_status() throws Exception {
    doors.answer = new Reply.Refused(ErrorCode.ROLLED_BACK, "full", GlobalStatus.FAILED);
    try (Wire wire = wire()) {
      Wire.Answer answer = wire.post("/api/dtmsvr/submit", SAGA).answer();

      assertThat(answer.status()).isEqualTo(409);
      assertThat(answer.body())
          .isEqualTo(
              "{\"dtm_result\":\"FAILURE\",\"message\":\"full FAILURE\",\"code\":\"ROLLED_BACK\","
                  + "\"status\":\"failed\"}");
    }
  }

  @Test
  void trouble_that_passes_tells_to_try_again() throws Exception {
    doors.answer = new Reply.Failed(ErrorCode.OVERLOADED, "busy");
    try (Wire wire = wire()) {
      Wire.Answer answer = wire.post("/api/dtmsvr/submit", SAGA).answer();

      assertThat(answer.status()).isEqualTo(503);
      assertThat(answer.headers())
          .containsEntry("retry-after", "1")
          .doesNotContainKey("connection");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
  void ping_takes_any_method(String method) throws Exception {
    try (Wire wire = wire()) {
      Wire.Answer answer = wire.request(method, "/api/ping", "").answer();

      assertThat(answer.status()).isEqualTo(200);
      assertThat(answer.body()).isEqualTo("{\"msg\":\"pong\"}");
    }
  }

  @Test
  void ping_takes_head_and_answers_without_a_body() throws Exception {
    try (Wire wire = wire()) {
      assertThat(wire.request("HEAD", "/api/ping", "").head().status()).isEqualTo(200);
      assertThat(wire.get("/api/ping").answer().body()).isEqualTo("{\"msg\":\"pong\"}");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"GET", "POST", "OPTIONS"})
  void a_server_that_is_ready_says_so(String method) throws Exception {
    try (Wire wire = wire()) {
      Wire.Answer answer = wire.request(method, "/api/ready", "").answer();

      assertThat(answer.status()).isEqualTo(200);
      assertThat(answer.body()).isEqualTo("{\"msg\":\"ready\"}");
    }
  }

  @Test
  void a_server_that_is_not_ready_says_why_and_stays_alive() throws Exception {
    memory.notReady = new Reply.Failed(ErrorCode.STORE_UNAVAILABLE, "disk full");
    try (Wire wire = wire()) {
      Wire.Answer answer = wire.get("/api/ready").answer();

      assertThat(answer.status()).isEqualTo(503);
      assertThat(answer.headers()).containsEntry("retry-after", "1");
      assertThat(answer.body())
          .isEqualTo("{\"message\":\"disk full\",\"code\":\"STORE_UNAVAILABLE\"}");
      assertThat(wire.request("HEAD", "/api/ready", "").head().status()).isEqualTo(503);
      assertThat(wire.get("/api/ping").answer().status()).isEqualTo(200);
    }
  }

  @Test
  void version_is_a_text() throws Exception {
    try (Wire wire = wire()) {
      assertThat(wire.get("/api/dtmsvr/version").answer().body())
          .isEqualTo("{\"version\":\"v9.8.7\"}");
    }
  }

  @Test
  void new_gids_are_new() throws Exception {
    Set<String> gids = new HashSet<>();
    try (Wire wire = wire()) {
      for (int i = 0; i < 40; i++) {
        String body = wire.get("/api/dtmsvr/newGid").answer().body();

        assertThat(body).matches("\\{\"dtm_result\":\"SUCCESS\",\"gid\":\"[2-9A-Za-z]{22}\"}");
        gids.add(body);
      }
    }
    assertThat(gids).hasSize(40);
  }

  @ParameterizedTest
  @CsvSource({
    "GET, /",
    "GET, /api",
    "GET, /api/elsewhere",
    "GET, /api/dtmsvr/",
    "GET, /api/dtmsvr/nothing",
    "GET, /api/dtmsvr/submit",
    "GET, /api/dtmsvr/registerBranch",
    "PUT, /api/dtmsvr/prepareWorkflow",
    "GET, /api/dtmsvr/resetNextCronTime",
    "POST, /api/dtmsvr/newGid",
    "PUT, /api/dtmsvr/prepare",
    "DELETE, /api/dtmsvr/submit",
    "POST, /api/dtmsvr/query?gid=x",
    "GET, /api/dtmsvr/query/x",
    "GET, /api/dtmsvr/newgid",
    "GET, /api/dtmsvr/submit/",
    "GET, /api/json-rpc",
    "OPTIONS, /api/dtmsvr/submit",
  })
  void what_does_not_exist(String method, String path) throws Exception {
    try (Wire wire = wire()) {
      assertNotFound(wire.request(method, path, "{}").answer());
      assertThat(wire.get("/api/ping").answer().status())
          .as("on the same connection")
          .isEqualTo(200);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"/api/dtmsvr/newGid", "/api/dtmsvr/query?gid=x", "/nothing"})
  void head_does_not_exist(String path) throws Exception {
    try (Wire wire = wire()) {
      assertThat(wire.request("HEAD", path, "").head().status()).isEqualTo(404);
      assertThat(wire.get("/api/ping").answer().status()).isEqualTo(200);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "GET, /api/dtmsvr/newGid/, 301, /api/dtmsvr/newGid",
    "GET, /api/dtmsvr/query/?gid=a%20b&x=, 301, /api/dtmsvr/query?gid=a%20b&x=",
    "GET, /api/ping/, 301, /api/ping",
    "POST, /api/dtmsvr/submit/?x=1, 307, /api/dtmsvr/submit?x=1",
    "GET, //api/dtmsvr//version//, 301, /api/dtmsvr/version"
  })
  void a_slash_too_many_is_redirected(String method, String path, int status, String location)
      throws Exception {
    try (Wire wire = wire()) {
      Wire.Answer answer = wire.request(method, path, SAGA).answer();

      assertThat(answer.status()).isEqualTo(status);
      assertThat(answer.headers()).containsEntry("location", location);
      assertThat(doors.asked).isEmpty();
    }
  }

  /** docs/spec/sdk-matrix.md 5.9. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "/api/dtmsvr//submit",
        "//api/dtmsvr/submit",
        "/api///dtmsvr//submit?a//b",
        "http://x//api/dtmsvr//submit"
      })
  void slashes_that_follow_each_other_are_one(String path) throws Exception {
    try (Wire wire = wire()) {
      assertThat(wire.post(path, SAGA).answer().status()).isEqualTo(200);
      assertThat(doors.asked.take().command().kind()).isEqualTo(Command.Kind.SUBMIT);
    }
  }

  /** docs/spec/sdk-matrix.md 5.20. */
  @ParameterizedTest
  @ValueSource(strings = {"", "Content-Length: 0\r\n", "Content-Length: 1\r\n\r\n{"})
  void a_new_gid_may_be_asked_for_as_json_without_a_body(String rest) throws Exception {
    try (Wire wire = wire()) {
      wire.send(
          "GET /api/dtmsvr/newGid HTTP/1.1\r\nContent-Type: application/json\r\n"
              + rest
              + (rest.endsWith("{") ? "" : "\r\n"));

      assertThat(wire.answer().body()).startsWith("{\"dtm_result\":\"SUCCESS\",\"gid\":\"");
    }
  }

  /** docs/spec/sdk-matrix.md 5.15. */
  @ParameterizedTest
  @ValueSource(strings = {"", "application/json; charset=utf-8", "text/plain", "nonsense"})
  void the_content_type_of_a_request_does_not_matter(String type) throws Exception {
    try (Wire wire = wire()) {
      wire.send(
          "POST /api/dtmsvr/submit HTTP/1.1\r\nHost: x\r\n"
              + (type.isEmpty() ? "" : "Content-Type: " + type + "\r\n")
              + "Content-Length: "
              + SAGA.length()
              + "\r\n\r\n"
              + SAGA);

      assertThat(wire.answer().status()).isEqualTo(200);
      assertThat(doors.asked.take().command().request().gid()).isEqualTo("g1");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{\"gid\": ", "[]", "{\"gid\":7}", "{\"wait_result\":\"FAILURE\"}"})
  void a_body_that_is_no_request_is_an_error_without_result(String body) throws Exception {
    try (Wire wire = wire()) {
      for (String path :
          List.of(
              "submit", "prepare", "abort", "forceStop", "prepareWorkflow", "resetNextCronTime")) {
        Wire.Answer answer = wire.post("/api/dtmsvr/" + path, body).answer();

        assertThat(answer.status()).isEqualTo(500);
        assertThat(answer.body())
            .startsWith("{\"message\":\"")
            .endsWith("\",\"code\":\"BAD_JSON\"}")
            .doesNotContain("FAILURE");
      }
      assertThat(doors.asked).isEmpty();
      assertThat(doors.prepared).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"registerBranch", "registerXaBranch", "registerTccBranch"})
  void a_registration_is_handed_on_under_each_of_its_names(String name) throws Exception {
    try (Wire wire = wire()) {
      Wire.Answer answer =
          wire.post(
                  "/api/dtmsvr/" + name,
                  """
                  {"gid":";g\\r\\n1","trans_type":"tcc","branch_id":"01","data":"d","try":"http://t",\
                  "confirm":"http://k","cancel":"http://x","url":null,"op":"o","status":"s"}\
                  """)
              .answer();

      assertThat(answer.status()).isEqualTo(200);
      assertThat(answer.body()).isEqualTo("{\"dtm_result\":\"SUCCESS\"}");
      assertThat(doors.registered.take())
          .isEqualTo(
              new BranchRequest(
                  "g1", "tcc", "01", Payload.of("d"), "http://k", "http://x", "", "o", "s"));
    }
  }

  @Test
  void a_registration_that_is_refused_carries_code_and_status() throws Exception {
    doors.answer = new Reply.Refused(ErrorCode.GID_NOT_FOUND, "who is that?", null);
    try (Wire wire = wire()) {
      Wire.Answer answer = wire.post("/api/dtmsvr/registerBranch", "{}").answer();

      assertThat(answer.status()).isEqualTo(409);
      assertThat(answer.body())
          .isEqualTo(
              "{\"dtm_result\":\"FAILURE\",\"message\":\"who is that? FAILURE\","
                  + "\"code\":\"GID_NOT_FOUND\"}");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{\"gid\": ", "[]", "{\"gid\":7}", "{\"data\":{}}", "{\"op\":false}"})
  void a_registration_that_cannot_be_read_is_a_bad_request(String body) throws Exception {
    try (Wire wire = wire()) {
      for (String name : List.of("registerBranch", "registerXaBranch", "registerTccBranch")) {
        Wire.Answer answer = wire.post("/api/dtmsvr/" + name, body).answer();

        assertThat(answer.status()).isEqualTo(400);
        assertThat(answer.body()).startsWith("{\"message\":\"").endsWith("\"code\":\"BAD_JSON\"}");
      }
      assertThat(doors.registered).isEmpty();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "http://forbidden/, 500, BAD_REQUEST",
    "http://[::, 500, BAD_REQUEST",
    "https://a:99999/, 500, BAD_REQUEST",
    "http://LONG/, 400, LIMIT_EXCEEDED",
  })
  void a_registration_with_a_url_that_could_never_be_called_is_refused(
      String url, int status, ErrorCode code) throws Exception {
    String given = url.replace("LONG", "x".repeat(8_200));
    try (Wire wire = wire()) {
      for (String member : List.of("confirm", "cancel", "url")) {
        Wire.Answer answer =
            wire.post("/api/dtmsvr/registerBranch", "{\"" + member + "\":\"" + given + "\"}")
                .answer();

        assertThat(answer.status()).isEqualTo(status);
        assertThat(answer.body()).contains(member).contains("\"code\":\"" + code + "\"");
      }
      assertThat(doors.registered).isEmpty();
    }
  }

  @Test
  void a_workflow_is_handed_on_and_shown_with_its_steps() throws Exception {
    Branch step =
        Branch.open(
                new BranchKey("01", Op.ACTION),
                "",
                Payload.of("res"),
                Instant.parse("2026-01-02T03:04:05Z"))
            .settled(BranchStatus.SUCCEED, Instant.parse("2026-01-02T03:04:06Z"));
    doors.stored.put(
        "g1",
        RecordJsonTest.stored(Options.DEFAULTS, RecordJsonTest.state(GlobalStatus.PREPARED), step));
    try (Wire wire = wire()) {
      Wire.Answer answer =
          wire.post(
                  "/api/dtmsvr/prepareWorkflow",
                  "{\"gid\":\"g\\n1\",\"trans_type\":\"workflow\",\"custom_data\":\"{}\"}")
              .answer();

      assertThat(answer.status()).isEqualTo(200);
      assertThat(answer.body())
          .contains(
              "\"transaction\":{", "\"gid\":\"g1\"", "\"progresses\":[{", "\"bin_data\":\"cmVz\"")
          .doesNotContain("\"branches\"", "waiting_for");
      TransactionRequest request = doors.prepared.take();
      assertThat(request.gid()).isEqualTo("g1");
      assertThat(request.transType()).isEqualTo("workflow");
      assertThat(request.customData()).isEqualTo("{}");
    }
  }

  @Test
  void a_workflow_that_is_not_prepared_is_answered_with_the_cause() throws Exception {
    doors.trouble = new Reply.Failed(ErrorCode.STORE_UNAVAILABLE, "no disk");
    try (Wire wire = wire()) {
      Wire.Answer refused =
          wire.post("/api/dtmsvr/prepareWorkflow", "{\"query_prepared\":\"http://forbidden/\"}")
              .answer();
      assertThat(refused.status()).isEqualTo(500);
      assertThat(refused.body()).contains("\"code\":\"BAD_REQUEST\"");
      assertThat(doors.prepared).isEmpty();

      Wire.Answer failed = wire.post("/api/dtmsvr/prepareWorkflow", "{\"gid\":\"g\"}").answer();
      assertThat(failed.status()).isEqualTo(503);
      assertThat(failed.body()).contains("\"code\":\"STORE_UNAVAILABLE\"");
    }
  }

  @Test
  void line_breaks_and_semicolons_are_taken_out_of_gids() throws Exception {
    try (Wire wire = wire()) {
      wire.post(
              "/api/dtmsvr/submit",
              "{\"gid\":\";a\\r"
                  + "\\n"
                  + "b;\",\"trans_type\":\"msg\",\"steps\":[{\"action\":\"http://a\"}],"
                  + "\"payloads\":[\"p\"],\"query_prepared\":\"http://q\",\"custom_data\":\"{}\","
                  + "\"retry_interval\":7,\"rollback_reason\":\"r\",\"req_extra\":{\"k\":\"v\"}}")
          .answer();

      var request = doors.asked.take().command().request();
      assertThat(request.gid()).isEqualTo("ab");
      assertThat(request.transType()).isEqualTo("msg");
      assertThat(request.steps()).hasSize(1);
      assertThat(request.payloads()).containsExactly(Payload.of("p"));
      assertThat(request.queryPrepared()).isEqualTo("http://q");
      assertThat(request.protocol()).isEqualTo("http");
      assertThat(request.customData()).isEqualTo("{}");
      assertThat(request.options().retryInterval()).isEqualTo(7);
      assertThat(request.rollbackReason()).isEqualTo("r");
      assertThat(request.reqExtra()).containsEntry("k", "v");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"steps\":[{},{\"action\":\"http://forbidden/\"}]}|500|BAD_REQUEST",
        "{\"steps\":[{\"compensate\":\"http://forbidden/\"}]}|500|BAD_REQUEST",
        "{\"query_prepared\":\"http://forbidden/\"}|500|BAD_REQUEST",
        "{\"steps\":[{\"action\":\"http://[::\"}]}|500|BAD_REQUEST",
        "{\"steps\":[{\"compensate\":\"https://a:99999/\"}]}|500|BAD_REQUEST",
        "{\"query_prepared\":\"http://a:x/\"}|500|BAD_REQUEST",
        "{\"steps\":[{\"action\":\"http://LONG/\"}]}|400|LIMIT_EXCEEDED",
        "{\"query_prepared\":\"LONG\"}|400|LIMIT_EXCEEDED",
        "{\"branch_headers\":{\"a\":\"LONGLONG\"}}|400|LIMIT_EXCEEDED",
        "{\"branch_headers\":{\"a b\":\"\"}}|500|BAD_REQUEST",
        "{\"branch_headers\":{\"\":\"\"}}|500|BAD_REQUEST",
        "{\"branch_headers\":{\"a:b\":\"\"}}|500|BAD_REQUEST",
        "{\"branch_headers\":{\"ü\":\"\"}}|500|BAD_REQUEST",
        "{\"branch_headers\":{\"a\":\"x\\r\\ny: z\"}}|500|BAD_REQUEST",
        "{\"branch_headers\":{\"a\":\"\\u0000\"}}|500|BAD_REQUEST",
      })
  void a_request_that_could_never_be_carried_out_is_refused(String body, int status, ErrorCode code)
      throws Exception {
    try (Wire wire = wire()) {
      Wire.Answer answer =
          wire.post("/api/dtmsvr/submit", body.replace("LONG", "x".repeat(8_200))).answer();

      assertThat(answer.status()).isEqualTo(status);
      assertThat(answer.body()).contains("\"code\":\"" + code + "\"");
      assertThat(doors.asked).isEmpty();
    }
  }

  @Test
  void headers_that_can_be_sent_are_taken() throws Exception {
    try (Wire wire = wire()) {
      wire.post(
              "/api/dtmsvr/submit",
              "{\"branch_headers\":{\"X-Tenant.1\":\"north \\t"
                  + " 世\",\"x-empty\":\"\",\"Host\":\"x\"}}")
          .answer();

      Options options = doors.asked.take().command().request().options();
      assertThat(options.branchHeaders()).hasSize(3);
    }
  }

  @Test
  void a_body_may_come_in_any_pieces() throws Exception {
    byte[] body =
        ("{\"gid\":\"g1\",\"custom_data\":\"" + "ü".repeat(500) + "\"}")
            .getBytes(StandardCharsets.UTF_8);
    try (Wire wire = wire()) {
      wire.send("POST /api/dtmsvr/submit HTTP/1.1\r\nContent-Length: " + body.length + "\r\n\r\n");
      for (int from = 0; from < body.length; from += 333) {
        wire.send(Arrays.copyOfRange(body, from, Math.min(from + 333, body.length)));
      }

      assertThat(wire.answer().status()).isEqualTo(200);
      assertThat(doors.asked.take().command().request().customData()).isEqualTo("ü".repeat(500));
    }
  }

  @Test
  void a_body_may_be_chunked() throws Exception {
    try (Wire wire = wire()) {
      wire.send(
          """
          POST /api/dtmsvr/submit HTTP/1.1\r
          Host: x\r
          Transfer-Encoding: chunked\r
          \r
          7\r
          {"gid":\r
          5;ext=1\r
          "g1"}\r
          0\r
          Trailer: x\r
          \r
          """);

      assertThat(wire.answer().status()).isEqualTo(200);
      assertThat(doors.asked.take().command().request().gid()).isEqualTo("g1");
    }
  }

  @Test
  void a_client_may_wait_for_the_word_to_continue() throws Exception {
    try (Wire wire = wire()) {
      wire.send(
          "POST /api/dtmsvr/submit HTTP/1.1\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n");
      assertThat(wire.answer().status()).isEqualTo(100);

      assertThat(wire.send("{\"gid\":\"g1\"}").answer().status()).isEqualTo(200);
    }
  }

  @Test
  void http_1_0_is_spoken() throws Exception {
    try (Wire wire = wire()) {
      wire.send("POST /api/dtmsvr/submit HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}");

      assertThat(wire.answer().status()).isEqualTo(200);
      assertThat(wire.isClosed()).isTrue();
    }
    try (Wire wire = wire()) {
      for (int i = 0; i < 2; i++) {
        wire.send("GET /api/ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");

        assertThat(wire.answer().headers()).containsEntry("connection", "keep-alive");
      }
    }
  }

  @Test
  void a_client_may_ask_to_close() throws Exception {
    try (Wire wire = wire()) {
      wire.send("GET /api/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

      assertThat(wire.answer().headers()).containsEntry("connection", "close");
      assertThat(wire.isClosed()).isTrue();
    }
  }

  @Test
  void get_may_have_a_body() throws Exception {
    try (Wire wire = wire()) {
      wire.request("GET", "/api/dtmsvr/version", "x".repeat(3 * BODY_LIMIT));

      assertThat(wire.answer().status()).isEqualTo(200);
      assertThat(wire.get("/api/ping").answer().status()).isEqualTo(200);
    }
  }

  @Test
  void pipelined_requests_are_answered_in_their_order() throws Exception {
    doors.answer = null;
    try (Wire wire = wire()) {
      var all = new StringBuilder();
      for (int i = 0; i < 20; i++) {
        String body = "{\"gid\":\"g" + i + "\"}";
        all.append("POST /api/dtmsvr/submit HTTP/1.1\r\nContent-Length: ")
            .append(body.length())
            .append("\r\n\r\n")
            .append(body)
            .append("GET /api/dtmsvr/version HTTP/1.1\r\n\r\n");
      }
      wire.send(all.toString());

      for (int i = 0; i < 20; i++) {
        FakeDoors.Asked asked = doors.asked.take();
        asked.answer(
            new Reply.Failed(ErrorCode.GID_NOT_FOUND, asked.command().request().gid() + "."));
        assertThat(wire.answer().body()).contains("\"g" + i + ".\"");
        assertThat(wire.answer().body()).contains("version");
      }
    }
  }

  @Test
  void a_body_that_announces_too_much_is_refused_at_once() throws Exception {
    try (Wire wire = wire()) {
      wire.send(
          "POST /api/dtmsvr/submit HTTP/1.1\r\nContent-Length: " + (BODY_LIMIT + 1) + "\r\n\r\n");

      Wire.Answer answer = wire.answer();
      assertThat(answer.status()).isEqualTo(413);
      assertThat(answer.headers()).containsEntry("connection", "close");
      assertThat(answer.body())
          .isEqualTo(
              "{\"message\":\"body too long (limit: 65536 bytes)\",\"code\":\"LIMIT_EXCEEDED\"}");
      wire.send("x".repeat(BODY_LIMIT + 1));
      assertThat(wire.isClosed()).isTrue();
    }
    eventually(() -> door.openRequests() == 0);
  }

  @Test
  void nobody_is_asked_for_a_body_that_is_too_long() throws Exception {
    try (Wire wire = wire()) {
      wire.send(
          "POST /api/dtmsvr/submit HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: "
              + (BODY_LIMIT + 1)
              + "\r\n\r\n");

      assertThat(wire.answer().status()).isEqualTo(413);
    }
  }

  @Test
  void a_body_that_grows_too_long_is_refused_and_the_answer_arrives() throws Exception {
    String chunk = "8000\r\n" + " ".repeat(0x8000) + "\r\n";
    try (Wire wire = wire()) {
      wire.send(
          "POST /api/dtmsvr/submit HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
              + chunk.repeat(5)
              + "0\r\n\r\n");

      assertThat(wire.answer().status()).isEqualTo(413);
      assertThat(wire.isClosed()).isTrue();
    }
  }

  @Test
  void a_body_without_end_is_cut() throws Exception {
    String chunk = "8000\r\n" + " ".repeat(0x8000) + "\r\n";
    try (Wire wire = wire()) {
      wire.send("POST /api/dtmsvr/submit HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
      int sent = 0;
      try {
        for (; sent < 1_000_000; sent++) {
          wire.send(chunk);
        }
      } catch (IOException e) {
        // what has to happen
      }
      assertThat(sent).isLessThan(1_000_000);
    }
  }

  @Test
  void the_longest_body_is_taken() throws Exception {
    String body = "{\"gid\":\"g1\",\"custom_data\":\"";
    body += "x".repeat(BODY_LIMIT - body.length() - 2) + "\"}";
    try (Wire wire = wire()) {
      assertThat(wire.post("/api/dtmsvr/submit", body).answer().status()).isEqualTo(200);
    }
  }

  @Test
  void bodies_take_up_room_until_they_are_answered() throws Exception {
    doors.answer = null;
    String body = "{\"gid\":\"g1\",\"custom_data\":\"" + "x".repeat(60_000) + "\"}";
    try (Wire first = wire();
        Wire second = wire();
        Wire third = wire();
        Wire fourth = wire();
        Wire fifth = wire()) {
      List<FakeDoors.Asked> open = new ArrayList<>();
      for (Wire wire : List.of(first, second, third, fourth)) {
        wire.post("/api/dtmsvr/submit", body);
        open.add(doors.asked.take());
      }

      Wire.Answer refused = fifth.post("/api/dtmsvr/submit", body).answer();

      assertThat(refused.status()).isEqualTo(503);
      assertThat(refused.body()).contains("\"code\":\"OVERLOADED\"");
      assertThat(refused.headers())
          .containsEntry("retry-after", "1")
          .containsEntry("connection", "close");
      assertThat(fifth.isClosed()).isTrue();
      open.getFirst().answer(Reply.Success.INSTANCE);
      assertThat(first.answer().status()).isEqualTo(200);
      first.post("/api/dtmsvr/submit", body);
      assertThat(doors.asked.take()).as("there is room again").isNotNull();
    }
  }

  @Test
  void bodies_that_do_not_arrive_leave_their_room() throws Exception {
    for (int i = 0; i < 10; i++) {
      try (Wire wire = wire()) {
        wire.send("POST /api/dtmsvr/submit HTTP/1.1\r\nContent-Length: 65536\r\n\r\n");
        wire.send("x".repeat(60_000));
        if (i % 2 == 0) {
          wire.reset();
        } else {
          assertThat(wire.answer().status()).isEqualTo(408);
        }
      }
      eventually(() -> door.openRequests() == 0);
    }
    String body = "{\"gid\":\"g1\",\"custom_data\":\"" + "x".repeat(60_000) + "\"}";
    try (Wire wire = wire()) {
      assertThat(wire.post("/api/dtmsvr/submit", body).answer().status()).isEqualTo(200);
    }
  }

  @Test
  void a_large_body_is_understood_like_a_small_one() throws Exception {
    String text = "x".repeat(500_000);
    try (HttpDoor large = open(1 << 20, 4 << 20, Duration.ofSeconds(20));
        Wire wire = new Wire(large.port())) {
      String custom = ",\"custom_data\":\"" + text + "\"";
      wire.post("/api/dtmsvr/submit", "{\"gid\":\"g\\n1\"" + custom + "}");
      assertThat(wire.answer().status()).isEqualTo(200);
      TransactionRequest request = doors.asked.take().command().request();
      assertThat(request.gid()).isEqualTo("g1");
      assertThat(request.customData()).isEqualTo(text);

      Wire.Answer answer = wire.post("/api/dtmsvr/submit", "{\"gid\":1" + custom + "}").answer();
      assertThat(answer.status()).isEqualTo(500);
      assertThat(answer.body()).contains("\"code\":\"BAD_JSON\"");

      String data = "{\"gid\":\"g1\",\"data\":\"" + text;
      assertThat(wire.post("/api/dtmsvr/registerBranch", data).answer().status()).isEqualTo(400);
      assertThat(wire.post("/api/dtmsvr/registerBranch", data + "\"}").answer().status())
          .isEqualTo(200);
      assertThat(doors.registered.take().data()).isEqualTo(Payload.of(text));

      doors.broken = true;
      assertThat(wire.post("/api/dtmsvr/submit", "{\"gid\":\"g\"" + custom + "}").answer().body())
          .contains("\"code\":\"INTERNAL\"");
    }
  }

  private HttpDoor open(int bodyBytes, long bodyRoom, Duration idleTimeout) {
    return HttpDoor.open(
        loops,
        new ListenerConfig(
            "127.0.0.1",
            0,
            bodyBytes,
            bodyRoom,
            ANSWER_ROOM,
            Duration.ofSeconds(20),
            idleTimeout,
            false),
        memory.behind(doors),
        AddressPolicy.ALL,
        _ -> null,
        ZoneOffset.UTC,
        "",
        new Metrics("an HTTP", "a gRPC"));
  }

  private void store(String gid, int payloadBytes) {
    Branch large =
        Branch.open(
            new BranchKey("01", Op.ACTION),
            "",
            Payload.of(new byte[payloadBytes]),
            Instant.parse("2026-01-02T03:04:05Z"));
    doors.stored.put(
        gid,
        RecordJsonTest.stored(
            Options.DEFAULTS, RecordJsonTest.state(GlobalStatus.SUBMITTED), large));
  }

  @Test
  void answers_take_up_room_until_they_have_left_or_are_given_up() throws Exception {
    store("large", 6_000_000);
    store("small", 1_000);
    try (HttpDoor patient = open(BODY_LIMIT, BODY_ROOM, Duration.ofSeconds(2));
        Wire slow = new Wire(patient.port())) {
      slow.get("/api/dtmsvr/query?gid=large").head(); // and the rest is never read

      Wire.Answer refused = query(patient, "large");

      assertThat(refused.status()).isEqualTo(503);
      assertThat(refused.headers()).containsEntry("retry-after", "1");
      assertThat(refused.body()).contains("\"code\":\"OVERLOADED\"");
      assertThat(query(patient, "small").status()).isEqualTo(200);
      eventually(() -> query(patient, "large").status() == 200);
      assertThat(query(patient, "large").status()).as("what has left takes none").isEqualTo(200);
    }
  }

  private static Wire.Answer query(HttpDoor door, String gid) {
    try (Wire wire = new Wire(door.port())) {
      return wire.get("/api/dtmsvr/query?gid=" + gid).answer();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void an_answer_that_is_too_long_is_refused() throws Exception {
    store("large", 8_000_000);
    try (Wire wire = wire()) {
      Wire.Answer answer = wire.get("/api/dtmsvr/query?gid=large").answer();

      assertThat(answer.status()).isEqualTo(400);
      assertThat(answer.body())
          .contains("\"code\":\"LIMIT_EXCEEDED\"", "(limit: " + ANSWER_ROOM / 4 * 3 + " bytes)");
    }
  }

  @Test
  void a_request_line_or_headers_may_not_be_endless() throws Exception {
    try (Wire wire = wire()) {
      Wire.Answer answer = wire.get("/api/ping?" + "x".repeat(20_000)).answer();

      assertThat(answer.status()).isEqualTo(414);
      assertThat(answer.body()).contains("\"code\":\"LIMIT_EXCEEDED\"");
      assertThat(wire.isClosed()).isTrue();
    }
    try (Wire wire = wire()) {
      wire.send("GET /api/ping HTTP/1.1\r\nX: " + "x".repeat(80_000) + "\r\n\r\n");

      Wire.Answer answer = wire.answer();
      assertThat(answer.status()).isEqualTo(431);
      assertThat(answer.body()).contains("\"code\":\"LIMIT_EXCEEDED\"");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\u0016\u0003\u0001\u0002",
        "GET /api/ping HYTTP/1.1",
        "GET /api/ping HTTP/9.9",
        "PRI * HTTP/2.0",
        "GET /api/ping"
      })
  void what_is_no_http_is_refused(String head) throws Exception {
    try (Wire wire = wire()) {
      Wire.Answer answer = wire.send(head + "\r\n\r\n").answer();

      assertThat(answer.status()).isEqualTo(400);
      assertThat(answer.body())
          .isEqualTo("{\"message\":\"this is no HTTP request\",\"code\":\"BAD_REQUEST\"}");
      assertThat(wire.isClosed()).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"zz\r\n{}\r\n", "6\r\n{\"gid\"\r\nzz\r\n", "0\r\nbad\r\n\r\n"})
  void chunks_that_are_none_are_refused(String chunks) throws Exception {
    try (Wire wire = wire()) {
      wire.send(
          "POST /api/dtmsvr/submit HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
              + chunks);
      Wire.Answer answer = wire.answer();

      assertThat(answer.status()).isEqualTo(400);
      assertThat(answer.body()).contains("\"code\":\"BAD_REQUEST\"");
      assertThat(wire.isClosed()).isTrue();
      assertThat(doors.asked).isEmpty();
    }
  }

  @Test
  void web_sockets_do_not_exist() throws Exception {
    try (Wire wire = wire()) {
      wire.send(
          """
          GET /api/ping HTTP/1.1\r
          Connection: Upgrade\r
          Upgrade: websocket\r
          Sec-WebSocket-Version: 13\r
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
          \r
          """);

      assertThat(wire.answer().status()).isEqualTo(404);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "?gid=", "?gid", "?x=1", "?gid=%zz"})
  void query_needs_a_gid(String parameters) throws Exception {
    try (Wire wire = wire()) {
      Wire.Answer answer = wire.get("/api/dtmsvr/query" + parameters).answer();

      assertThat(answer.status()).isEqualTo(500);
      assertThat(answer.body())
          .isEqualTo("{\"message\":\"gid is missing\",\"code\":\"BAD_REQUEST\"}");
    }
  }

  @Test
  void query_shows_a_transaction() throws Exception {
    doors.stored.put(
        "g ü&",
        RecordJsonTest.stored(Options.DEFAULTS, RecordJsonTest.state(GlobalStatus.SUBMITTED)));
    try (Wire wire = wire()) {
      assertThat(wire.get("/api/dtmsvr/query?x=1&gid=g+%C3%BC%26&gid=z").answer().body())
          .contains("\"status\":\"submitted\"", "\"waiting_for\":\"something\"");
      for (String unknown : List.of("G", "x".repeat(129))) {
        Wire.Answer answer = wire.get("/api/dtmsvr/query?gid=" + unknown).answer();

        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.body()).isEqualTo("{\"branches\":[],\"transaction\":null}");
      }
    }
  }

  /** docs/spec/sdk-matrix.md 5.15. */
  @Test
  void a_gid_may_stand_in_a_query_as_it_is() throws Exception {
    String gid = "g:1|a;b{\"}^`ü世🚀<>'?/";
    doors.stored.put(
        gid, RecordJsonTest.stored(Options.DEFAULTS, RecordJsonTest.state(GlobalStatus.SUBMITTED)));
    try (Wire wire = wire()) {
      assertThat(wire.get("/api/dtmsvr/query?x=ü&gid=" + gid + "&y=1").answer().body())
          .contains("\"status\":\"submitted\"");
    }
  }

  private static List<String> metrics(Wire wire) throws IOException {
    return wire.get("/api/metrics").answer().body().lines().toList();
  }

  @Test
  void metrics_are_prometheus_text() throws Exception {
    try (Wire wire = wire()) {
      Wire.Answer answer = wire.get("/api/metrics").answer();

      assertThat(answer.status()).isEqualTo(200);
      assertThat(answer.headers())
          .containsEntry("content-type", "text/plain; version=0.0.4; charset=utf-8")
          .doesNotContainKey("connection");
      assertThat(answer.body())
          .contains("dtm_server_info{gin_version=\"an HTTP\",grpc_version=\"a gRPC\"} 1.0");
      assertThat(door.openRequests()).isZero();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "GET, /api/dtmsvr/newGid, newgid, ok",
    "GET, /api/dtmsvr/query?gid=g&x=/y, query, ok",
    "GET, /api/dtmsvr/query, query, fail",
    "POST, /api/dtmsvr/forceStop, forcestop, fail",
    "POST, /api/dtmsvr/registerTccBranch, registertccbranch, fail",
    "DELETE, /api/dtmsvr/topic/some%2Fthing, topic, fail",
    "GET, /api/ping, ping, ok",
    "GET, /api/ping/, other, ok",
    "GET, /api/dtmsvr/submit, other, fail",
    "DELETE, /nobody/knows?this=path, other, fail",
  })
  void a_request_is_counted_by_its_route(String method, String path, String api, String status)
      throws Exception {
    try (Wire wire = wire()) {
      List<String> before = metrics(wire);
      wire.request(method, path, "").answer();
      List<String> after = metrics(wire);

      assertThat(after)
          .hasSameSizeAs(before)
          .contains(
              "dtm_server_process_total{api=\"%s\",status=\"%s\",type=\"http\"} 1.0"
                  .formatted(api, status),
              "dtm_server_response_duration_count{api=\"%s\",type=\"http\"} 1".formatted(api));
    }
  }

  @Test
  void no_request_makes_labels() throws Exception {
    try (Wire wire = wire()) {
      List<String> before = metrics(wire);
      for (int i = 0; i < 50; i++) {
        wire.get("/api/dtmsvr/stranger" + i + "?gid=stranger").answer();
      }
      try (Wire other = wire()) {
        other.send("stranger\r\n\r\n").answer();
      }

      List<String> after = metrics(wire);

      assertThat(after)
          .hasSameSizeAs(before)
          .noneMatch(line -> line.contains("stranger"))
          .contains("dtm_server_process_total{api=\"other\",status=\"fail\",type=\"http\"} 51.0");
    }
  }

  @Test
  void query_tells_of_trouble_with_the_store() throws Exception {
    doors.trouble = new Reply.Failed(ErrorCode.STORE_UNAVAILABLE, "no disk");
    try (Wire wire = wire()) {
      Wire.Answer answer = wire.get("/api/dtmsvr/query?gid=g").answer();

      assertThat(answer.status()).isEqualTo(503);
      assertThat(answer.headers()).containsKey("retry-after");
      assertThat(answer.body()).contains("\"code\":\"STORE_UNAVAILABLE\"");
    }
  }

  @Test
  void a_body_that_does_not_come_is_given_up() throws Exception {
    long began = System.nanoTime();
    try (Wire wire = wire()) {
      wire.send("POST /api/dtmsvr/submit HTTP/1.1\r\nContent-Length: 12\r\n\r\n{\"gid\"");

      Wire.Answer answer = wire.answer();
      assertThat(answer.status()).isEqualTo(408);
      assertThat(answer.body())
          .isEqualTo(
              "{\"message\":\"the body did not arrive within 300 ms\",\"code\":\"BAD_REQUEST\"}");
      assertThat(wire.isClosed()).isTrue();
      assertThat(System.nanoTime() - began).isGreaterThanOrEqualTo(BODY_TIMEOUT.toNanos());
      assertThat(door.openRequests()).isZero();
    }
  }

  @Test
  void a_connection_without_requests_is_closed_in_time() throws Exception {
    long began = System.nanoTime();
    try (Wire silent = wire();
        Wire halfHead = wire();
        Wire used = wire()) {
      halfHead.send("POST /api/dtmsvr/sub");
      used.get("/api/ping").answer();

      assertThat(silent.isClosed()).isTrue();
      assertThat(halfHead.isClosed()).isTrue();
      assertThat(used.isClosed()).isTrue();
      assertThat(System.nanoTime() - began).isGreaterThanOrEqualTo(IDLE_TIMEOUT.toNanos());
    }
  }

  @Test
  void a_client_that_waits_for_its_answer_is_not_cut() throws Exception {
    doors.answer = null;
    try (Wire waiting = wire();
        Wire idle = wire()) {
      waiting.post("/api/dtmsvr/submit", SAGA);
      FakeDoors.Asked asked = doors.asked.take();
      assertThat(idle.isClosed()).as("later connection closed").isTrue();
      assertThat(door.openRequests()).isEqualTo(1);

      asked.answer(Reply.Success.INSTANCE);

      assertThat(waiting.answer().status()).isEqualTo(200);
    }
  }

  @Test
  void a_client_that_goes_away_leaves_nothing_behind() throws Exception {
    doors.answer = null;
    Wire waiting = wire().post("/api/dtmsvr/submit", SAGA);
    FakeDoors.Asked asked = doors.asked.take();
    Wire sending = wire().send("POST /api/dtmsvr/submit HTTP/1.1\r\nContent-Length: 12\r\n\r\n{");
    eventually(() -> door.openRequests() == 2);

    waiting.reset();
    sending.reset();

    eventually(() -> door.openRequests() == 1);
    asked.answer(Reply.Success.INSTANCE);
    eventually(() -> door.openRequests() == 0);
    assertThat(logged.list).noneMatch(event -> event.getLevel().isGreaterOrEqual(Level.WARN));
  }

  @Test
  void a_defect_is_logged_and_answered_without_details() throws Exception {
    var log = (Logger) LoggerFactory.getLogger(Incoming.class);
    log.addAppender(logged);
    log.setAdditive(false);
    try (Wire wire = wire()) {
      doors.broken = true;
      for (Wire.Answer answer :
          List.of(
              wire.post("/api/dtmsvr/submit", SAGA).answer(),
              wire.get("/api/dtmsvr/query?gid=g").answer())) {
        assertThat(answer.status()).isEqualTo(500);
        assertThat(answer.body())
            .isEqualTo(
                "{\"message\":\"a defect of the server, its log has the cause\","
                    + "\"code\":\"INTERNAL\"}");
      }
      assertThat(logged.list)
          .hasSize(2)
          .allMatch(event -> event.getLevel() == Level.ERROR && event.getThrowableProxy() != null);
    } finally {
      log.setAdditive(true);
      log.detachAppender(logged);
    }
  }

  @Test
  void when_it_stops_open_requests_are_answered_and_new_ones_sent_away() throws Exception {
    doors.answer = null;
    try (Wire waiting = wire();
        Wire kept = wire();
        Wire idle = wire()) {
      kept.get("/api/ping").answer();
      idle.get("/api/ping").answer();
      waiting.post("/api/dtmsvr/submit", SAGA);
      FakeDoors.Asked asked = doors.asked.take();

      door.stopAccepting();

      Wire.Answer refused = kept.post("/api/dtmsvr/submit", SAGA).answer();
      assertThat(refused.status()).isEqualTo(503);
      assertThat(refused.body()).contains("\"code\":\"STOPPING\"");
      assertThat(refused.headers())
          .containsEntry("connection", "close")
          .containsEntry("retry-after", "1");
      assertThat(kept.isClosed()).isTrue();
      assertThat(door.openRequests()).isEqualTo(1);

      asked.answer(Reply.Success.INSTANCE);

      Wire.Answer last = waiting.answer();
      assertThat(last.status()).isEqualTo(200);
      assertThat(last.headers()).containsEntry("connection", "close");
      assertThat(waiting.isClosed()).isTrue();
      assertThat(door.openRequests()).isZero();
      door.close();
      assertThat(idle.isClosed()).isTrue();
    }
  }

  @Test
  void a_door_closes_though_a_client_does_not_read() throws Exception {
    store("large", ANSWER_ROOM / 2); // more than the buffers of a connection hold
    try (Wire deaf = wire()) {
      deaf.get("/api/dtmsvr/query?gid=large");
      deaf.head(); // the first answer has begun

      door.close();

      assertThat(door.openRequests()).isZero();
    }
  }

  @Test
  void a_port_that_is_taken_is_said() throws Exception {
    var config = ListenerConfig.DEFAULTS.withAddress("127.0.0.1", door.port());
    try (var other = Loops.start(2)) {
      assertThatException()
          .isThrownBy(
              () ->
                  HttpDoor.open(
                      other,
                      config,
                      memory.behind(doors),
                      AddressPolicy.ALL,
                      _ -> null,
                      ZoneOffset.UTC,
                      "v",
                      new Metrics("", "")))
          .withMessageContaining("in use");
    }
  }

  @Test
  void both_loops_take_connections() throws Exception {
    Set<Object> seen = new HashSet<>();
    for (int i = 0; i < 20; i++) {
      try (Wire wire = wire()) {
        wire.post("/api/dtmsvr/submit", SAGA).answer();
        seen.add(doors.asked.take().loop());
      }
    }
    assertThat(seen).isEqualTo(Set.copyOf(loops.all()));
  }
}
