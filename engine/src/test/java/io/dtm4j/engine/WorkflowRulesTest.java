package io.dtm4j.engine;

import static io.dtm4j.engine.Given.workflow;
import static io.dtm4j.engine.Play.row;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.engine.Play.Row;
import io.dtm4j.model.Attempt;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.State;
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

/** Workflows, line by line of docs/spec/transactions.md 8. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class WorkflowRulesTest {
  static final List<Row> RUNS =
      List.of(
          row(
              "8",
              "success: steps registered, then ended",
              workflow(),
              "prepare -> : prepared, in 10s",
              "register 1 action succeed -> : prepared, s",
              "register 2 action succeed -> : ss",
              "end succeed -> : succeed, ss"),
          row(
              "8",
              "rollback: the application compensates and ends it",
              workflow(),
              "prepare ->",
              "register 1 action succeed ->",
              "register 2 action failed -> : sf",
              "register 1 rollback succeed -> : sfs",
              "end failed -> : failed, sfs"),
          row(
              "8",
              "crash: called back, whatever its age",
              workflow(),
              "prepare -> : in 10s",
              "register 1 action succeed ->",
              "due -> q : prepared, s",
              "register 2 action succeed -> : prepared, ss",
              "end succeed -> : succeed, ss"),
          row(
              "8",
              "retry_interval is the base",
              workflow().retryInterval(3),
              "prepare -> : in 3s",
              "due -> q",
              "q later -> : prepared, in 3s"),
          row(
              "8",
              "there is no timeout and no server-side rollback",
              workflow().timeoutToFail(1).retryInterval(600),
              "prepare -> : in 600s",
              "due -> q : prepared"),
          row(
              "8",
              "success changes nothing: called again after the interval",
              workflow(),
              "prepare ->",
              "due -> q",
              "q ok -> : prepared, in 10s",
              "due -> q"),
          row(
              "8",
              "ongoing and failure change nothing either",
              workflow(),
              "prepare ->",
              "due -> q",
              "q later -> : prepared, in 10s",
              "due -> q",
              "q no -> : prepared, in 10s",
              "due -> q"),
          row(
              "12",
              "no answer, again and again: backoff, until something is heard of it",
              workflow(),
              "prepare ->",
              "due -> q",
              "q lost -> : prepared, in 10s, interval 10s",
              "due -> q",
              "q lost -> : prepared, in 20s, interval 20s",
              "due -> q",
              "q lost -> : prepared, in 40s",
              "due -> q",
              "q no -> : prepared, in 10s, interval 10s",
              "due -> q",
              "q lost -> : prepared, in 10s"),
          row(
              "12",
              "a registered step puts the resume off",
              workflow(),
              "prepare -> : in 10s",
              "+7s",
              "register 1 action succeed -> : in 10s",
              "+4s",
              "register 2 action succeed -> : in 10s",
              "due -> q"),
          row(
              "12",
              "it never brings the resume forward",
              workflow(),
              "prepare ->",
              "due -> q",
              "q lost ->",
              "due -> q",
              "q lost -> : in 20s",
              "+1s",
              "register 1 action succeed -> : in 20s, interval 20s"),
          row(
              "8",
              "a crash during the resume: called back again",
              workflow(),
              "prepare ->",
              "due -> q",
              "crash -> q : prepared"),
          row(
              "11",
              "prepared across ongoing resumes, ended by its submit only",
              workflow(),
              "prepare ->",
              "due -> q",
              "q later -> : prepared, in 10s",
              "register 1 action succeed -> : prepared, s",
              "due -> q",
              "q later -> : prepared, in 10s",
              "prepare -> : prepared, s",
              "end failed -> : failed, s",
              "!prepare -> : failed"),
          row(
              "8",
              "without an address nobody can be called back",
              workflow().without("q"),
              "prepare -> : in 10s",
              "due -> : prepared, in 3600s",
              "end succeed -> : succeed"),
          row(
              "12",
              "turned away: it rests for seconds",
              workflow(),
              "prepare ->",
              "due -> q",
              "q full -> : prepared, rests, interval 10s",
              "due -> q"),
          row(
              "1.1",
              "force-stopped",
              workflow(),
              "prepare ->",
              "due -> q",
              "forceStop -> : failed"),
          row(
              "1.1",
              "it is not aborted",
              workflow(),
              "prepare ->",
              "!abort -> : prepared",
              "!submit -> : prepared"));

  /** Rule R2 of docs/architecture.md: the first row of an op decides. */
  static final List<Row> DECIDED =
      List.of(
          row(
              "R2",
              "commit first: no rollback",
              workflow(),
              "prepare ->",
              "register 1 commit succeed ->",
              "!register 1 rollback succeed -> : s",
              "!end failed -> : prepared",
              "register 2 commit succeed -> : ss",
              "end succeed -> : succeed"),
          row(
              "R2",
              "rollback first: no commit",
              workflow(),
              "prepare ->",
              "register 1 rollback succeed ->",
              "!register 1 commit succeed -> : s",
              "!end succeed -> : prepared",
              "register 2 rollback succeed -> : ss",
              "end failed -> : failed"),
          row(
              "R2",
              "other ops decide nothing",
              workflow(),
              "prepare ->",
              "register 1 action succeed ->",
              "register 1 business succeed ->",
              "end failed -> : failed"),
          row(
              "8",
              "a step can be registered once, and again only with the same content",
              workflow(),
              "prepare ->",
              "register 1 action succeed -> : s",
              "register 1 action succeed -> : s",
              "!register 1 action failed -> : s"),
          row(
              "8",
              "ended: only the same end is taken again",
              workflow(),
              "prepare ->",
              "end succeed -> : succeed",
              "end succeed -> : succeed",
              "!end failed -> : succeed",
              "!register 1 action succeed -> : succeed"));

  @ParameterizedTest
  @FieldSource({"RUNS", "DECIDED"})
  void a_workflow_runs_as_the_table_says(Row row) {
    Play.of(row);
  }

  /** docs/spec/branch-calls.md 1. */
  @Test
  void a_resume_has_no_row_and_brings_the_input() {
    Play play = Play.of(row("8", "", workflow(), "prepare ->", "due -> q"));

    assertThat(play.calls())
        .containsExactly(
            new Call(
                play.stored().transaction().gid(),
                TransType.WORKFLOW,
                Call.NO_ROW,
                new BranchKey("00", new Op("buy")),
                "http",
                "http://service/q",
                Payload.of("hi"),
                Duration.ofSeconds(3),
                Map.of(),
                null));
  }

  @Test
  void the_answer_of_a_resume_is_kept_for_people() {
    Play play = Play.of(row("8", "", workflow(), "prepare ->", "due -> q", "q no ->"));

    State state = play.stored().transaction().state();
    assertThat(state.extra().attempts())
        .isEqualTo(Map.of("00 buy", new Attempt(1, play.now(), Attempt.Kind.FAILURE, Play.NO)));
    play.line("due -> q");
    play.line("q ok -> : in 10s");
    assertThat(play.stored().transaction().state().extra().attempts()).isEmpty();
  }
}
