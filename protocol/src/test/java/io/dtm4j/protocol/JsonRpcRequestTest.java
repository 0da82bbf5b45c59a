package io.dtm4j.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class JsonRpcRequestTest {
  private static final int BEFORE = 3;

  private record Read(JsonRpcRequest request, String params) {}

  /** Reads it from the middle of an array. */
  private static Read read(String envelope) throws UnreadableRequestException {
    byte[] text = envelope.getBytes(StandardCharsets.UTF_8);
    byte[] body = new byte[text.length + 2 * BEFORE];
    System.arraycopy(text, 0, body, BEFORE, text.length);
    JsonRpcRequest request = JsonRpcRequest.read(body, BEFORE, text.length);
    return new Read(
        request,
        new String(body, request.paramsOffset(), request.paramsLength(), StandardCharsets.UTF_8));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"a\":[1,{\"b\":2}]}",
        "{ }",
        "[1, 2]",
        "\"tür\\\"床\"",
        "-12.50e3",
        "7",
        "true",
        "null"
      })
  void params_are_found_whatever_they_are(String params) throws Exception {
    for (String envelope :
        new String[] {
          "{\"jsonrpc\":\"2.0\",\"id\":\"床\",\"method\":\"submit\",\"params\":%s}",
          " { \"params\" : %s , \"jsonrpc\" : \"2.0\",\"id\":\"床\" , \"method\":\"submit\" } ",
          "{\"params\":{},\"Params\":%s,\"ID\":\"床\",\"Method\":\"submit\",\"jsonRPC\":\"2.0\"}"
        }) {
      Read read = read(envelope.formatted(params));

      assertThat(read.params()).isEqualTo(params);
      assertThat(read.request().id()).isEqualTo("\"床\"");
      assertThat(read.request().method()).isEqualTo("submit");
      assertThat(read.request().isValid()).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"\"a\"", "\"a\\u0041\\n\"", "7", "-1", "1.50", "1e400", "null", "\" \""})
  void an_id_is_kept_as_it_is(String id) throws Exception {
    Read read = read("{\"id\":" + id + ",\"jsonrpc\":\"2.0\"}");

    assertThat(read.request().id()).isEqualTo(id);
    assertThat(read.request().isValid()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{\"jsonrpc\":\"2.0\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":\"\"}",
        "{\"jsonrpc\":\"1.0\",\"id\":\"a\"}",
        "{\"jsonrpc\":null,\"id\":\"a\"}"
      })
  void without_id_or_version_it_is_invalid(String envelope) throws Exception {
    assertThat(read(envelope).request().isValid()).isFalse();
    assertThat(read(envelope).request().method()).isEmpty();
    assertThat(read(envelope).params()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "''|the body is empty",
        "[]|the body: an array (expected: an object)",
        "{\"id\":|the body is no JSON",
        "{\"id\":\"a\"} {}|the body goes on behind its JSON object",
        "{\"id\":true}|id: true or false (expected: a string, a number or null)",
        "{\"id\":{}}|id: an object (expected: a string, a number or null)",
        "{\"jsonrpc\":2.0}|jsonrpc: a number with a fraction or exponent (expected: a string)",
        "{\"method\":[]}|method: an array (expected: a string)",
        "{\"params\":{\"a\"}}|the body is no JSON",
      })
  void what_is_no_envelope_is_refused(String body, String message) {
    assertThatExceptionOfType(UnreadableRequestException.class)
        .isThrownBy(() -> read(body))
        .withMessageStartingWith(message)
        .matches(e -> e.code() == ErrorCode.BAD_JSON);
  }

  @Test
  void an_endless_id_is_refused() {
    assertThatExceptionOfType(UnreadableRequestException.class)
        .isThrownBy(() -> read("{\"id\":\"" + "x".repeat(1_023) + "\"}"))
        .withMessage("id of 1025 characters (limit: 1024)")
        .matches(e -> e.code() == ErrorCode.LIMIT_EXCEEDED);
  }

  @Test
  void other_encodings_than_utf_8_are_refused() {
    byte[] body = "{\"id\":7}".getBytes(StandardCharsets.UTF_16BE);

    assertThatExceptionOfType(UnreadableRequestException.class)
        .isThrownBy(() -> JsonRpcRequest.read(body, 0, body.length))
        .withMessage("the body is no JSON in UTF-8");
  }
}
