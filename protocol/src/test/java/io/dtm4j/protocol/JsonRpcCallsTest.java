package io.dtm4j.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.protocol.BranchAnswer.Failure;
import io.dtm4j.protocol.BranchAnswer.Ongoing;
import io.dtm4j.protocol.BranchAnswer.Success;
import io.dtm4j.protocol.BranchAnswer.Unknown;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/** docs/spec/branch-calls.md 4. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class JsonRpcCallsTest {
  private static String body(String payload) throws UnreadableRequestException {
    byte[] bytes = payload.getBytes(StandardCharsets.UTF_8);
    return new String(
        JsonRpcCalls.body("i\"1", "Dedüct", bytes, Map.of("gid", "g\"1")), StandardCharsets.UTF_8);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "''|",
        "null|",
        "' null '|",
        "{}|",
        "{\"a\":1}|\"a\":1,",
        " { \"a\" : 0.10 , \"b\":[ 1e400,{}] } |\"a\":0.10,\"b\":[ 1e400,{}],",
        "{\"a\\\"\":\"\\u00fc\",\"ü\":\"床\"}|\"a\\\"\":\"\\u00fc\",\"ü\":\"床\",",
        "{\"gid\":\"mine\",\"a\":null,\"gid\":[2]}|\"a\":null,",
        "{\"a\":1,\"a\":2}|\"a\":2,"
      })
  void the_payload_becomes_params_beside_the_transaction(String payload, String params)
      throws Exception {
    assertThat(body(payload))
        .isEqualTo(
            "{\"id\":\"i\\\"1\",\"jsonrpc\":\"2.0\",\"method\":\"Dedüct\",\"params\":{"
                + (params == null ? "" : params)
                + "\"gid\":\"g\\\"1\"}}");
  }

  @ParameterizedTest
  @ValueSource(strings = {"[]", "7", "\"x\"", "nul", "{", "{\"a\"}", "{} {}", "x"})
  void a_payload_that_is_no_object_cannot_be_sent(String payload) {
    assertThatExceptionOfType(UnreadableRequestException.class).isThrownBy(() -> body(payload));
  }

  record Row(int status, String body, BranchAnswer answer) {}

  static final List<Row> ANSWERS =
      List.of(
          new Row(200, "{}", Success.INSTANCE),
          new Row(200, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[]}", Success.INSTANCE),
          new Row(200, "{\"error\":null,\"result\":{\"error\":{\"code\":1}}}", Success.INSTANCE),
          new Row(200, error("-32901", "no seats"), new Failure("no seats")),
          new Row(200, error("-32901.0", "no seats"), new Failure("no seats")),
          new Row(200, error("409", "no seats"), new Failure("no seats")),
          new Row(
              200, "{\"error\":{\"code\":-32901}}", new Failure("{\"error\":{\"code\":-32901}}")),
          new Row(200, error("-32901", "no \\ud800"), new Failure("no \uFFFD")),
          new Row(200, error("-32902", "wait"), new Ongoing("wait")),
          new Row(200, error("425", "wait"), new Ongoing("wait")),
          new Row(200, error("-32603", "db down"), unknown(error("-32603", "db down"))),
          new Row(200, error("\"-32901\"", "text"), unknown(error("\"-32901\"", "text"))),
          new Row(200, "{\"error\":{}}", unknown("{\"error\":{}}")),
          new Row(200, "{\"error\":\"\"}", unknown("{\"error\":\"\"}")),
          new Row(200, "{\"error\":false}", unknown("{\"error\":false}")),
          new Row(200, error("1", "a FAILURE"), new Failure(error("1", "a FAILURE"))),
          new Row(200, error("-32901", "ONGOING"), new Ongoing(error("-32901", "ONGOING"))),
          new Row(409, error("-32902", "wait"), new Failure(error("-32902", "wait"))),
          new Row(425, "", new Ongoing("")),
          new Row(500, "{}", new Unknown("status 500: {}")),
          new Row(200, "", new Unknown("an answer that is no JSON-RPC: ")),
          new Row(200, "[]", new Unknown("an answer that is no JSON-RPC: []")),
          new Row(200, "fine", new Unknown("an answer that is no JSON-RPC: fine")));

  private static String error(String code, String message) {
    return "{\"error\":{\"message\":\""
        + message
        + "\",\"code\":"
        + code
        + ",\"data\":{\"code\":7}}}";
  }

  private static Unknown unknown(String body) {
    return new Unknown("JSON-RPC error: " + body);
  }

  @ParameterizedTest
  @FieldSource("ANSWERS")
  void an_answer_means(Row row) {
    assertThat(JsonRpcCalls.classify(row.status(), row.body())).isEqualTo(row.answer());
  }
}
