package io.dtm4j.server.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.coordinator.Command;
import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.Reply;
import io.dtm4j.server.metrics.Metrics;
import java.time.ZoneOffset;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** docs/spec/http-api.md 6. */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Timeout(30)
class JsonRpcDoorTest {
  private final Loops loops = Loops.start(1);
  private final InMemory memory = new InMemory();
  private final FakeDoors doors = new FakeDoors();
  private final Metrics metrics = new Metrics("an HTTP", "a gRPC");
  private final HttpDoor door =
      HttpDoor.open(
          loops,
          ListenerConfig.DEFAULTS.withAddress("127.0.0.1", 0),
          memory.behind(doors),
          url -> !url.contains("forbidden"),
          _ -> null,
          ZoneOffset.UTC,
          "v1",
          metrics);
  private Wire wire;

  @BeforeEach
  void connect() throws Exception {
    wire = new Wire(door.port());
  }

  @AfterEach
  void close() throws Exception {
    wire.close();
    door.close();
    memory.close();
    loops.close();
  }

  private Wire.Answer post(String body) throws Exception {
    return wire.post("/api/json-rpc", body).answer();
  }

  private Wire.Answer call(String method, String params) throws Exception {
    return post(
        "{\"jsonrpc\":\"2.0\",\"id\":\"q1\",\"method\":\""
            + method
            + "\",\"params\":"
            + params
            + "}");
  }

  private static String error(String id, int code, String message, String data) {
    return "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":%d,\"message\":\"%s\",\"data\":{%s}},\"result\":null}"
        .formatted(id, code, message, data);
  }

