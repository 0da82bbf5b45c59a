package io.dtm4j.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class RequestReaderTest {
  private static final TransactionRequest EMPTY =
      new TransactionRequest(
          "", "", List.of(), List.of(), "", "http", "", Options.DEFAULTS, "", Map.of(), null);

  private static TransactionRequest read(String body) throws UnreadableRequestException {
    return RequestReader.read(body.getBytes(StandardCharsets.UTF_8));
  }

  private static UnreadableRequestException refusalOf(byte[] body) {
    return assertThatExceptionOfType(UnreadableRequestException.class)
        .isThrownBy(() -> RequestReader.read(body))
        .actual();
  }

  private static UnreadableRequestException refusalOf(String body) {
    return refusalOf(body.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void all_members_are_read() throws Exception {
    TransactionRequest request =
        read(
            """
            {"gid":"g1","trans_type":"saga",
             "steps":[{"action":"http://a/1","compensate":"http://c/1"},{"action":"http://a/2"}],
             "payloads":["{\\"n\\":1}","\\u4e16 🚀"],
             "query_prepared":"http://q","protocol":"json-rpc","custom_data":"{}",
             "wait_result":true,"timeout_to_fail":60,"request_timeout":5,"retry_interval":-7,
             "branch_headers":{"x-a":"1","x-b":""},"concurrent":true,"retry_limit":3,
             "rollback_reason":"no","req_extra":{"status":"succeed","result":"aGk="},
             "status":"prepared","retry_count":4}
            """);

    assertThat(request)
        .isEqualTo(
            new TransactionRequest(
                "g1",
                "saga",
                List.of(new Step("http://a/1", "http://c/1", ""), new Step("http://a/2", "", "")),
                List.of(Payload.of("{\"n\":1}"), Payload.of("世 🚀")),
                "http://q",
                "json-rpc",
                "{}",
                new Options(true, 60, 5, -7, Map.of("x-a", "1", "x-b", ""), true, 3),
                "no",
                Map.of("status", "succeed", "result", "aGk="),
                null));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        " \r\n\t{ } \n",
        "{\"protocol\":\"\"}",
        "{\"id\":7,\"owner\":[1],\"result\":{},\"passthrough_headers\":[\"x\"],\"GiD2\":1e400}",
        "{\"deep\":[[{\"a\":[{\"b\":null}]}]],\"text\":\"\\ud83d\\ude80\",\"\":\"\"}",
        "{\"subType\":\"saga\",\"subType\":null,\"subType\":[{}]}",
      })
  void what_is_absent_null_or_unknown_does_not_count(String body) throws Exception {
    assertThat(read(body)).isEqualTo(EMPTY);
  }

  /** docs/spec/sdk-matrix.md 5.1. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "gid",
        "trans_type",
        "steps",
        "payloads",
        "query_prepared",
        "protocol",
        "custom_data",
        "wait_result",
        "timeout_to_fail",
        "request_timeout",
        "retry_interval",
        "branch_headers",
        "concurrent",
        "retry_limit",
        "rollback_reason",
        "req_extra",
        "status",
        "retry_count"
      })
  void a_member_that_is_null_is_absent(String member) throws Exception {
    assertThat(read("{\"" + member + "\":null}")).isEqualTo(EMPTY);
  }

  /** docs/spec/sdk-matrix.md 5.1. */
  @Test
  void a_null_within_a_member_is_empty() throws Exception {
    TransactionRequest request =
        read(
            "{\"steps\":[null,{\"action\":null,\"compensate\":null}],\"payloads\":[null,null],"
                + "\"branch_headers\":{\"x\":null},\"req_extra\":{\"result\":null}}");

    assertThat(request.steps()).containsExactly(new Step("", "", ""), new Step("", "", ""));
    assertThat(request.payloads()).containsExactly(Payload.EMPTY, Payload.EMPTY);
    assertThat(request.options().branchHeaders()).isEqualTo(Map.of("x", ""));
    assertThat(request.reqExtra()).isEqualTo(Map.of("result", ""));
  }

  /**
   * One transaction as the SDKs write it.
   *
   * @param sdk whose section of docs/spec/sdk-matrix.md says so
   */
  record Written(String sdk, String body) {
    @Override
    public String toString() {
      return sdk;
    }
  }

  static final List<Written> WRITTEN =
      List.of(
          new Written(
              "3.1 Go",
              """
              {"gid":"g","trans_type":"saga","custom_data":"{\\"concurrent\\":false}","concurrent":false,
              "protocol":"http","steps":[{"action":"http://a","compensate":"http://c"}],
              "payloads":["{\\"n\\":1}"]}\
              """),
          new Written(
              "3.2 Java",
              """
              {"subType":"saga","gid":"g","trans_type":"saga","subType":null,"custom_data":null,
              "steps":[{"action":"http://a","compensate":"http://c"}],"payloads":["{\\"n\\":1}"],
              "wait_result":false,"timeout_to_fail":0,"retry_interval":0,"passthrough_headers":[],
              "branch_headers":{}}\
              """),
          new Written(
              "3.3 C#",
              """
              {\r
                "gid": "g",\r
                "trans_type": "saga",\r
                "custom_data": null,\r
                "wait_result": false,\r
                "timeout_to_fail": null,\r
                "request_timeout": null,\r
                "retry_interval": null,\r
                "branch_headers": null,\r
                "query_prepared": null,\r
                "protocol": null,\r
                "rollback_reason": null,\r
                "steps": [\r
                  {\r
                    "action": "http://a",\r
                    "compensate": "http://c"\r
                  }\r
                ],\r
                "payloads": [\r
                  "{\\u0022n\\u0022:1}"\r
                ]\r
              }\r
              """),
          new Written(
              "3.4 Python",
              """
              {"gid": "g", "trans_type": "saga", "custom_data": null, "protocol": null, "query_prepared":
              null, "passthrough_headers": [], "branch_headers": {}, "concurrent": false, "steps":
              [{"action": "http://a", "compensate": "http://c"}], "payloads": ["{\\"n\\":1}"]}\
              """),
          new Written(
              "3.5 Node",
              """
              {"gid":"g","trans_type":"saga","steps":[{"action":"http://a","compensate":"http://c"}],
              "payloads":["{\\"n\\":1}"],"custom_data":""}\
              """),
          new Written(
              "3.6 dtm-php",
              """
              {"gid":"g","trans_type":"saga","branch_id":"","sub_branch_id":0,"op":"","barrier_id":1,
              "phase2_url":null,"dtm":null,"custom_data":"{\\"orders\\":null,\\"concurrent\\":false}",
              "steps":[{"action":"http://a","compensate":"http://c"}],"payloads":["{\\"n\\":1}"]}\
              """));

  @ParameterizedTest
  @FieldSource("WRITTEN")
  void what_an_sdk_writes_is_read(Written written) throws Exception {
    TransactionRequest request = read(written.body());

    assertThat(request.gid()).isEqualTo("g");
    assertThat(request.transType()).isEqualTo("saga");
    assertThat(request.steps()).containsExactly(new Step("http://a", "http://c", ""));
    assertThat(request.payloads()).containsExactly(Payload.of("{\"n\":1}"));
    assertThat(request.protocol()).isEqualTo("http");
    assertThat(request.options()).isEqualTo(Options.DEFAULTS);
    assertThat(CustomData.saga(request.customData())).isEqualTo(CustomData.Saga.SEQUENTIAL);
  }

  /** docs/spec/sdk-matrix.md 5.21: Java and Node write the first, Python the second. */
  @Test
  void a_payload_is_the_text_that_was_written() throws Exception {
    assertThat(
            read("{\"payloads\":[\"{\\\"n\\\":\\\"ü\\\"}\",\"{\\\"n\\\":\\\"\\\\u00fc\\\"}\"]}")
                .payloads())
        .containsExactly(Payload.of("{\"n\":\"ü\"}"), Payload.of("{\"n\":\"\\u00fc\"}"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"gid\":\"a\",\"gid\":\"b\"}|b",
        "{\"gid\":\"a\",\"GID\":\"b\"}|b",
        "{\"GID\":\"a\",\"gid\":\"b\"}|b",
        "{\"Gid\":\"a\"}|a",
        "{\"gid\":\"a\",\"gid\":null}|a",
        "{\"gi\\u0064\":\"a\"}|a",
        "{\"gid\":\"a;\\r\\nb\"}|`a;\r\nb`",
        "{\"gid\":\"\\ud800\"}|\uFFFD",
        "{\"gid\":\"x\\udc00\\ud800y\\ud83d\\ude80\"}|x\uFFFD\uFFFDy🚀",
      })
  void the_gid_of(String body, String gid) throws Exception {
    assertThat(read(body).gid()).isEqualTo(gid);
  }

  @Test
  void names_in_steps_and_maps_are_exact() throws Exception {
    TransactionRequest request =
        read(
            "{\"steps\":[{\"Action\":\"x\",\"note\":\"y\"},null],\"req_extra\":{\"Status\":\"s\"}}");

    assertThat(request.steps()).containsExactly(new Step("", "", ""), new Step("", "", ""));
    assertThat(request.reqExtra()).containsExactly(Map.entry("Status", "s"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"payloads\":[\"p\"],\"steps\":[{\"data\":\"1\"},{\"data\":\"\"},{\"data\":\"3\"}]}|p,1,3",
        "{\"steps\":[{\"data\":\"1\"},{\"data\":null}],\"payloads\":[\"p\",null]}|p,,1",
        "{\"steps\":[{\"data\":\"1\"},{\"data\":\"2\"}]}|1,2",
        "{\"steps\":[{},{}],\"payloads\":[\"p\"]}|p",
      })
  void payloads_inside_steps_stand_behind_the_others(String body, String payloads)
      throws Exception {
    assertThat(read(body).payloads())
        .containsExactlyElementsOf(Arrays.stream(payloads.split(",")).map(Payload::of).toList());
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "-0, 0",
    "9223372036854775807, 9223372036854775807",
    "-9223372036854775808, -9223372036854775808"
  })
  void a_whole_number(String number, long value) throws Exception {
    assertThat(read("{\"timeout_to_fail\":" + number + "}").options().timeoutToFail())
        .isEqualTo(value);
  }

  record Row(String body, String message) {}

  static final List<Row> REFUSED =
      List.of(
          new Row("", "the body is empty (expected: a JSON object)"),
          new Row(" \n", "the body is empty (expected: a JSON object)"),
          new Row("null", "the body: null (expected: an object)"),
          new Row("[]", "the body: an array (expected: an object)"),
          new Row("\"x\"", "the body: a string (expected: an object)"),
          new Row("{\"gid\": ", "the body is no JSON: it ends too early"),
          new Row("{\"gid\":\"a\"", "the body is no JSON: it ends too early"),
          new Row("{\"gid\":\"a", "the body is no JSON: it ends too early"),
          new Row("secret", "the body is no JSON: something is wrong at byte 0"),
          new Row("{gid:1}", "the body is no JSON: something is wrong at byte 1"),
          new Row("{'gid':1}", "the body is no JSON: something is wrong at byte 1"),
          new Row("{\"gid\":01}", "the body is no JSON: something is wrong at byte 8"),
          new Row("{\"x\":NaN}", "the body is no JSON: something is wrong at byte 8"),
          new Row("{\"a\":1,}", "the body is no JSON: something is wrong at byte 7"),
          new Row("{}x", "the body is no JSON: something is wrong at byte 2"),
          new Row("{} {}", "the body goes on behind its JSON object"),
          new Row("{}]", "the body is no JSON: something is wrong at byte 2"),
          new Row("{\"gid\":7}", "gid: a number (expected: a string)"),
          new Row("{\"gid\":true}", "gid: true or false (expected: a string)"),
          new Row("{\"gid\":\"a\",\"gid\":7}", "gid: a number (expected: a string)"),
          new Row("{\"Gid\":{}}", "gid: an object (expected: a string)"),
          new Row("{\"status\":5}", "status: a number (expected: a string)"),
          new Row("{\"retry_count\":\"5\"}", "retry_count: a string (expected: a whole number)"),
          new Row("{\"wait_result\":\"yes\"}", "wait_result: a string (expected: true or false)"),
          new Row("{\"concurrent\":1}", "concurrent: a number (expected: true or false)"),
          new Row(
              "{\"timeout_to_fail\":\"5\"}",
              "timeout_to_fail: a string (expected: a whole number)"),
          new Row(
              "{\"retry_limit\":5.0}",
              "retry_limit: a number with a fraction or exponent (expected: a whole number)"),
          new Row(
              "{\"retry_limit\":1e3}",
              "retry_limit: a number with a fraction or exponent (expected: a whole number)"),
          new Row(
              "{\"retry_limit\":9223372036854775808}",
              "retry_limit: a number of more than 64 bits (expected: a whole number)"),
          new Row("{\"steps\":{}}", "steps: an object (expected: an array of objects)"),
          new Row("{\"steps\":[1]}", "an element of steps: a number (expected: an object)"),
          new Row(
              "{\"steps\":[{\"action\":1}]}", "action of a step: a number (expected: a string)"),
          new Row("{\"steps\":[{\"x\":{}}]}", "a member of a step: an object (expected: a string)"),
          new Row("{\"payloads\":\"p\"}", "payloads: a string (expected: an array of strings)"),
          new Row("{\"payloads\":[{}]}", "an element of payloads: an object (expected: a string)"),
          new Row(
              "{\"branch_headers\":[]}",
              "branch_headers: an array (expected: an object of strings)"),
          new Row(
              "{\"branch_headers\":{\"a\":1}}",
              "a value in branch_headers: a number (expected: a string)"),
          new Row(
              "{\"req_extra\":{\"a\":[]}}", "a value in req_extra: an array (expected: a string)"));

  @ParameterizedTest
  @FieldSource("REFUSED")
  void is_refused(Row row) {
    UnreadableRequestException refusal = refusalOf(row.body());

    assertThat(refusal.code()).isEqualTo(ErrorCode.BAD_JSON);
    assertThat(refusal).hasMessage(row.message());
  }

  @Test
  void nothing_of_the_body_is_in_a_refusal() {
    for (String body :
        List.of(
            "{\"gid\":secret}",
            "{\"gid\":\"a\\xsecret\"}",
            "{secret:1}",
            "{\"gid\":\"secret\n\"}",
            "{\"branch_headers\":{\"secret\":5}}",
            "{\"timeout_to_fail\":\"secret\"}")) {
      assertThat(refusalOf(body)).message().doesNotContain("secret");
    }
  }

  @Test
  void bytes_that_are_no_utf_8_are_no_json() {
    byte[] latin1 = "{\"gid\":\"größe\"}".getBytes(StandardCharsets.ISO_8859_1);

    assertThat(refusalOf(latin1).code()).isEqualTo(ErrorCode.BAD_JSON);
  }

  @ParameterizedTest
  @CsvSource({
    "C0AF, a slash in two bytes",
    "E080AF, a slash in three bytes",
    "F08080AF, a slash in four bytes",
    "EDA0BDEDBA80, a pair of surrogates",
    "F4908080, beyond the last character",
    "F09F9A, half a character"
  })
  void a_character_has_one_form_only(String bytes, String what) {
    byte[] character = HexFormat.of().parseHex(bytes);
    byte[] body =
        ("{\"gid\":\"a" + new String(character, StandardCharsets.ISO_8859_1) + "b\"}")
            .getBytes(StandardCharsets.ISO_8859_1);

    UnreadableRequestException refusal = refusalOf(body);

    assertThat(refusal.code()).as(what).isEqualTo(ErrorCode.BAD_JSON);
    assertThat(refusal).hasMessage("the body is no JSON in UTF-8");
  }

  @Test
  void long_texts_of_many_alphabets_are_read() throws Exception {
    String gid = "aé世🚀".repeat(2_000);

    assertThat(read("{\"gid\":\"" + gid + "\"}").gid()).isEqualTo(gid);
  }

  @Test
  void depth_and_numbers_are_bounded() throws Exception {
    int levels = JsonBody.MAX_DEPTH;

    assertThat(read("{\"x\":" + "[".repeat(levels - 1) + "]".repeat(levels - 1) + "}"))
        .isEqualTo(EMPTY);
    assertThat(refusalOf("{\"x\":" + "[".repeat(levels)))
        .hasMessage("the body is nested deeper than 500 levels, or has an endless name or number");
    assertThat(refusalOf("{\"x\":" + "[".repeat(1_000_000)).code()).isEqualTo(ErrorCode.BAD_JSON);
    assertThat(refusalOf("{\"retry_limit\":" + "9".repeat(100_000) + "}").code())
        .isEqualTo(ErrorCode.BAD_JSON);
    assertThat(refusalOf("{\"x\":" + "9".repeat(100_000) + "}").code())
        .isEqualTo(ErrorCode.BAD_JSON);
    assertThat(refusalOf("{\"" + "n".repeat(100_000) + "\":1}").code())
        .isEqualTo(ErrorCode.BAD_JSON);
  }

  @Test
  void the_number_of_steps_and_headers_is_bounded() throws Exception {
    String steps = String.join(",", Collections.nCopies(RequestReader.MAX_STEPS, "{}"));
    String payloads = String.join(",", Collections.nCopies(RequestReader.MAX_STEPS + 5, "\"\""));

    assertThat(read("{\"steps\":[" + steps + "],\"payloads\":[" + payloads + "]}"))
        .satisfies(request -> assertThat(request.steps()).hasSize(RequestReader.MAX_STEPS))
        .satisfies(request -> assertThat(request.payloads()).hasSize(RequestReader.MAX_STEPS));
    UnreadableRequestException refusal = refusalOf("{\"steps\":[" + steps + ",{}]}");
    assertThat(refusal.code()).isEqualTo(ErrorCode.LIMIT_EXCEEDED);
    assertThat(refusal).hasMessage("more than 10000 steps");
    var headers = new StringBuilder("{\"branch_headers\":{");
    for (int i = 0; i <= RequestReader.MAX_ENTRIES; i++) {
      headers.append(i == 0 ? "" : ",").append("\"h").append(i).append("\":\"\"");
    }
    assertThat(refusalOf(headers.append("}}").toString()).code())
        .isEqualTo(ErrorCode.LIMIT_EXCEEDED);
  }

  @Test
  void a_part_of_an_array_is_read() throws Exception {
    byte[] body = "xx{\"gid\":\"a\"}}}".getBytes(StandardCharsets.UTF_8);

    assertThat(RequestReader.read(body, 2, body.length - 4).gid()).isEqualTo("a");
  }

  @Test
  void a_body_is_a_request_or_refused_whatever_it_is() {
    long seed = 20_261_124;
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    byte[] good =
        """
        {"gid":"g-1","trans_type":"saga","steps":[{"action":"http://a/é","compensate":"","data":"d"}],
        "payloads":["{\\"n\\":1,\\u00e9}"],"wait_result":true,"timeout_to_fail":60,"retry_limit":-1.5e3,
        "branch_headers":{"a":"b"},"concurrent":false,"x":[[],{"y":null}],"🚀":"\\ud83d\\ude80"}\
        """
            .getBytes(StandardCharsets.UTF_8);
    int read = 0;

    for (int i = 0; i < 10_000; i++) {
      byte[] body = mutated(good, random);
      try {
        RequestReader.read(body);
        read++;
      } catch (UnreadableRequestException refusal) {
        assertThat(refusal.code()).isEqualTo(ErrorCode.BAD_JSON);
        assertThat(refusal).message().isNotEmpty();
      } catch (RuntimeException | Error e) {
        throw new AssertionError(
            "seed " + seed + ", body " + i + ": " + new String(body, StandardCharsets.UTF_8), e);
      }
    }

    assertThat(read).as("bodies that are still requests").isPositive();
  }

  /** A body with some bytes changed, doubled, moved, taken out or cut off. */
  private static byte[] mutated(byte[] good, RandomGenerator random) {
    byte[] body = good.clone();
    for (int change = random.nextInt(1, 6); change > 0 && body.length > 1; change--) {
      int from = random.nextInt(body.length);
      int length = Math.min(random.nextInt(1, 12), body.length - from);
      switch (random.nextInt(6)) {
        case 0 -> body[from] = (byte) random.nextInt(256);
        case 1 -> body[from] = (byte) "{}[]\",:\\0-eE.+ntf\u0000\u007F".charAt(random.nextInt(19));
        case 2 -> body = Arrays.copyOf(body, from);
        case 3 -> {
          byte[] shorter = new byte[body.length - length];
          System.arraycopy(body, 0, shorter, 0, from);
          System.arraycopy(body, from + length, shorter, from, shorter.length - from);
          body = shorter;
        }
        case 4 -> {
          byte[] longer = new byte[body.length + length];
          System.arraycopy(body, 0, longer, 0, from + length);
          System.arraycopy(body, from, longer, from + length, body.length - from);
          body = longer;
        }
        default -> System.arraycopy(good, random.nextInt(good.length - length), body, from, length);
      }
    }
    return body;
  }

  @Test
  void steps_are_read_from_a_text_of_their_own() throws Exception {
    assertThat(RequestReader.readSteps(" [{\"action\":\"a\",\"x\":\"\"},null] "))
        .containsExactly(new Step("a", "", ""), new Step("", "", ""));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "null", "[]"})
  void no_steps_are_written_in_three_ways(String text) throws Exception {
    assertThat(RequestReader.readSteps(text)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{}|steps: an object (expected: an array of objects)",
        "` `|steps: nothing (expected: an array of objects)",
        "[] 1|steps go on behind their array",
        "[1]|an element of steps: a number (expected: an object)",
        "[{|steps is no JSON: it ends too early",
      })
  void steps_that_are_none_are_refused(String text, String message) {
    assertThatExceptionOfType(UnreadableRequestException.class)
        .isThrownBy(() -> RequestReader.readSteps(text))
        .withMessage(message);
  }
}
