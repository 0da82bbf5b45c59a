package io.dtm4j.engine;

import static io.dtm4j.engine.Given.msg;
import static io.dtm4j.engine.Given.saga;
import static io.dtm4j.engine.Given.tcc;
import static io.dtm4j.engine.Given.workflow;
import static io.dtm4j.engine.Given.xa;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** What is told of calls without success: docs/spec/transactions.md 3.1. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class TroubleTest {
  /** The last line brings the trouble. */
  record Row(String told, Given given, List<String> lines) {
    @Override
    public String toString() {
      return given.type() + " " + told;
    }
  }

  private static Row row(String told, Given given, String... lines) {
    return new Row(told, given, List.of(lines));
  }

  static final List<Row> TOLD =
      List.of(
          row(
              "submitted 01 action /a1 timeout 1",
              saga(1),
              "submit -> a1",
              "a1 lost -> : submitted, in 20s"),
          row(
              "aborting 01 compensate /c1 no stock 1",
              saga(1),
              "submit -> a1",
              "a1 no -> c1",
              "c1 no -> : aborting, in 20s"),
          row(
              "submitted 01 action /a1 no stock 1",
              msg(1),
              "submit -> a1",
              "a1 no -> : submitted, in 20s"),
          row(
              "prepared 00 msg /q timeout 1",
              msg(1),
              "prepare ->",
              "due -> q",
              "q lost -> : prepared, in 20s"),
          row(
              "submitted 01 confirm /k1 no stock 1",
              tcc(),
              "prepare ->",
              "register 1 ->",
              "submit -> k1",
              "k1 no -> : submitted, in 20s"),
          row(
              "aborting 01 rollback /b1 timeout 1",
              xa(),
              "prepare ->",
              "register 1 ->",
              "abort -> r1",
              "r1 lost -> : aborting, in 20s"),
          row(
              "prepared 00 buy /q timeout 1",
              workflow(),
              "prepare ->",
              "due -> q",
              "q lost -> : prepared, in 10s"));

  @ParameterizedTest
  @FieldSource("TOLD")
  void a_call_without_success_is_told(Row row) {
    var play = new Play(row.given());
    row.lines().forEach(play::line);

    assertThat(play.troubles().stream().map(TroubleTest::text)).containsExactly(row.told());
  }

  private static String text(Trouble trouble) {
    return "%s %s %s %s %d"
        .formatted(
            trouble.status().wireName(),
            trouble.branch(),
            trouble.url().replaceFirst(".*/", "/"),
            trouble.error(),
            trouble.retries());
  }

  @Test
  void an_answer_that_asks_for_time_is_not_told() {
    var play = new Play(msg(1));
    play.line("submit -> a1");
    play.line("a1 later -> : submitted, in 10s");

    assertThat(play.troubles()).isEmpty();
  }

  @ParameterizedTest
  @FieldSource("INTERVALS")
  void the_third_in_a_row_is_number_3_however_long_the_interval_is(long interval) {
    var play = new Play(msg(1).retryInterval(interval));
    List<Integer> retries = new ArrayList<>();
    play.line("submit -> a1");
    for (int i = 0; i < 12; i++) {
      play.line("a1 lost -> : rests");
      retries.add(play.troubles().getFirst().retries());
      play.line("due -> a1");
    }

    assertThat(retries).containsExactly(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
  }

  @Test
  void a_repeat_without_a_pause_counts_as_well_as_the_call_that_ends_them() {
    var play = new Play(saga(1).retryLimit(3));
    List<String> told = new ArrayList<>();
    play.line("submit -> a1");
    for (String line :
        List.of("a1 lost -> a1", "a1 lost -> a1", "a1 lost -> a1", "a1 lost -> c1")) {
      play.line(line);
      told.add(text(play.troubles().getFirst()));
    }

    assertThat(told)
        .containsExactly(
            "submitted 01 action /a1 timeout 1",
            "submitted 01 action /a1 timeout 2",
            "submitted 01 action /a1 timeout 3",
            "aborting 01 action /a1 timeout 4");
  }

  @Test
  void resumes_of_a_workflow_count_from_the_first_one_that_fails_in_a_row() {
    var play = new Play(workflow());
    List<Integer> retries = new ArrayList<>();
    play.line("prepare ->");
    for (String line :
        List.of(
            "q later -> : prepared, in 10s",
            "q lost -> : prepared, in 10s",
            "q lost -> : prepared, in 20s",
            "q lost -> : prepared, in 40s")) {
      play.line("due -> q");
      play.line(line);
      play.troubles().forEach(trouble -> retries.add(trouble.retries()));
    }

    assertThat(retries).containsExactly(1, 2, 3);
  }

  static final List<Long> INTERVALS = List.of(1L, 10L, 600L, 3_600L, 86_400L);
}