  @ParameterizedTest
  @CsvSource({"prepare, PREPARE", "submit, SUBMIT", "abort, ABORT"})
  void a_command_is_handed_on_and_answered(String method, Command.Kind kind) throws Exception {
    String params = "{\"gid\":\"g;1\",\"trans_type\":\"tcc\",\"protocol\":\"json-rpc\"}";

    Wire.Answer answer = call(method, params);

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.headers()).containsEntry("content-type", "application/json; charset=utf-8");
    assertThat(answer.body())
        .isEqualTo("{\"jsonrpc\":\"2.0\",\"id\":\"q1\",\"error\":null,\"result\":null}");
    Command command = doors.asked.take().command();
    assertThat(command.kind()).isEqualTo(kind);
    assertThat(command.request().gid()).as("nothing is taken out of a gid here").isEqualTo("g;1");
    assertThat(command.request().protocol()).isEqualTo("json-rpc");
  }

  @Test
  void a_registration_is_handed_on_and_answered() throws Exception {
    Wire.Answer answer =
        call("registerBranch", "{\"gid\":\"g1\",\"branch_id\":\"01\",\"data\":\"{}\",\"n\":7}");

    assertThat(answer.body())
        .isEqualTo("{\"jsonrpc\":\"2.0\",\"id\":\"q1\",\"error\":null,\"result\":null}");
    BranchRequest request = doors.registered.take();
    assertThat(request.gid()).isEqualTo("g1");
    assertThat(request.data()).isEqualTo(Payload.of("{}"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"\"a\"|{}", "7|null", "null|[1]", "1.50|\"x\""})
  void a_gid_is_given_whatever_id_and_params_are(String id, String params) throws Exception {
    Wire.Answer answer =
        post(
            "{\"params\":"
                + params
                + ",\"id\":"
                + id
                + ",\"method\":\"newGid\",\"jsonrpc\":\"2.0\"}");

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.body())
        .matches(
            "\\{\"jsonrpc\":\"2.0\",\"id\":"
                + Pattern.quote(id)
                + ",\"error\":null,\"result\":\\{\"gid\":\"[0-9A-Za-z]{22}\"}}");
  }

  @Test
  void a_refusal_is_32901_with_code_and_status() throws Exception {
    doors.answer = new Reply.Refused(ErrorCode.ROLLED_BACK, "full", GlobalStatus.FAILED);

    assertThat(call("submit", "{\"gid\":\"g1\",\"trans_type\":\"saga\"}").body())
        .isEqualTo(
            error(
                "\"q1\"",
                -32901,
                "full FAILURE",
                "\"code\":\"ROLLED_BACK\",\"status\":\"failed\""));
  }

  @Test
  void what_is_not_finished_is_32603_that_says_ongoing() throws Exception {
    doors.answer = new Reply.Unfinished(ErrorCode.NOT_FINISHED, "wait", GlobalStatus.SUBMITTED);

    assertThat(call("submit", "{\"gid\":\"g1\",\"trans_type\":\"saga\"}").body())
        .isEqualTo(
            error(
                "\"q1\"",
                -32603,
                "wait ONGOING",
                "\"code\":\"NOT_FINISHED\",\"status\":\"submitted\""));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "submit|{\"gid\":7}|gid: a number (expected: a string)|BAD_JSON",
        "submit|[]|the body: an array (expected: an object)|BAD_JSON",
        "registerBranch|{\"gid\":{}}|gid: an object (expected: a string)|BAD_JSON",
        "prepare|{\"gid\":\"g\",\"query_prepared\":\"http://forbidden\"}"
            + "|url of query_prepared: may not be called|BAD_REQUEST",
        "registerBranch|{\"gid\":\"g\",\"url\":\"http://forbidden\"}"
            + "|url of url: may not be called|BAD_REQUEST",
      })
  void params_that_cannot_be_taken_are_32603(
      String method, String params, String message, String code) throws Exception {
    Wire.Answer answer = call(method, params);

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.body())
        .isEqualTo(error("\"q1\"", -32603, message, "\"code\":\"" + code + "\""));
    assertThat(doors.asked).isEmpty();
  }

  @Test
  void a_command_without_params_is_32603() throws Exception {
    assertThat(post("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"submit\"}").body())
        .isEqualTo(
            error(
                "1",
                -32603,
                "the body is empty (expected: a JSON object)",
                "\"code\":\"BAD_JSON\""));
  }

  @ParameterizedTest
  @CsvSource({"query", "forceStop", "prepareWorkflow", "Submit", "''"})
  void other_methods_are_unknown(String method) throws Exception {
    assertThat(call(method, "{}").body())
        .isEqualTo(
            error(
                "\"q1\"",
                -32601,
                "no such method (expected: newGid, prepare, submit, abort or registerBranch)",
                "\"code\":\"BAD_REQUEST\""));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"{\"id\":\"a\"}|\"a\"", "{\"jsonrpc\":\"2.0\"}|\"\"", "{\"id\":null}|null"})
  void an_invalid_envelope_is_32600(String body, String id) throws Exception {
    Wire.Answer answer = post(body);

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.body())
        .startsWith("{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"error\":{\"code\":-32600,");
  }

  @Test
  void what_is_no_envelope_is_32700_and_400() throws Exception {
    Wire.Answer answer = post("{\"jsonrpc\":");

    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.body())
        .isEqualTo(
            error(
                "\"\"", -32700, "the body is no JSON: it ends too early", "\"code\":\"BAD_JSON\""));
  }

  @Test
  void a_defect_is_32603() throws Exception {
    doors.broken = true;

    Wire.Answer answer = call("submit", "{\"gid\":\"g1\",\"trans_type\":\"saga\"}");

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.body())
        .isEqualTo(
            error(
                "\"q1\"",
                -32603,
                "a defect of the server, its log has the cause",
                "\"code\":\"INTERNAL\""));
  }

  @Test
  void an_error_counts_as_one_though_its_status_is_200() throws Exception {
    doors.answer = new Reply.Refused(ErrorCode.ROLLED_BACK, "full", GlobalStatus.FAILED);
    call("submit", "{\"gid\":\"g1\",\"trans_type\":\"saga\"}");
    call("newGid", "{}");

    assertThat(
            new String(metrics.text(), UTF_8)
                .lines()
                .filter(line -> line.contains("process_total{api=\"json-rpc\"")))
        .containsExactlyInAnyOrder(
            "dtm_server_process_total{api=\"json-rpc\",status=\"fail\",type=\"http\"} 1.0",
            "dtm_server_process_total{api=\"json-rpc\",status=\"ok\",type=\"http\"} 1.0");
  }
}
