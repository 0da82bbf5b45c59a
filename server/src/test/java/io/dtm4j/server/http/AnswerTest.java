package io.dtm4j.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.HttpAnswers;
import io.dtm4j.protocol.Reply;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class AnswerTest {
  record Row(Reply reply, int status, String body) {}

  static final List<Row> REPLIES =
      List.of(
          new Row(Reply.Success.INSTANCE, 200, "{\"dtm_result\":\"SUCCESS\"}"),
          new Row(
              new Reply.Refused(ErrorCode.STATUS_CONFLICT, "it is \"failed\"", null),
              409,
              "{\"dtm_result\":\"FAILURE\",\"message\":\"it is \\\"failed\\\" FAILURE\","
                  + "\"code\":\"STATUS_CONFLICT\"}"),
          new Row(
              new Reply.Refused(ErrorCode.ROLLED_BACK, "full FAILURE", GlobalStatus.FAILED),
              409,
              "{\"dtm_result\":\"FAILURE\",\"message\":\"full FAILURE\",\"code\":\"ROLLED_BACK\","
                  + "\"status\":\"failed\"}"),
          new Row(
              new Reply.Refused(ErrorCode.ROLLED_BACK, "url:http://x/ONGOING", null),
              409,
              "{\"dtm_result\":\"FAILURE\",\"message\":\"url:http://x/ongoing FAILURE\","
                  + "\"code\":\"ROLLED_BACK\"}"),
          new Row(
              new Reply.Unfinished(ErrorCode.NOT_FINISHED, "", GlobalStatus.SUBMITTED),
              425,
              "{\"dtm_result\":\"ONGOING\",\"message\":\"ONGOING\",\"code\":\"NOT_FINISHED\","
                  + "\"status\":\"submitted\"}"),
          new Row(
              new Reply.Unfinished(ErrorCode.NOT_FINISHED, "a FAILURE", null),
              425,
              "{\"dtm_result\":\"ONGOING\",\"message\":\"a failure ONGOING\","
                  + "\"code\":\"NOT_FINISHED\"}"),
          new Row(
              new Reply.Failed(ErrorCode.BAD_JSON, "no FAILURE, no ONGOING"),
              500,
              "{\"message\":\"no failure, no ongoing\",\"code\":\"BAD_JSON\"}"),
          new Row(
              new Reply.Failed(ErrorCode.LIMIT_EXCEEDED, "too much"),
              400,
              "{\"message\":\"too much\",\"code\":\"LIMIT_EXCEEDED\"}"),
          new Row(
              new Reply.Failed(ErrorCode.OVERLOADED, "busy"),
              503,
              "{\"message\":\"busy\",\"code\":\"OVERLOADED\"}"),
          new Row(
              new Reply.Failed(ErrorCode.OUTCOME_UNKNOWN, "who knows"),
              500,
              "{\"message\":\"who knows\",\"code\":\"OUTCOME_UNKNOWN\"}"));

  @ParameterizedTest
  @FieldSource("REPLIES")
  void a_reply_on_the_wire(Row row) {
    Answer answer = Answer.of(row.reply());

    assertThat(answer.status()).isEqualTo(row.status());
    assertThat(answer.body()).hasToString(row.body());
    assertThat(answer.retryAfter()).isEqualTo(row.status() == 503);
  }

  @ParameterizedTest
  @EnumSource
  void an_error_says_nothing_about_a_branch_when_it_is_passed_on(ErrorCode code) {
    Answer answer = Answer.of(new Reply.Failed(code, "FAILURE or ONGOING, says the client"));

    assertThat(HttpAnswers.classify(answer.status(), answer.body().toString()))
        .isInstanceOf(BranchAnswer.Unknown.class);
  }
}
