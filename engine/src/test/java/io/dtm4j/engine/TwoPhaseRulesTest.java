package io.dtm4j.engine;

import static io.dtm4j.engine.Given.tcc;
import static io.dtm4j.engine.Given.xa;
import static io.dtm4j.engine.Play.row;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.engine.Play.Row;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
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

/** TCC and XA, line by line of docs/spec/transactions.md 5 and 6. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class TwoPhaseRulesTest {
  static final List<Row> TCC =
      List.of(
          row(
              "5",
              "success: confirmed from last to first",
              tcc(),
              "prepare -> : prepared, in 35s",
              "register 1 -> : pp, in 35s",
              "register 2 -> : pppp",
              "submit -> k2 : submitted",
              "k2 ok -> k1 : ppps",
              "k1 ok -> : succeed, psps"),
          row(
              "5",
              "try failed: cancelled from last to first",
              tcc(),
              "prepare ->",
              "register 1 ->",
              "register 2 ->",
              "abort try 02 failed -> x2 : aborting",
              "x2 ok -> x1 : ppsp",
              "x1 ok -> : failed, spsp"),
          row(
              "5",
              "confirm fails or errs: backoff, and only what is open is called again",
              tcc(),
              "prepare ->",
              "register 1 ->",
              "register 2 ->",
              "submit -> k2",
              "k2 ok -> k1",
              "k1 no -> : submitted, ppps, in 20s",
              "due -> k1",
              "k1 lost -> : submitted, ppps, in 40s",
              "due -> k1",
              "k1 ok -> : succeed, psps"),
          row(
              "5",
              "the first confirm that does not succeed ends the pass",
              tcc(),
              "prepare ->",
              "register 1 ->",
              "register 2 ->",
              "submit -> k2",
              "k2 lost -> : submitted, pppp, in 20s",
              "due -> k2"),
          row(
              "5",
              "cancel ongoing: again after the same interval",
              tcc().retryInterval(4),
              "prepare ->",
              "register 1 ->",
              "abort -> x1",
              "x1 later -> : aborting, pp, in 4s, interval 4s",
              "due -> x1",
              "x1 ok -> : failed, sp"),
          row(
              "5",
              "client gone after a try: cancelled after the timeout",
              tcc(),
              "prepare ->",
              "register 1 ->",
              "+34.999s",
              "crash -> : prepared, pp, in 0.001s",
              "due -> x1 : aborting",
              "x1 ok -> : failed, sp"),
          row(
              "5",
              "the timeout counts from the creation",
              tcc().timeoutToFail(120),
              "prepare -> : in 120s",
              "+50s",
              "register 1 -> : in 70s",
              "crash -> : prepared, in 70s",
              "due -> x1 : aborting"),
          row(
              "5",
              "after that neither branches nor a submit are taken",
              tcc(),
              "prepare ->",
              "register 1 ->",
              "due -> x1 : aborting",
              "!register 2 ->",
              "!submit ->",
              "x1 ok -> : failed, sp",
              "!register 2 -> : sp"),
          row(
              "5",
              "a branch registered while the timeout is being stored is cancelled, too",
              tcc(),
              "prepare ->",
              "register 1 ->",
              "meanwhile register 2 ->",
              "due -> x2 : aborting, pppp",
              "x2 ok -> x1 : ppsp",
              "x1 ok -> : failed, spsp"),
          row(
              "5",
              "the only branch is registered while the timeout is being stored",
              tcc(),
              "prepare ->",
              "meanwhile register 1 ->",
              "due -> x1 : aborting, pp",
              "x1 ok -> : failed, sp"),
          row("5", "no branch: submitted", tcc(), "prepare ->", "submit -> : succeed"),
          row("5", "no branch and no prepare", tcc(), "submit -> : succeed"),
          row("5", "no branch: aborted", tcc(), "prepare ->", "abort -> : failed"),
          row("5", "no branch: timed out", tcc(), "prepare ->", "due -> : failed"),
          row(
              "5",
              "an empty confirm url is simply done",
              tcc().without("k2"),
              "prepare ->",
              "register 1 ->",
              "register 2 ->",
              "submit -> k1 : submitted, ppps",
              "k1 ok -> : succeed, psps"),
          row(
              "5",
              "only empty cancel urls",
              tcc().without("x1", "x2"),
              "prepare ->",
              "register 1 ->",
              "register 2 ->",
              "abort -> : failed, spsp"),
          row(
              "5",
              "the timeout does not count after submit",
              tcc().timeoutToFail(5),
              "prepare ->",
              "register 1 ->",
              "submit -> k1",
              "+9s",
              "k1 later -> : submitted, in 5s",
              "due -> k1"),
          row(
              "5",
              "a crash while confirming: what is done is not called again",
              tcc(),
              "prepare ->",
              "register 1 ->",
              "register 2 ->",
              "submit -> k2",
              "k2 ok -> k1",
              "crash -> k1 : submitted, ppps",
              "k1 ok -> : succeed"),
          row(
              "1.1",
              "a repeated abort wakes what rests, and may bring another reason",
              tcc(),
              "prepare ->",
              "register 1 ->",
              "abort one -> x1",
              "abort two -> : aborting, pp",
              "x1 lost -> : in 20s",
              "abort three -> x1 : aborting",
              "x1 ok -> : failed, sp"),
          row(
              "1.1",
              "a submitted tcc is not aborted",
              tcc(),
              "prepare ->",
              "register 1 ->",
              "submit -> k1",
              "!abort ->",
              "submit -> : submitted, pp",
              "k1 ok -> : succeed, ps"),
          row(
              "12",
              "submitted again while a confirm is open: it still has to succeed",
              tcc(),
              "prepare ->",
              "register 1 ->",
              "submit -> k1",
              "k1 later -> : submitted, pp, in 10s",
              "submit -> k1 : submitted"),
          row(
              "12",
              "turned away: it rests for seconds, the interval stays",
              tcc(),
              "prepare ->",
              "register 1 ->",
              "submit -> k1",
              "k1 full -> : submitted, rests, interval 10s",
              "due -> k1"),
          row(
              "11",
              "an empty confirm url of the only branch",
              tcc().without("k1"),
              "prepare ->",
              "register 1 ->",
              "submit -> : succeed, ps"),
          row(
              "11",
              "the client gave up before its first branch: an empty rollback",
              tcc(),
              "prepare ->",
              "abort panic -> : failed"),
          row(
              "11",
              "aborted twice at the same time: the cancel in flight is the only one",
              tcc(),
              "prepare ->",
              "register 1 ->",
              "abort -> x1",
              "abort -> : aborting, pp",
              "x1 ok -> : failed, sp",
              "!abort -> : failed"),
          row(
              "1.1",
              "force-stopped while a confirm is in flight",
              tcc(),
              "prepare ->",
              "register 1 ->",
              "submit -> k1",
              "forceStop -> : failed, pp"));

  static final List<Row> XA =
      List.of(
          row(
              "6",
              "committed from first to last",
              xa(),
              "prepare -> : in 35s",
              "register 1 ->",
              "register 2 -> : pppp",
              "submit -> m1 : submitted",
              "m1 ok -> m2 : pspp",
              "m2 ok -> : succeed, psps"),
          row(
              "6",
              "rolled back from first to last",
              xa(),
              "prepare ->",
              "register 1 ->",
              "register 2 ->",
              "abort -> r1 : aborting",
              "r1 ok -> r2",
              "r2 ok -> : failed, spsp"),
          row(
              "6",
              "the second branch failed before it registered",
              xa(),
              "prepare ->",
              "register 1 ->",
              "abort -> r1",
              "r1 ok -> : failed, sp"),
          row(
              "6",
              "a commit that is ongoing keeps it submitted; committed branches are not called again",
              xa(),
              "prepare ->",
              "register 1 ->",
              "register 2 ->",
              "submit -> m1",
              "m1 ok -> m2",
              "m2 later -> : submitted, pspp, in 10s",
              "due -> m2",
              "m2 ok -> : succeed"),
          row(
              "6",
              "a rollback that refuses is repeated until it succeeds",
              xa(),
              "prepare ->",
              "register 1 ->",
              "abort -> r1",
              "r1 no -> : aborting, pp, in 20s",
              "due -> r1",
              "r1 ok -> : failed"),
          row(
              "6",
              "timeout with no branch",
              xa().timeoutToFail(2),
              "prepare -> : in 2s",
              "due -> : failed"),
          row(
              "6",
              "timeout",
              xa(),
              "prepare ->",
              "register 1 ->",
              "register 2 ->",
              "due -> r1 : aborting",
              "r1 ok -> r2",
              "r2 ok -> : failed, spsp"),
          row(
              "6",
              "a branch registered while the timeout is being stored is rolled back, too",
              xa(),
              "prepare ->",
              "register 1 ->",
              "meanwhile register 2 ->",
              "due -> r1 : aborting, pppp"),
          row(
              "11",
              "submitted twice: the commit in flight is the only one; refused when it has succeeded",
              xa(),
              "prepare ->",
              "register 1 ->",
              "submit -> m1",
              "submit -> : submitted, pp",
              "m1 ok -> : succeed, ps",
              "!submit -> : succeed"),
          row(
              "11",
              "a local error: what is registered is rolled back",
              xa(),
              "prepare ->",
              "register 1 ->",
              "register 2 ->",
              "abort local error -> r1",
              "r1 ok -> r2",
              "r2 ok -> : failed, spsp"),
          row(
              "2",
              "the timeout does not count after submit",
              xa().timeoutToFail(5),
              "prepare ->",
              "register 1 ->",
              "submit -> m1",
              "+9s",
              "m1 later -> : submitted, in 5s",
              "due -> m1"),
          row(
              "6",
              "not timed out yet: nothing happens",
              xa(),
              "prepare ->",
              "register 1 ->",
              "+9s",
              "crash -> : prepared, pp, in 26s"));

  @ParameterizedTest
  @FieldSource({"TCC", "XA"})
  void it_runs_as_the_table_says(Row row) {
    Play.of(row);
  }

  /** R4a: what was registered meanwhile is in the record that the commit returns. */
  @Test
  void what_leaves_prepared_decides_nothing_else() {
    Transaction prepared = tcc().transaction(Play.START);
    var engine = new Engine(Settings.DEFAULTS);
    var timeout = Play.START.plusSeconds(35);

    Decision decision =
        engine.decide(Pass.begin(prepared, timeout), List.of(Event.Started.INSTANCE), timeout);

    assertThat(decision.anew()).isTrue();
    assertThat(decision.writes()).hasSize(1).allMatch(Write.SetStatus.class::isInstance);
    assertThat(decision.calls()).isEmpty();
    assertThat(decision.wakeUp()).isNull();
    assertThat(decision.ending()).isNull();
  }

  record Reason(String what, Given given, List<String> lines, String reason) {
    @Override
    public String toString() {
      return "10 " + what;
    }
  }

  private static Reason reason(String what, Given given, String reason, String... lines) {
    return new Reason(what, given, List.of(lines), reason);
  }

  /** docs/spec/transactions.md 10. */
  static final List<Reason> REASONS =
      List.of(
          reason("timeout", tcc().timeoutToFail(2), "Timeout after 2 seconds", "prepare", "due"),
          reason("default timeout", xa(), "Timeout after 35 seconds", "prepare", "due"),
          reason(
              "given at abort", tcc(), "no \"credit\" left", "prepare", "abort no \"credit\" left"),
          reason("none at abort", tcc(), "", "prepare", "abort"),
          reason(
              "the last one counts",
              tcc(),
              "two",
              "prepare",
              "register 1",
              "abort one -> x1",
              "abort two",
              "x1 ok"),
          reason(
              "an empty one keeps the old",
              xa(),
              "one",
              "prepare",
              "register 1",
              "abort one -> r1",
              "abort",
              "r1 ok"),
          reason("none when it succeeds", tcc(), "", "prepare", "submit"),
          reason(
              "cut",
              tcc(),
              "x".repeat(1_024),
              "prepare",
              "register 1",
              "abort " + "x".repeat(1_025) + " -> x1",
              "abort " + "x".repeat(1_026)));

  @ParameterizedTest
  @FieldSource("REASONS")
  void the_reason_is_kept(Reason row) {
    var play = new Play(row.given());

    row.lines().forEach(play::line);

    assertThat(play.stored().transaction().state().reason()).isEqualTo(row.reason());
  }

  @Test
  void a_call_has_the_url_and_data_of_its_registration() {
    Play play =
        Play.of(row("6", "", xa().requestTimeout(7), "prepare", "register 1", "submit -> m1"));

    assertThat(play.calls())
        .containsExactly(
            new Call(
                play.stored().transaction().gid(),
                TransType.XA,
                1,
                new BranchKey("01", Op.COMMIT),
                "http",
                "http://service/b1",
                Payload.of("{\"branch\":1}"),
                Duration.ofSeconds(7),
                Map.of(),
                null));
  }

  /** 1.2: nested branches are ordinary rows, later in order. */
  @Test
  void a_nested_branch_is_an_ordinary_row() {
    Play play = Play.of(row("5", "", tcc(), "prepare", "register 1", "register 101", "register 2"));

    play.line("submit -> k2");
    play.line("k2 ok -> k101");
    play.line("k101 ok -> k1");
    play.line("k1 ok -> : succeed, pspsps");
  }
}
