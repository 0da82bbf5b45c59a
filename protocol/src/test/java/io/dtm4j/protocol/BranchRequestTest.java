package io.dtm4j.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The body of registerBranch: docs/spec/http-api.md 1.3 and 4.7. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class BranchRequestTest {
  private static BranchRequest read(String body) throws UnreadableRequestException {
    byte[] bytes = ("#" + body + "#").getBytes(StandardCharsets.UTF_8);
    return RequestReader.readBranch(bytes, 1, bytes.length - 2);
  }

  @Test
  void all_members_are_read() throws Exception {
    BranchRequest request =
        read(
            """
            {"gid":"g1","trans_type":"tcc","branch_id":"0102","data":"{\\"n\\":\\"ü\\"}",
             "confirm":"http://k","cancel":"http://x","url":"http://u","op":"action",
             "status":"succeed"}
            """);

    assertThat(request)
        .isEqualTo(
            new BranchRequest(
                "g1",
                "tcc",
                "0102",
                Payload.of("{\"n\":\"ü\"}"),
                "http://k",
                "http://x",
                "http://u",
                "action",
                "succeed"));
  }

  @Test
  void absent_and_null_members_are_empty() throws Exception {
    BranchRequest empty = new BranchRequest("", "", "", Payload.EMPTY, "", "", "", "", "");

    assertThat(read("{}")).isEqualTo(empty);
    assertThat(
            read(
                "{\"gid\":null,\"trans_type\":null,\"branch_id\":null,\"data\":null,"
                    + "\"confirm\":null,\"cancel\":null,\"url\":null,\"op\":null,\"status\":null}"))
        .isEqualTo(empty);
  }

  @Test
  void of_members_that_come_twice_the_last_one_counts() throws Exception {
    assertThat(read("{\"gid\":\"one\",\"gid\":\"two\"}").gid()).isEqualTo("two");
  }

  @Test
  void what_means_nothing_may_be_anything() throws Exception {
    BranchRequest request =
        read("{\"try\":{\"url\":[1]},\"sync\":1,\"subType\":true,\"gid\":\"g\",\"note\":null}");

    assertThat(request.gid()).isEqualTo("g");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"branch_id\":1} | branch_id: a number (expected: a string)",
        "{\"confirm\":{\"url\":\"x\"}} | confirm: an object (expected: a string)",
        "{\"url\":true} | url: true or false (expected: a string)",
        "{\"cancel\":[\"a\"]} | cancel: an array (expected: a string)",
        "[\"gid\"] | the body: an array (expected: an object)",
        "`` | the body is empty (expected: a JSON object)",
        "{\"gid\" | the body is no JSON: it ends too early",
        "{} {} | the body goes on behind its JSON object",
      })
  void what_is_no_registration_is_refused(String body, String message) {
    assertThatExceptionOfType(UnreadableRequestException.class)
        .isThrownBy(() -> read(body))
        .withMessage(message)
        .extracting(UnreadableRequestException::code)
        .isEqualTo(ErrorCode.BAD_JSON);
  }
}
