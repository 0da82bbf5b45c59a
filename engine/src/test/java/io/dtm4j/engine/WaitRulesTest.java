package io.dtm4j.engine;

import static io.dtm4j.engine.Given.msg;
import static io.dtm4j.engine.Given.saga;
import static io.dtm4j.engine.Given.tcc;
import static io.dtm4j.engine.Given.xa;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Reply;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** What a client hears that waits for the result: docs/spec/transactions.md 9. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class WaitRulesTest {
  private static final String GOES_ON = "not finished yet; it goes on, query tells how it ends";
  private static final String NO_STOCK = "url:http://service/a1 return failed: no stock FAILURE";

  /**
   * @param heard when the wait ends with the last decision
   * @param afterwards when it ends without the pass, from what is stored
   */
  record Row(String what, Given given, List<String> lines, Reply heard, Reply afterwards) {
    @Override
    public String toString() {
      return "9 " + what;
    }
  }

  private static Row row(String what, Given given, Reply heard, Reply afterwards, String... lines) {
    return new Row(what, given, List.of(lines), heard, afterwards);
  }

  private static Reply refused(ErrorCode code, String message, GlobalStatus status) {
    return new Reply.Refused(code, message, status);
  }

  private static Reply notFinished(GlobalStatus status) {
    return refused(ErrorCode.NOT_FINISHED, GOES_ON, status);
  }

  private static Reply unfinished(GlobalStatus status) {
    return new Reply.Unfinished(ErrorCode.NOT_FINISHED, GOES_ON, status);
  }

  private static Reply rolledBack(String reason, GlobalStatus status) {
    return refused(ErrorCode.ROLLED_BACK, reason, status);
  }

  static final List<Row> ROWS =
      List.of(
          row(
              "saga: succeed",
              saga(1),
              Reply.Success.INSTANCE,
              Reply.Success.INSTANCE,
              "submit -> a1",
              "a1 ok ->"),
          row(
              "saga: rolled back",
              saga(1),
              rolledBack(NO_STOCK, GlobalStatus.FAILED),
              rolledBack(NO_STOCK, GlobalStatus.FAILED),
              "submit -> a1",
              "a1 no -> c1",
              "c1 ok ->"),
          row(
              "saga: rolling back",
              saga(1),
              rolledBack(NO_STOCK, GlobalStatus.ABORTING),
              rolledBack(NO_STOCK, GlobalStatus.ABORTING),
              "submit -> a1",
              "a1 no -> c1",
              "c1 lost ->"),
          row(
              "saga: a branch is ongoing",
              saga(1),
              notFinished(GlobalStatus.SUBMITTED),
              notFinished(GlobalStatus.SUBMITTED),
              "submit -> a1",
              "a1 later ->"),
          row(
              "saga: nothing is known of a branch",
              saga(1),
              notFinished(GlobalStatus.SUBMITTED),
              notFinished(GlobalStatus.SUBMITTED),
              "submit -> a1",
              "a1 lost ->"),
          row(
              "saga: calls are in flight when the wait ends",
              saga(2),
              notFinished(GlobalStatus.SUBMITTED),
              notFinished(GlobalStatus.SUBMITTED),
              "submit -> a1",
              "a1 ok -> a2"),
          row(
              "msg: succeed",
              msg(1),
              Reply.Success.INSTANCE,
              Reply.Success.INSTANCE,
              "submit -> a1",
              "a1 ok ->"),
          row(
              "msg: a branch is ongoing",
              msg(1),
              notFinished(GlobalStatus.SUBMITTED),
              notFinished(GlobalStatus.SUBMITTED),
              "submit -> a1",
              "a1 later ->"),
          row(
              "msg: its delay is not over",
              msg(1).delay(9),
              notFinished(GlobalStatus.SUBMITTED),
              notFinished(GlobalStatus.SUBMITTED),
              "submit ->"),
          row(
              "msg: a branch refuses",
              msg(1),
              refused(
                  ErrorCode.BRANCH_REFUSED, "a branch refused: no stock", GlobalStatus.SUBMITTED),
              notFinished(GlobalStatus.SUBMITTED),
              "submit -> a1",
              "a1 no ->"),
          row(
              "msg: nothing is known of a branch",
              msg(1),
              new Reply.Failed(
                  ErrorCode.BRANCH_UNREACHABLE, "a branch gave no definite answer: timeout"),
              notFinished(GlobalStatus.SUBMITTED),
              "submit -> a1",
              "a1 lost ->"),
          row(
              "msg: the gravest of several answers counts",
              msg(3).concurrent(),
              new Reply.Failed(
                  ErrorCode.BRANCH_UNREACHABLE, "a branch gave no definite answer: timeout"),
              notFinished(GlobalStatus.SUBMITTED),
              "submit -> a1 a2 a3",
              "a1 later & a2 lost & a3 no ->"),
          row(
              "msg: a destination is full",
              msg(1),
              notFinished(GlobalStatus.SUBMITTED),
              notFinished(GlobalStatus.SUBMITTED),
              "submit -> a1",
              "a1 full ->"),
          row(
              "tcc: succeed",
              tcc(),
              Reply.Success.INSTANCE,
              Reply.Success.INSTANCE,
              "prepare",
              "register 1",
              "submit -> k1",
              "k1 ok ->"),
          row(
              "tcc: a confirm is ongoing",
              tcc(),
              unfinished(GlobalStatus.SUBMITTED),
              unfinished(GlobalStatus.SUBMITTED),
              "prepare",
              "register 1",
              "submit -> k1",
              "k1 later ->"),
          row(
              "tcc: a confirm refuses",
              tcc(),
              refused(
                  ErrorCode.BRANCH_REFUSED, "a branch refused: no stock", GlobalStatus.SUBMITTED),
              unfinished(GlobalStatus.SUBMITTED),
              "prepare",
              "register 1",
              "submit -> k1",
              "k1 no ->"),
          row(
              "xa: nothing is known of a commit",
              xa(),
              new Reply.Failed(
                  ErrorCode.BRANCH_UNREACHABLE, "a branch gave no definite answer: timeout"),
              unfinished(GlobalStatus.SUBMITTED),
              "prepare",
              "register 1",
              "submit -> m1",
              "m1 lost ->"),
          row(
              "tcc: nothing is known of a confirm",
              tcc(),
              new Reply.Failed(
                  ErrorCode.BRANCH_UNREACHABLE, "a branch gave no definite answer: timeout"),
              unfinished(GlobalStatus.SUBMITTED),
              "prepare",
              "register 1",
              "submit -> k1",
              "k1 lost ->"),
          row(
              "xa: succeed",
              xa(),
              Reply.Success.INSTANCE,
              Reply.Success.INSTANCE,
              "prepare",
              "register 1",
              "submit -> m1",
              "m1 ok ->"),
          row(
              "xa: a commit is ongoing",
              xa(),
              unfinished(GlobalStatus.SUBMITTED),
              unfinished(GlobalStatus.SUBMITTED),
              "prepare",
              "register 1",
              "submit -> m1",
              "m1 later ->"),
          row(
              "xa: a commit refuses",
              xa(),
              refused(
                  ErrorCode.BRANCH_REFUSED, "a branch refused: no stock", GlobalStatus.SUBMITTED),
              unfinished(GlobalStatus.SUBMITTED),
              "prepare",
              "register 1",
              "submit -> m1",
              "m1 no ->"),
          row(
              "xa: a destination is full",
              xa(),
              unfinished(GlobalStatus.SUBMITTED),
              unfinished(GlobalStatus.SUBMITTED),
              "prepare",
              "register 1",
              "submit -> m1",
              "m1 full ->"));

  /** Told an abort. */
  static final List<Row> ABORTS =
      List.of(
          row(
              "tcc: cancelled",
              tcc(),
              Reply.Success.INSTANCE,
              Reply.Success.INSTANCE,
              "prepare",
              "register 1",
              "abort because -> x1",
              "x1 ok ->"),
          row(
              "tcc: nothing to cancel",
              tcc(),
              Reply.Success.INSTANCE,
              Reply.Success.INSTANCE,
              "prepare",
              "abort ->"),
          row(
              "tcc: a cancel is ongoing, whatever the reason",
              tcc(),
              unfinished(GlobalStatus.ABORTING),
              unfinished(GlobalStatus.ABORTING),
              "prepare",
              "register 1",
              "abort because -> x1",
              "x1 later ->"),
          row(
              "tcc: a cancel refuses",
              tcc(),
              refused(
                  ErrorCode.BRANCH_REFUSED, "a branch refused: no stock", GlobalStatus.ABORTING),
              unfinished(GlobalStatus.ABORTING),
              "prepare",
              "register 1",
              "abort -> x1",
              "x1 no ->"),
          row(
              "tcc: nothing is known of a cancel",
              tcc(),
              new Reply.Failed(
                  ErrorCode.BRANCH_UNREACHABLE, "a branch gave no definite answer: timeout"),
              unfinished(GlobalStatus.ABORTING),
              "prepare",
              "register 1",
              "abort -> x1",
              "x1 lost ->"),
          row(
              "xa: rolled back",
              xa(),
              Reply.Success.INSTANCE,
              Reply.Success.INSTANCE,
              "prepare",
              "register 1",
              "abort because -> r1",
              "r1 ok ->"),
          row(
              "xa: a rollback is ongoing",
              xa(),
              unfinished(GlobalStatus.ABORTING),
              unfinished(GlobalStatus.ABORTING),
              "prepare",
              "register 1",
              "abort -> r1",
              "r1 later ->"),
          row(
              "xa: a rollback refuses",
              xa(),
              refused(
                  ErrorCode.BRANCH_REFUSED, "a branch refused: no stock", GlobalStatus.ABORTING),
              unfinished(GlobalStatus.ABORTING),
              "prepare",
              "register 1",
              "abort -> r1",
              "r1 no ->"),
          row(
              "xa: nothing is known of a rollback",
              xa(),
              new Reply.Failed(
                  ErrorCode.BRANCH_UNREACHABLE, "a branch gave no definite answer: timeout"),
              unfinished(GlobalStatus.ABORTING),
              "prepare",
              "register 1",
              "abort -> r1",
              "r1 lost ->"));

  @ParameterizedTest
  @FieldSource("ROWS")
  void a_client_that_waits_hears(Row row) {
    var play = new Play(row.given());

    row.lines().forEach(play::line);

    assertThat(WaitRules.replyOf(play.lastPass())).isEqualTo(row.heard());
    assertThat(WaitRules.replyOf(play.stored().transaction())).isEqualTo(row.afterwards());
  }

  @ParameterizedTest
  @FieldSource("ABORTS")
  void a_client_that_waits_for_its_abort_hears(Row row) {
    var play = new Play(row.given());

    row.lines().forEach(play::line);

    assertThat(WaitRules.ofAbort(WaitRules.replyOf(play.lastPass()))).isEqualTo(row.heard());
    assertThat(WaitRules.ofAbort(WaitRules.replyOf(play.stored().transaction())))
        .isEqualTo(row.afterwards());
  }

  @Test
  void an_abort_that_was_force_stopped_is_not_told_as_done() {
    var play = new Play(tcc());
    List.of("prepare", "register 1", "abort -> x1", "forceStop -> : failed").forEach(play::line);

    Reply reply = WaitRules.ofAbort(WaitRules.replyOf(play.stored().transaction()));

    assertThat(reply)
        .isEqualTo(
            refused(
                ErrorCode.STATUS_CONFLICT,
                "it was stopped before every branch was rolled back",
                GlobalStatus.FAILED));
  }

  @Test
  void a_client_whose_saga_was_force_stopped_hears_that_it_failed() {
    var play = new Play(saga(1));
    play.line("submit -> a1");
    play.line("forceStop -> : failed");

    Reply reply = WaitRules.replyOf(play.stored().transaction());

    assertThat(reply).isEqualTo(rolledBack("the transaction failed", GlobalStatus.FAILED));
  }
}
