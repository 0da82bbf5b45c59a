package io.dtm4j.engine;

import static io.dtm4j.engine.Given.msg;
import static io.dtm4j.engine.Play.row;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.engine.Play.Row;
import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Two-phase messages, line by line of docs/spec/transactions.md 7. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class MsgRulesTest {
  static final List<Row> SENDING =
      List.of(
          row(
              "7.2",
              "prepare, submit, both branches in order",
              msg(2),
              "prepare -> : prepared, pp, in 35s",
              "submit -> a1 : submitted",
              "a1 ok -> a2 : submitted, sp",
              "a2 ok -> : succeed, ss"),
          row(
              "7.2",
              "submit without prepare",
              msg(1),
              "submit -> a1 : submitted",
              "a1 ok -> : succeed, s"),
          row("7.2", "no step at all", msg(0), "submit -> : succeed"),
          row("7.2", "only empty urls", msg(2).without("a1", "a2"), "submit -> : succeed, ss"),
          row(
              "7.2",
              "an empty url counts as done",
              msg(2).without("a1"),
              "submit -> a2 : submitted, sp",
              "a2 ok -> : succeed"),
          row(
              "7.2",
              "concurrent: all at once",
              msg(3).concurrent(),
              "submit -> a1 a2 a3",
              "a2 ok -> : submitted, psp",
              "a3 later -> : submitted",
              "a1 ok -> : submitted, ssp, in 10s",
              "due -> a3",
              "a3 ok -> : succeed, sss"),
          row(
              "7.2",
              "sequential: the first that does not succeed stops it",
              msg(2),
              "submit -> a1",
              "a1 later -> : submitted, pp, in 10s",
              "due -> a1",
              "a1 lost -> : submitted, in 20s",
              "due -> a1"),
          row(
              "7.2",
              "it never rolls back, whatever the branches answer",
              msg(1).timeoutToFail(1),
              "submit -> a1",
              "a1 no -> : submitted, p, in 2s",
              "due -> a1",
              "a1 no -> : submitted, p, in 4s",
              "due -> a1",
              "a1 ok -> : succeed, s"),
          row(
              "7.2",
              "after a crash rows that have succeeded are not called again",
              msg(2),
              "submit -> a1",
              "a1 ok -> a2 : sp",
              "crash -> a2 : submitted, sp",
              "a2 ok -> : succeed"),
          row(
              "11",
              "a repeated submit wakes a resting message",
              msg(1),
              "submit -> a1",
              "a1 later -> : in 10s",
              "submit -> a1"),
          row(
              "11",
              "prepared twice; refused when it has been submitted",
              msg(1),
              "prepare ->",
              "prepare -> : prepared, p, in 35s",
              "submit -> a1",
              "!prepare -> : submitted",
              "a1 ok -> : succeed, s",
              "!prepare -> : succeed"),
          row(
              "2",
              "the timeout does not count after submit",
              msg(1).timeoutToFail(5),
              "prepare ->",
              "submit -> a1",
              "+9s",
              "a1 later -> : submitted, in 5s",
              "due -> a1"),
          row(
              "12",
              "turned away: it rests for seconds, the interval stays",
              msg(2),
              "submit -> a1",
              "a1 full -> : submitted, pp, rests, interval 10s",
              "due -> a1",
              "a1 ok -> a2"));

  static final List<Row> CHECKING_BACK =
      List.of(
          row(
              "7.2",
              "not before its time; success goes on in the same pass",
              msg(2),
              "prepare -> : prepared, in 35s",
              "+34.999s",
              "crash -> : prepared, in 0.001s",
              "due -> q : prepared, pp",
              "q ok -> a1 : submitted",
              "a1 ok -> a2",
              "a2 ok -> : succeed"),
          row(
              "7.2",
              "at the timeout that the client gave",
              msg(1).timeoutToFail(120),
              "prepare -> : prepared, in 120s",
              "due -> q"),
          row(
              "7.2",
              "failure: failed, branches untouched",
              msg(2),
              "prepare ->",
              "due -> q",
              "q no -> : failed, pp"),
          row(
              "7.2",
              "ongoing: stays, again after the base interval",
              msg(1),
              "prepare ->",
              "due -> q",
              "q later -> : prepared, in 10s, interval 10s",
              "due -> q",
              "q ok -> a1 : submitted"),
          row(
              "7.2",
              "unknown: stays, again after twice the interval; ongoing resets it",
              msg(1),
              "prepare ->",
              "due -> q",
              "q lost -> : prepared, in 20s",
              "due -> q",
              "q lost -> : prepared, in 40s",
              "due -> q",
              "q later -> : prepared, in 10s, interval 10s"),
          row(
              "7.2",
              "an empty check-back url is success",
              msg(1).without("q"),
              "prepare -> : in 35s",
              "due -> a1 : submitted",
              "a1 ok -> : succeed"),
          row(
              "7.2",
              "a branch that is ongoing after it",
              msg(1),
              "prepare ->",
              "due -> q",
              "q ok -> a1",
              "a1 later -> : submitted, in 10s",
              "due -> a1"),
          row(
              "7.2",
              "a crash during it: checked back again",
              msg(1),
              "prepare ->",
              "due -> q",
              "crash -> q : prepared"),
          row(
              "7.2",
              "turned away: it rests for seconds",
              msg(1),
              "prepare ->",
              "due -> q",
              "q full -> : prepared, rests, interval 10s",
              "due -> q"),
          row(
              "7.2",
              "a submit takes over from it",
              msg(1),
              "prepare ->",
              "due -> q",
              "submit -> a1 : submitted",
              "a1 ok -> : succeed"),
          row(
              "7.2",
              "an abort while it is on its way",
              msg(1),
              "prepare ->",
              "due -> q",
              "abort -> : failed, p"),
          row("7.2", "business failed: aborted", msg(1), "prepare ->", "abort -> : failed, p"));

  static final List<Row> DELAYED =
      List.of(
          row(
              "7.2",
              "no call at submit, then as usual",
              msg(2).delay(10),
              "submit -> : submitted, pp, in 10.001s",
              "due -> a1 : submitted",
              "a1 ok -> a2",
              "a2 ok -> : succeed"),
          row(
              "7.2",
              "the delay counts from the submit",
              msg(1).delay(10),
              "prepare -> : in 35s",
              "+20s",
              "submit -> : submitted, in 10.001s",
              "due -> a1"),
          row(
              "7.2",
              "the delay counts from the check-back",
              msg(1).delay(10),
              "prepare ->",
              "due -> q",
              "+1s",
              "q ok -> : submitted, in 10.001s",
              "due -> a1"),
          row(
              "12",
              "never early, though the submit came late in its millisecond",
              msg(1).delay(10),
              "submit ->",
              "+10s",
              "submit -> : in 0.001s",
              "due -> a1"),
          row(
              "12",
              "an early pass does not move its end",
              msg(1).delay(10),
              "submit -> : in 10.001s",
              "+4s",
              "submit -> : submitted, in 6.001s",
              "crash -> : in 6.001s",
              "due -> a1"),
          row(
              "7.2",
              "a retry after the delay comes after the interval",
              msg(1).delay(30),
              "submit -> : in 30.001s, interval 10s",
              "due -> a1",
              "a1 later -> : in 10s"));

  @ParameterizedTest
  @FieldSource({"SENDING", "CHECKING_BACK", "DELAYED"})
  void a_message_runs_as_the_table_says(Row row) {
    Play.of(row);
  }

  @Test
  void a_message_that_failed_has_no_reason() {
    Play play = Play.of(row("10", "", msg(1), "prepare ->", "due -> q", "q no -> : failed"));

    assertThat(play.stored().transaction().state().reason()).isEmpty();
  }

  @Test
  void a_check_back_has_no_row_and_no_payload() {
    Play play = Play.of(row("7.2", "", msg(1), "prepare ->", "due -> q"));

    assertThat(play.calls())
        .containsExactly(
            new Call(
                play.stored().transaction().gid(),
                TransType.MSG,
                Call.NO_ROW,
                new BranchKey("00", Op.CHECK_BACK),
                "http",
                "http://service/q",
                Payload.EMPTY,
                Duration.ofSeconds(3),
                Map.of(),
                null));
  }
}
