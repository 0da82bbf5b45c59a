package io.dtm4j.engine;

import static io.dtm4j.engine.Given.msg;
import static io.dtm4j.engine.Given.saga;
import static io.dtm4j.engine.Given.tcc;
import static io.dtm4j.engine.Given.workflow;
import static io.dtm4j.engine.Given.xa;
import static io.dtm4j.engine.Play.row;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.engine.Play.Row;
import io.dtm4j.model.State;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** From which status to which, line by line of docs/spec/transactions.md 1. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class StatesTest {
  /** That no other change happens is what {@link RandomWalkTest} shows. */
  static final List<Row> TRANSITIONS =
      List.of(
          row("1.1", "new, prepared: prepare", tcc(), "prepare -> : prepared"),
          row("1.1", "new, prepared: prepareWorkflow", workflow(), "prepare -> : prepared"),
          row("1.1", "new, submitted: submit", saga(1), "submit -> a1 : submitted"),
          row(
              "1.1",
              "prepared, submitted: submit",
              tcc(),
              "prepare ->",
              "register 1 ->",
              "submit -> k1 : submitted"),
          row(
              "1.1",
              "prepared, submitted: msg check-back success",
              msg(1),
              "prepare ->",
              "due -> q : prepared",
              "q ok -> a1 : submitted"),
          row(
              "1.1",
              "prepared, aborting: abort of a tcc",
              tcc(),
              "prepare ->",
              "register 1 ->",
              "abort -> x1 : aborting"),
          row(
              "1.1",
              "prepared, aborting: abort of an xa",
              xa(),
              "prepare ->",
              "register 1 ->",
              "abort -> r1 : aborting"),
          row(
              "1.1",
              "prepared, aborting: timeout of a tcc",
              tcc(),
              "prepare ->",
              "register 1 ->",
              "due -> x1 : aborting"),
          row(
              "1.1",
              "prepared, aborting: timeout of an xa",
              xa(),
              "prepare ->",
              "register 1 ->",
              "due -> r1 : aborting"),
          row(
              "1.1",
              "prepared, failed: abort of a msg",
              msg(1),
              "prepare ->",
              "abort -> : failed, p"),
          row(
              "1.1",
              "prepared, failed: msg check-back failure",
              msg(1),
              "prepare ->",
              "due -> q",
              "q no -> : failed, p"),
          row(
              "1.1",
              "prepared, failed: workflow submit failed",
              workflow(),
              "prepare ->",
              "end failed -> : failed"),
          row(
              "1.1",
              "prepared, failed: forceStop",
              xa(),
              "prepare ->",
              "register 1 ->",
              "forceStop -> : failed, pp"),
          row(
              "1.1",
              "prepared, succeed: workflow submit succeed",
              workflow(),
              "prepare ->",
              "end succeed -> : succeed"),
          row(
              "1.1",
              "submitted, succeed: all forward branches done",
              msg(1),
              "submit -> a1 : submitted",
              "a1 ok -> : succeed"),
          row(
              "1.1",
              "submitted, aborting: an action of a saga failed",
              saga(1),
              "submit -> a1 : submitted",
              "a1 no -> c1 : aborting"),
          row(
              "1.1",
              "submitted, aborting: a saga timed out",
              saga(1).timeoutToFail(2),
              "submit -> a1",
              "a1 later -> : submitted, in 2s",
              "due -> c1 : aborting"),
          row(
              "1.1",
              "submitted, aborting: the retry limit of a saga",
              saga(1).retryLimit(1),
              "submit -> a1",
              "a1 lost -> a1 : submitted",
              "a1 lost -> c1 : aborting"),
          row(
              "1.1",
              "submitted, failed: forceStop",
              msg(1),
              "submit -> a1 : submitted",
              "forceStop -> : failed, p"),
          row(
              "1.1",
              "aborting, aborting: repeated abort",
              xa(),
              "prepare ->",
              "register 1 ->",
              "abort -> r1 : aborting",
              "abort -> : aborting",
              "r1 lost -> : aborting, in 20s",
              "abort -> r1 : aborting"),
          row(
              "1.1",
              "aborting, failed: all backward branches done",
              xa(),
              "prepare ->",
              "register 1 ->",
              "abort -> r1 : aborting",
              "r1 ok -> : failed"),
          row(
              "1.1",
              "aborting, failed: forceStop",
              saga(1),
              "submit -> a1",
              "a1 no -> c1 : aborting",
              "forceStop -> : failed, pf"),
          row(
              "1.1",
              "a submitted tcc never rolls back",
              tcc(),
              "prepare ->",
              "register 1 ->",
              "submit -> k1",
              "k1 no -> : submitted, pp, in 20s",
              "!abort -> : submitted"),
          row(
              "1.1",
              "a submitted xa never rolls back",
              xa(),
              "prepare ->",
              "register 1 ->",
              "submit -> m1",
              "m1 no -> : submitted, pp, in 20s",
              "!abort -> : submitted"),
          row(
              "1.1",
              "a submitted msg never rolls back",
              msg(1),
              "submit -> a1",
              "a1 no -> : submitted, p, in 20s",
              "!abort -> : submitted"));

  static final List<Row> STORED =
      List.of(
          row("1.4", "prepare: the record with all its rows", msg(2), "prepare -> : prepared, pp"),
          row("1.4", "submit: the record with all its rows", saga(2), "submit -> a1 : pppp"),
          row(
              "1.4",
              "registerBranch: the new rows, while it is prepared only",
              xa(),
              "prepare ->",
              "register 1 -> : pp",
              "submit -> m1",
              "!register 2 -> : submitted, pp"),
          row(
              "1.4",
              "a definite answer: that row",
              saga(2),
              "submit -> a1",
              "a1 ok -> a2 : submitted, pspp"),
          row(
              "1.4",
              "an answer that is not definite: the next time only",
              saga(2),
              "submit -> a1",
              "a1 later -> : submitted, pppp, in 10s",
              "due -> a1",
              "a1 lost -> : submitted, pppp, in 20s"),
          row(
              "1.4",
              "the end of a pass that completes: the status",
              saga(1),
              "submit -> a1",
              "a1 ok -> : succeed, ps"));

  @ParameterizedTest
  @FieldSource({"TRANSITIONS", "STORED"})
  void a_transaction_moves_as_the_table_says(Row row) {
    State state = Play.of(row).stored().transaction().state();

    assertThat(state.endTime() != null)
        .as("the time of its end is set")
        .isEqualTo(state.status().isFinal());
  }
}
