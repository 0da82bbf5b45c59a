package io.dtm4j.engine;

import static io.dtm4j.engine.Given.saga;
import static io.dtm4j.engine.Play.row;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.engine.Play.Row;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Sagas, line by line of docs/spec/transactions.md 4. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class SagaRulesTest {
  static final List<Row> SEQUENTIAL =
      List.of(
          row(
              "4.3",
              "success",
              saga(2),
              "submit -> a1 : submitted, pppp",
              "a1 ok -> a2 : submitted, pspp",
              "a2 ok -> : succeed, psps"),
          row(
              "4.3",
              "the failed step is compensated, too",
              saga(2),
              "submit -> a1",
              "a1 ok -> a2",
              "a2 no -> c2 : aborting, pspf",
              "c2 ok -> c1 : aborting, pssf",
              "c1 ok -> : failed, sssf"),
          row(
              "4.2",
              "steps that could not have started are not compensated",
              saga(3),
              "submit -> a1",
              "a1 no -> c1 : aborting, pfpppp",
              "c1 ok -> : failed, sfpppp"),
          row(
              "4.2",
              "a failure in the middle",
              saga(3),
              "submit -> a1",
              "a1 ok -> a2",
              "a2 no -> c2 : aborting, pspfpp",
              "c2 ok -> c1",
              "c1 ok -> : failed, sssfpp"),
          row("4.1", "no step at all", saga(0), "submit -> : succeed"),
          row(
              "11",
              "empty urls count as done",
              saga(3).without("a1", "c2"),
              "submit -> a2 : submitted, pspppp",
              "a2 ok -> a3",
              "a3 no -> c3 : aborting, pspspf",
              "c3 ok -> c1 : aborting, pssssf",
              "c1 ok -> : failed, sssssf"),
          row("11", "only empty urls", saga(2).without("a1", "a2"), "submit -> : succeed, psps"),
          row(
              "11",
              "a rollback over empty urls only",
              saga(2).without("a1", "c1", "c2"),
              "submit -> a2",
              "a2 no -> : failed, sssf"));

  static final List<Row> CRASHES =
      List.of(
          row(
              "4.3",
              "a1 stored: a2 is called",
              saga(2),
              "submit -> a1",
              "a1 ok -> a2 : pspp",
              "crash -> a2 : submitted",
              "a2 ok -> : succeed, psps"),
          row(
              "4.3",
              "a1 answered but not stored: a1 is called again",
              saga(2),
              "submit -> a1 : pppp",
              "crash -> a1 : submitted, pppp",
              "a1 ok -> a2 : pspp"),
          row(
              "4.3",
              "a2 failed, stored without the change of status: it rolls back",
              saga(2),
              "submit -> a1",
              "a1 ok -> a2",
              "set a2 f",
              "crash -> c2 : aborting, pspf",
              "c2 ok -> c1",
              "c1 ok -> : failed, sssf"),
          row(
              "4.1",
              "a2 failed, stored without the change of status: no other action is called",
              saga(3).concurrent(),
              "submit -> a1 a2 a3",
              "set a2 f",
              "crash -> c3 c2 c1 : aborting, pppfpp"),
          row(
              "4.3",
              "aborting, c2 stored: only c1 is called",
              saga(2),
              "submit -> a1",
              "a1 ok -> a2",
              "a2 no -> c2",
              "c2 ok -> c1 : aborting, pssf",
              "crash -> c1 : aborting, pssf",
              "c1 ok -> : failed, sssf"),
          row(
              "4.3",
              "aborting, c2 answered but not stored: c2 is called again",
              saga(2),
              "submit -> a1",
              "a1 ok -> a2",
              "a2 no -> c2",
              "crash -> c2 : aborting, pspf"),
          row(
              "4.2",
              "an action that could have been in flight is compensated",
              saga(2).timeoutToFail(30),
              "submit -> a1",
              "a1 ok -> a2",
              "+30s",
              "crash -> c2 : aborting, pspp",
              "c2 ok -> c1",
              "c1 ok -> : failed, sssp"),
          row(
              "4.2",
              "concurrent: all that could have been in flight are compensated",
              saga(3).orders("{\"2\":[0,1]}").timeoutToFail(30),
              "submit -> a1 a2",
              "a1 ok ->",
              "+30s",
              "crash -> c2 c1 : aborting",
              "c1 ok & c2 ok -> : failed, sssppp"),
          row(
              "4.2",
              "what is compensated was fixed before the crash",
              saga(3).concurrent(),
              "submit -> a1 a2 a3",
              "a1 no -> c1 : aborting",
              "crash -> c3 c2 c1 : aborting, pfpppp",
              "c1 ok & c2 ok & c3 ok -> : failed, sfspsp"));

  static final List<Row> LATE_ANSWERS =
      List.of(
          row(
              "4.4",
              "the compensation of an action in flight waits for its end, others do not",
              saga(3).concurrent(),
              "submit -> a1 a2 a3",
              "a2 no -> c2 : aborting, pppfpp",
              "c2 ok -> : aborting, ppsfpp",
              "a1 ok -> c1 : pssfpp",
              "a3 lost -> c3",
              "c1 ok ->",
              "c3 ok -> : failed, sssfsp"),
          row(
              "4.2",
              "a late success makes no further action runnable, nor compensated",
              saga(3).orders("{\"2\":[0]}"),
              "submit -> a1 a2",
              "a2 no -> c2 : aborting",
              "a1 ok -> c1 : aborting, pspfpp",
              "c1 ok & c2 ok -> : failed, sssfpp"),
          row(
              "4.2",
              "nor does it after a crash",
              saga(3).orders("{\"2\":[0]}"),
              "submit -> a1 a2",
              "a2 no -> c2 : aborting",
              "a1 ok -> c1",
              "crash -> c2 c1 : aborting, pspfpp",
              "c1 ok & c2 ok -> : failed, sssfpp"),
          row(
              "4.2",
              "nor in the very decision that rolls back",
              saga(3).orders("{\"2\":[0]}"),
              "submit -> a1 a2",
              "a2 no & a1 ok -> c2 c1 : aborting, pspfpp",
              "c1 ok & c2 ok -> : failed, sssfpp"),
          row(
              "4.4",
              "a late failure changes nothing",
              saga(2).concurrent(),
              "submit -> a1 a2",
              "a1 no -> c1 : aborting",
              "a2 no -> c2 : aborting, pfpf",
              "c1 ok & c2 ok -> : failed, sfsf"),
          row(
              "12",
              "a late answer that is not definite calls no action again",
              saga(2).concurrent().retryLimit(3),
              "submit -> a1 a2",
              "a1 no -> c1 : aborting",
              "a2 lost -> c2 : aborting",
              "c1 ok & c2 ok -> : failed, sfsp"),
          row(
              "12",
              "a compensation does not overtake one it waits for when a late answer comes",
              saga(3).orders("{\"1\":[0]}"),
              "submit -> a1 a3",
              "a1 ok -> a2",
              "a3 no -> c3 : aborting, pspppf",
              "a2 lost -> c2",
              "c3 ok ->",
              "c2 ok -> c1 : psspsf",
              "c1 ok -> : failed, ssspsf"),
          row(
              "4.2",
              "timed out while its action is in flight: the compensation waits",
              saga(2).timeoutToFail(30),
              "submit -> a1",
              "woken -> : aborting, pppp",
              "a1 ok -> c1 : aborting, pspp",
              "c1 ok -> : failed, sspp"));

  static final List<Row> TIMEOUTS =
      List.of(
          row(
              "4.3",
              "a1 keeps answering ongoing",
              saga(2).timeoutToFail(2),
              "submit -> a1",
              "a1 later -> : submitted, in 2s",
              "due -> c1 : aborting, pppp",
              "c1 ok -> : failed, sppp"),
          row(
              "4.1",
              "the rest ends at the timeout, before the interval",
              saga(1).timeoutToFail(12),
              "submit -> a1",
              "a1 later -> : in 10s",
              "due -> a1",
              "a1 later -> : in 2s",
              "due -> c1 : aborting"),
          row(
              "4.1",
              "not a moment before its time",
              saga(2).timeoutToFail(2),
              "submit -> a1",
              "+1.999s",
              "a1 ok -> a2 : submitted"),
          row(
              "4.1",
              "no action is called at its time",
              saga(2).timeoutToFail(2),
              "submit -> a1",
              "+2s",
              "a1 ok -> c2 : aborting, pspp",
              "c2 ok -> c1",
              "c1 ok -> : failed, sssp"),
          row(
              "4.1",
              "a refusal counts more than the timeout",
              saga(1).timeoutToFail(2),
              "submit -> a1",
              "+3s",
              "a1 no -> c1 : aborting, pf"),
          row(
              "4.1",
              "all done, though late: it has succeeded",
              saga(1).timeoutToFail(2),
              "submit -> a1",
              "+3s",
              "a1 ok -> : succeed, ps"),
          row(
              "4.1",
              "a saga that rolls back does not time out",
              saga(1).timeoutToFail(2),
              "submit -> a1",
              "a1 no -> c1 : aborting",
              "+3s",
              "c1 later -> : aborting, in 2s",
              "due -> c1",
              "c1 ok -> : failed, sf"),
          row(
              "2",
              "timeout_to_fail 0: never",
              saga(1),
              "submit -> a1",
              "+100000s",
              "a1 later -> : submitted, in 10s"));

  static final List<Row> CONCURRENT =
      List.of(
          row(
              "4.4",
              "all runnable actions start at once",
              saga(2).concurrent(),
              "submit -> a1 a2",
              "a2 ok -> : submitted, ppps",
              "a1 ok -> : succeed, psps"),
          row(
              "4.1",
              "an action waits for all its predecessors",
              saga(3).orders("{\"2\":[0,1]}"),
              "submit -> a1 a2",
              "a1 ok -> : pspppp",
              "a2 ok -> a3 : pspspp",
              "a3 ok -> : succeed, pspsps"),
          row(
              "4.1",
              "of a diamond the middle runs together",
              saga(4).orders("{\"1\":[0],\"2\":[0],\"3\":[1,2]}"),
              "submit -> a1",
              "a1 ok -> a2 a3",
              "a3 ok ->",
              "a2 ok -> a4",
              "a4 no -> c4 : aborting",
              "c4 ok -> c3 c2",
              "c2 ok -> : aborting",
              "c3 ok -> c1",
              "c1 ok -> : failed, sssssssf"),
          row(
              "4.1",
              "sequential with orders: both hold",
              saga(3).customData("{\"orders\":{\"2\":[0]}}"),
              "submit -> a1",
              "a1 ok -> a2",
              "a2 ok -> a3",
              "a3 no -> c3 : aborting",
              "c3 ok -> c2",
              "c2 ok -> c1"),
          row(
              "11",
              "an ongoing first step does not block the second",
              saga(2).concurrent(),
              "submit -> a1 a2",
              "a1 later -> : submitted",
              "a2 ok -> : submitted, ppps, in 10s",
              "due -> a1",
              "a1 ok -> : succeed, psps"),
          row(
              "11",
              "order 0 to 1, step 0 fails: step 1 never starts",
              saga(2).orders("{\"1\":[0]}"),
              "submit -> a1",
              "a1 no -> c1 : aborting",
              "c1 ok -> : failed, sfpp"),
          row(
              "11",
              "order 0 to 1, step 1 fails",
              saga(2).orders("{\"1\":[0]}"),
              "submit -> a1",
              "a1 ok -> a2",
              "a2 no -> c2",
              "c2 ok -> c1",
              "c1 ok -> : failed, sssf"),
          row(
              "11",
              "a rollback that is first ongoing",
              saga(2).concurrent(),
              "submit -> a1 a2",
              "a1 ok & a2 no -> c2 c1 : aborting, pspf",
              "c2 later -> : aborting",
              "c1 ok -> : aborting, sspf, in 10s",
              "due -> c2",
              "c2 ok -> : failed, sssf"),
          row(
              "4.2",
              "an action that was ongoing before is compensated, too",
              saga(3).concurrent(),
              "submit -> a1 a2 a3",
              "a1 later -> : submitted",
              "a2 lost -> : submitted",
              "a3 no -> c3 c2 c1 : aborting, pppppf",
              "c1 ok & c2 ok & c3 ok -> : failed, spspsf"),
          row(
              "4.2",
              "independent compensations run together, in reverse order of the rows",
              saga(3).concurrent(),
              "submit -> a1 a2 a3",
              "a1 ok & a2 ok & a3 no -> c3 c2 c1 : aborting, pspspf"),
          row(
              "4.2",
              "a compensation does not wait for a step that could not run",
              saga(3).orders("{\"1\":[0],\"2\":[1]}"),
              "submit -> a1",
              "a1 ok -> a2",
              "a2 no -> c2 : aborting",
              "c2 ok -> c1 : pssfpp"),
          row(
              "11",
              "empty urls in any order of the steps",
              saga(3).orders("{\"0\":[1],\"1\":[2]}").without("a1", "a2", "a3"),
              "submit -> : succeed, pspsps"),
          row(
              "11",
              "empty compensations in any order of the steps",
              saga(4).orders("{\"0\":[1],\"1\":[2],\"2\":[3]}").without("c1", "c2", "c3"),
              "submit -> a4",
              "a4 ok -> a3",
              "a3 ok -> a2",
              "a2 ok -> a1",
              "a1 no -> c4 : aborting, sfssssps",
              "c4 ok -> : failed, sfssssss"));

  static final List<Row> NOT_DEFINITE =
      List.of(
          row(
              "4.5",
              "an ongoing action is called again after the interval",
              saga(2),
              "submit -> a1",
              "a1 later -> : submitted, pppp, in 10s",
              "due -> a1",
              "a1 later -> : in 10s",
              "due -> a1",
              "a1 ok -> a2",
              "a2 ok -> : succeed"),
          row(
              "4.5",
              "an action without an answer is called again after twice the interval",
              saga(1),
              "submit -> a1",
              "a1 lost -> : submitted, pp, in 20s",
              "due -> a1",
              "a1 lost -> : in 40s"),
          row(
              "4.5",
              "a compensation may not fail",
              saga(1),
              "submit -> a1",
              "a1 no -> c1",
              "c1 no -> : aborting, pf, in 20s",
              "due -> c1",
              "c1 lost -> : aborting, in 40s",
              "due -> c1",
              "c1 later -> : aborting, in 40s",
              "due -> c1",
              "c1 ok -> : failed, sf"),
          row(
              "4.5",
              "a compensation that is not done holds up those behind it",
              saga(2),
              "submit -> a1",
              "a1 ok -> a2",
              "a2 no -> c2",
              "c2 later -> : aborting, pspf, in 10s"),
          row(
              "4.1",
              "what was asked is not called again in the same pass",
              saga(2).concurrent(),
              "submit -> a1 a2",
              "a1 later ->",
              "a2 later -> : in 10s",
              "due -> a1 a2"),
          row(
              "11",
              "a repeated submit wakes a resting saga and calls what is not done",
              saga(2),
              "submit -> a1",
              "a1 ok -> a2",
              "a2 later -> : in 10s",
              "+1s",
              "submit -> a2 : submitted, pspp",
              "a2 ok -> : succeed"),
          row(
              "11",
              "submitted twice while it runs: no call is doubled; refused when it has succeeded",
              saga(2),
              "submit -> a1",
              "submit -> : submitted, pppp",
              "a1 ok -> a2",
              "a2 ok -> : succeed, psps",
              "!submit -> : succeed"),
          row(
              "11",
              "force-stopped: failed, whatever is in flight; not when it is finished",
              saga(2),
              "submit -> a1",
              "a1 ok -> a2",
              "forceStop -> : failed, pspp",
              "!forceStop -> : failed"),
          row(
              "11",
              "reset when it is finished: its next time is now",
              saga(1),
              "submit -> a1",
              "a1 ok -> : succeed",
              "+60s",
              "reset -> : succeed, ps, in 0s"),
          row(
              "1.4",
              "a prepared saga waits for its submit only",
              saga(1),
              "prepare -> : prepared, in 10s",
              "due -> : prepared, in 3600s",
              "submit -> a1 : submitted"));

  static final List<Row> RETRY_LIMIT =
      List.of(
          row(
              "4.6",
              "R = 3 with three errors, then success",
              saga(2).retryLimit(3),
              "submit -> a1",
              "a1 lost -> a1",
              "a1 later -> a1",
              "a1 lost -> a1",
              "a1 ok -> a2",
              "a2 ok -> : succeed, psps"),
          row(
              "4.6",
              "R = 1: called twice, then rolled back",
              saga(2).retryLimit(1),
              "submit -> a1",
              "a1 ok -> a2",
              "a2 lost -> a2 : submitted",
              "a2 lost -> c2 : aborting, pspp",
              "c2 ok -> c1",
              "c1 ok -> : failed, sssp"),
          row(
              "4.6",
              "the count is shared by all actions",
              saga(2).concurrent().retryLimit(1),
              "submit -> a1 a2",
              "a1 lost -> a1 : submitted",
              "a2 lost -> c2 : aborting, pppp",
              "a1 ok -> c1 : pspp",
              "c1 ok & c2 ok -> : failed, sssp"),
          row(
              "4.6",
              "the count outlives a crash",
              saga(1).retryLimit(1),
              "submit -> a1",
              "a1 lost -> a1",
              "crash -> a1",
              "a1 lost -> c1 : aborting"),
          row(
              "4.6",
              "it bounds actions, not compensations",
              saga(1).retryLimit(1),
              "submit -> a1",
              "a1 no -> c1",
              "c1 lost -> : aborting, in 20s"),
          row(
              "4.6",
              "no repeat after the timeout",
              saga(1).retryLimit(1).timeoutToFail(2),
              "submit -> a1",
              "+2s",
              "a1 lost -> c1 : aborting"));

  static final List<Row> FULL_DESTINATIONS =
      List.of(
          row(
              "12",
              "turned away: it rests for seconds, the interval stays",
              saga(1),
              "submit -> a1",
              "a1 full -> : submitted, rests, interval 10s",
              "due -> a1",
              "a1 ok -> : succeed"),
          row(
              "12",
              "calls in flight are waited for, none begins",
              saga(3).orders("{\"2\":[0]}"),
              "submit -> a1 a2",
              "a2 full -> : submitted",
              "a1 ok -> : pspppp, rests",
              "due -> a2 a3"),
          row(
              "3",
              "beside an answer that is not definite: that one's interval counts",
              saga(2).concurrent(),
              "submit -> a1 a2",
              "a1 full & a2 lost -> : in 20s, interval 20s",
              "due -> a1 a2",
              "a1 full & a2 later -> : in 20s, interval 20s"),
          row(
              "12",
              "a compensation turned away",
              saga(1),
              "submit -> a1",
              "a1 no -> c1",
              "c1 full -> : aborting, pf, rests",
              "due -> c1",
              "c1 ok -> : failed, sf"),
          row(
              "12",
              "timed out meanwhile: compensated in the next pass",
              saga(1).timeoutToFail(1),
              "submit -> a1",
              "+2s",
              "a1 full -> : aborting, rests",
              "due -> c1"));

  @ParameterizedTest
  @FieldSource({
    "SEQUENTIAL",
    "CRASHES",
    "LATE_ANSWERS",
    "TIMEOUTS",
    "CONCURRENT",
    "NOT_DEFINITE",
    "RETRY_LIMIT",
    "FULL_DESTINATIONS"
  })
  void a_saga_runs_as_the_table_says(Row row) {
    Play.of(row);
  }

  record Reason(String section, String expected, Given given, List<String> lines) {}

  static final List<Reason> REASONS =
      List.of(
          new Reason("10", "", saga(1), List.of("submit -> a1", "a1 ok -> : succeed")),
          new Reason(
              "10",
              "url:http://service/a1 return failed: no stock FAILURE",
              saga(1),
              List.of("submit -> a1", "a1 no -> c1")),
          new Reason(
              "10",
              "url:http://service/a1 return failed: no stock FAILURE",
              saga(2).concurrent(),
              List.of("submit -> a1 a2", "a1 no & a2 no -> c2 c1")),
          new Reason(
              "10",
              "Timeout after 2 seconds",
              saga(1).timeoutToFail(2),
              List.of("submit -> a1", "+2s", "a1 later -> c1")),
          new Reason(
              "10",
              "RetryCount is greater than RetryLimit, RetryLimit: 1",
              saga(1).retryLimit(1),
              List.of("submit -> a1", "a1 lost -> a1", "a1 lost -> c1")),
          new Reason(
              "12",
              "url:http://service/a2 return failed: no stock FAILURE",
              saga(2).concurrent().retryLimit(1),
              List.of("submit -> a1 a2", "a1 lost -> a1", "a2 no -> c2", "a1 lost -> c1")),
          new Reason(
              "4.3",
              "fail message lost",
              saga(1),
              List.of("submit -> a1", "set a1 f", "crash -> c1")));

  @ParameterizedTest
  @FieldSource("REASONS")
  void a_saga_says_why_it_rolls_back(Reason row) {
    var play = new Play(row.given());

    row.lines().forEach(play::line);

    assertThat(play.stored().transaction().state().reason()).isEqualTo(row.expected());
  }
}
