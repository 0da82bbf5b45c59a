package io.dtm4j.engine;

import static io.dtm4j.engine.Given.msg;
import static io.dtm4j.engine.Given.saga;
import static io.dtm4j.engine.Given.tcc;
import static io.dtm4j.engine.Given.workflow;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class WaitingForTest {
  /**
   * @param sentence null: it waits for nothing
   */
  record Row(String what, Given given, List<String> lines, @Nullable String sentence) {
    @Override
    public String toString() {
      return what;
    }
  }

  private static Row row(String what, Given given, @Nullable String sentence, String... lines) {
    return new Row(what, given, List.of(lines), sentence);
  }

  static final List<Row> ROWS =
      List.of(
          row("finished", saga(1), null, "submit -> a1", "a1 ok ->"),
          row(
              "calls in flight",
              saga(1),
              "Answers of its branches; server here is working on it, its lease lasts until "
                  + "2026-01-02T03:04:15Z.",
              "submit -> a1"),
          row(
              "due, and nobody has taken it",
              saga(1),
              "A free server: it is due since 2026-01-02T03:04:15Z.",
              "submit -> a1",
              "a1 later ->",
              "+11s"),
          row(
              "a lease that has ended",
              saga(1),
              "A free server: it is due since 2026-01-02T03:04:15Z.",
              "submit -> a1",
              "+11s"),
          row(
              "a delay",
              msg(1).delay(9),
              "The end of its delay at 2026-01-02T03:04:14.001Z.",
              "submit ->"),
          row(
              "ongoing",
              saga(1),
              "Retry at 2026-01-02T03:04:15Z: branch 01 action is not finished (attempt 1).",
              "submit -> a1",
              "a1 later ->"),
          row(
              "unknown, the second time",
              saga(1),
              "Retry at 2026-01-02T03:05:05Z: branch 01 action gives no definite answer (attempt"
                  + " 2).",
              "submit -> a1",
              "a1 lost ->",
              "due -> a1",
              "a1 lost ->"),
          row(
              "a refused compensation",
              saga(1),
              "Retry at 2026-01-02T03:04:25Z: branch 01 compensate refuses, which it may not"
                  + " (attempt 1).",
              "submit -> a1",
              "a1 no -> c1",
              "c1 no ->"),
          row(
              "the latest of several attempts",
              msg(2).concurrent(),
              "Retry at 2026-01-02T03:04:16Z: branch 01 action is not finished (attempt 1).",
              "submit -> a1 a2",
              "a2 later ->",
              "+1s",
              "a1 later ->"),
          row(
              "a check-back that is ongoing",
              msg(1),
              "Retry at 2026-01-02T03:04:50Z: branch 00 msg is not finished (attempt 1).",
              "prepare ->",
              "due -> q",
              "q later ->"),
          row(
              "a prepared message",
              msg(1),
              "The client's submit or abort; its check-back comes at 2026-01-02T03:04:40Z.",
              "prepare ->"),
          row("a prepared saga", saga(1), "The client's submit.", "prepare ->"),
          row(
              "a prepared tcc",
              tcc(),
              "The client's submit or abort; it is rolled back at 2026-01-02T03:04:40Z.",
              "prepare ->"),
          row(
              "a confirm without an answer",
              tcc(),
              "Retry at 2026-01-02T03:04:25Z: branch 01 confirm gives no definite answer (attempt"
                  + " 1).",
              "prepare ->",
              "register 1 ->",
              "submit -> k1",
              "k1 lost ->"),
          row(
              "a workflow",
              workflow(),
              "The application; it is called back at 2026-01-02T03:04:15Z.",
              "prepare ->"),
          row(
              "a workflow whose application refused",
              workflow(),
              "The application; it is called back at 2026-01-02T03:04:25Z.",
              "prepare ->",
              "due -> q",
              "q no ->"),
          row(
              "a full destination",
              saga(1),
              "Its next run at 2026-01-02T03:04:06.103Z.",
              "submit -> a1",
              "a1 full ->"));

  @ParameterizedTest
  @FieldSource("ROWS")
  void people_read_what_a_transaction_waits_for(Row row) {
    var play = new Play(row.given());

    row.lines().forEach(play::line);

    assertThat(WaitingFor.sentence(play.stored(), play.now())).isEqualTo(row.sentence());
  }
}
