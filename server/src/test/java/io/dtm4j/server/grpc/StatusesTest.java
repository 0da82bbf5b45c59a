package io.dtm4j.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Reply;
import io.grpc.Status;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class StatusesTest {
  /** Statuses by which SDKs undo what they have done, or wait: never for mere errors. */
  private static final List<Status.Code> DECISIVE =
      List.of(Status.Code.OK, Status.Code.ABORTED, Status.Code.FAILED_PRECONDITION);

  record Row(String what, Reply reply, Status.Code code, String message) {
    @Override
    public String toString() {
      return what;
    }
  }

  private static Reply failed(ErrorCode code) {
    return new Reply.Failed(code, "why");
  }

  private static Reply refused(ErrorCode code, GlobalStatus status) {
    return new Reply.Refused(code, "why", status);
  }

  /** docs/spec/grpc-api.md 4, and what is better than the reference. */
  static final List<Row> ROWS =
      List.of(
          new Row(
              "submit of a finished gid, and any other refusal",
              new Reply.Refused(ErrorCode.STATUS_CONFLICT, "why", null),
              Status.Code.ABORTED,
              "why FAILURE"),
          new Row(
              "registerBranch on an unknown gid",
              new Reply.Refused(ErrorCode.GID_NOT_FOUND, "why", null),
              Status.Code.ABORTED,
              "why FAILURE"),
          new Row(
              "a workflow that was decided the other way, or has succeeded",
              new Reply.Refused(ErrorCode.WORKFLOW_DECIDED, "why", null),
              Status.Code.FAILED_PRECONDITION,
              "why ONGOING"),
          new Row(
              "wait: rolled back",
              refused(ErrorCode.ROLLED_BACK, GlobalStatus.FAILED),
              Status.Code.ABORTED,
              "why FAILURE"),
          new Row(
              "wait: a saga or message that goes on",
              refused(ErrorCode.NOT_FINISHED, GlobalStatus.SUBMITTED),
              Status.Code.ABORTED,
              "why FAILURE"),
          new Row(
              "wait: a tcc or xa that goes on",
              new Reply.Unfinished(ErrorCode.NOT_FINISHED, "why", GlobalStatus.SUBMITTED),
              Status.Code.FAILED_PRECONDITION,
              "why ONGOING"),
          new Row(
              "wait: a branch refused what may not fail",
              refused(ErrorCode.BRANCH_REFUSED, GlobalStatus.SUBMITTED),
              Status.Code.ABORTED,
              "why FAILURE"),
          new Row(
              "wait: a branch gave no definite answer",
              failed(ErrorCode.BRANCH_UNREACHABLE),
              Status.Code.UNKNOWN,
              "why"),
          new Row("no JSON", failed(ErrorCode.BAD_JSON), Status.Code.INVALID_ARGUMENT, "why"),
          new Row(
              "bad request", failed(ErrorCode.BAD_REQUEST), Status.Code.INVALID_ARGUMENT, "why"),
          new Row("limit", failed(ErrorCode.LIMIT_EXCEEDED), Status.Code.INVALID_ARGUMENT, "why"),
          new Row(
              "unknown type",
              failed(ErrorCode.UNKNOWN_TRANS_TYPE),
              Status.Code.INVALID_ARGUMENT,
              "why"),
          new Row(
              "abort of an unknown gid",
              failed(ErrorCode.GID_NOT_FOUND),
              Status.Code.NOT_FOUND,
              "why"),
          new Row("unknown topic", failed(ErrorCode.TOPIC_NOT_FOUND), Status.Code.NOT_FOUND, "why"),
          new Row("duplicate branch", failed(ErrorCode.BRANCH_EXISTS), Status.Code.UNKNOWN, "why"),
          new Row("overload", failed(ErrorCode.OVERLOADED), Status.Code.RESOURCE_EXHAUSTED, "why"),
          new Row("stop", failed(ErrorCode.STOPPING), Status.Code.UNAVAILABLE, "why"),
          new Row("store", failed(ErrorCode.STORE_UNAVAILABLE), Status.Code.UNAVAILABLE, "why"),
          new Row("outcome unknown", failed(ErrorCode.OUTCOME_UNKNOWN), Status.Code.UNKNOWN, "why"),
          new Row("contended", failed(ErrorCode.CONTENDED), Status.Code.UNKNOWN, "why"),
          new Row("defect", failed(ErrorCode.INTERNAL), Status.Code.INTERNAL, "why"));

  @ParameterizedTest
  @FieldSource("ROWS")
  void the_status_of(Row row) {
    Statuses.Ending ending = Statuses.of(row.reply());

    assertThat(ending.status().getCode()).isEqualTo(row.code());
    assertThat(ending.status().getDescription()).isEqualTo(row.message());
  }

  @Test
  void success_has_nothing_to_say() {
    Statuses.Ending ending = Statuses.of(Reply.Success.INSTANCE);

    assertThat(ending.status()).isEqualTo(Status.OK);
    assertThat(ending.trailers().keys()).isEmpty();
  }

  @ParameterizedTest
  @EnumSource
  void an_error_is_never_taken_for_a_decision(ErrorCode code) {
    Statuses.Ending ending = Statuses.of(failed(code));

    assertThat(ending.status().getCode()).isNotIn(DECISIVE);
    assertThat(ending.trailers().get(Statuses.ERROR_CODE)).isEqualTo(code.name());
  }

  @Test
  void the_words_that_decide_stand_only_where_they_are_meant() {
    var failed = Statuses.of(new Reply.Failed(ErrorCode.INTERNAL, "FAILURE, ONGOING"));
    var refused = Statuses.of(new Reply.Refused(ErrorCode.ROLLED_BACK, "FAILURE: ONGOING", null));
    var unfinished = Statuses.of(new Reply.Unfinished(ErrorCode.NOT_FINISHED, "FAILURE", null));

    assertThat(failed.status().getDescription()).isEqualTo("failure, ongoing");
    assertThat(refused.status().getDescription()).doesNotContain("ONGOING").endsWith(" FAILURE");
    assertThat(unfinished.status().getDescription()).isEqualTo("failure ONGOING");
  }

  @Test
  void a_long_message_is_cut_and_keeps_its_last_word() {
    String reason = "世🚀".repeat(500);

    String sent =
        String.valueOf(
            Statuses.of(new Reply.Refused(ErrorCode.ROLLED_BACK, reason, null))
                .status()
                .getDescription());

    assertThat(sent).hasSizeLessThan(reason.length()).endsWith(" FAILURE");
    assertThat(reason).startsWith(sent.substring(0, sent.length() - " FAILURE".length()));
    assertThat(sent.chars().filter(c -> Character.isSurrogate((char) c)).count() % 2).isZero();
  }

  @Test
  void every_code_has_a_row() {
    assertThat(ROWS.stream().map(Row::reply).map(StatusesTest::codeOf).distinct())
        .containsAll(Arrays.asList(ErrorCode.values()));
  }

  private static ErrorCode codeOf(Reply reply) {
    return switch (reply) {
      case Reply.Refused refused -> refused.code();
      case Reply.Unfinished unfinished -> unfinished.code();
      case Reply.Failed failed -> failed.code();
      case Reply.Success _ -> throw new IllegalArgumentException("no code");
    };
  }
}
