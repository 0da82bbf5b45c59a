package io.dtm4j.engine;

import static io.dtm4j.engine.Given.msg;
import static io.dtm4j.engine.Given.saga;
import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Attempt;
import io.dtm4j.model.Extra;
import io.dtm4j.protocol.BranchAnswer;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** What is kept beyond DTM's record while a transaction runs. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class KeptTest {
  record Row(String what, Given given, List<String> lines, Extra kept) {
    @Override
    public String toString() {
      return what;
    }
  }

  private static Row row(String what, Given given, Extra kept, String... lines) {
    return new Row(what, given, List.of(lines), kept);
  }

  private static Attempt attempt(int number, long second, Attempt.Kind kind, String text) {
    return new Attempt(number, Play.START.plusSeconds(second), kind, text);
  }

  private static Extra attempts(Map<String, Attempt> attempts) {
    return Extra.NONE.withAttempts(attempts);
  }

  static final List<Row> ROWS =
      List.of(
          row(
              "nothing of what runs as it should",
              saga(2),
              Extra.NONE,
              "submit -> a1",
              "a1 ok -> a2",
              "a2 ok -> : succeed"),
          row(
              "the last attempt of each open branch",
              msg(3).concurrent(),
              attempts(
                  Map.of(
                      "01 action", attempt(1, 0, Attempt.Kind.ONGOING, "ONGOING"),
                      "02 action", attempt(1, 1, Attempt.Kind.UNKNOWN, "timeout"),
                      "03 action", attempt(1, 2, Attempt.Kind.FAILURE, Play.NO))),
              "submit -> a1 a2 a3",
              "a1 later ->",
              "+1s",
              "a2 lost ->",
              "+1s",
              "a3 no -> : rests"),
          row(
              "attempts are counted",
              saga(1),
              attempts(Map.of("01 action", attempt(3, 30, Attempt.Kind.ONGOING, "ONGOING"))),
              "submit -> a1",
              "a1 later ->",
              "due -> a1",
              "a1 lost -> : in 20s",
              "due -> a1",
              "a1 later ->"),
          row(
              "a definite answer ends them",
              saga(2),
              attempts(Map.of("02 action", attempt(1, 10, Attempt.Kind.ONGOING, "ONGOING"))),
              "submit -> a1",
              "a1 later ->",
              "due -> a1",
              "a1 ok -> a2",
              "a2 later -> : rests"),
          row(
              "attempts at once are counted, too",
              saga(1).retryLimit(2),
              attempts(Map.of("01 action", attempt(2, 0, Attempt.Kind.UNKNOWN, "timeout")))
                  .withRetryCount(2),
              "submit -> a1",
              "a1 lost -> a1",
              "a1 lost -> a1 : submitted"),
          row(
              "attempts of a check-back",
              msg(1),
              attempts(Map.of("00 msg", attempt(2, 45, Attempt.Kind.UNKNOWN, "timeout"))),
              "prepare ->",
              "due -> q",
              "q later ->",
              "due -> q",
              "q lost -> : prepared, rests"),
          row(
              "the verdict of a check-back ends its attempts",
              msg(1),
              attempts(Map.of("01 action", attempt(1, 45, Attempt.Kind.ONGOING, "ONGOING"))),
              "prepare ->",
              "due -> q",
              "q later ->",
              "due -> q",
              "q ok -> a1",
              "a1 later -> : submitted, rests"),
          row(
              "a full destination is no attempt; full ones in a row are counted",
              saga(1),
              Extra.NONE.withParkings(2),
              "submit -> a1",
              "a1 full ->",
              "due -> a1",
              "a1 full -> : rests"),
          row(
              "the count begins anew when the call was sent",
              saga(1),
              attempts(Map.of("01 action", attempt(1, 2, Attempt.Kind.ONGOING, "ONGOING"))),
              "submit -> a1",
              "a1 full ->",
              "+2s",
              "submit -> a1",
              "a1 later -> : rests"),
          row(
              "what is compensated, when late answers would change it",
              saga(3).orders("{\"2\":[0]}"),
              Extra.NONE.withRequired(List.of(0, 1)),
              "submit -> a1 a2",
              "a2 no -> c2 : aborting"),
          row(
              "not when none is to come",
              saga(2),
              Extra.NONE,
              "submit -> a1",
              "a1 ok -> a2",
              "a2 no -> c2 : aborting"),
          row(
              "the end of a delay",
              msg(1).delay(9),
              Extra.NONE.withDelayUntil(Play.START.plusMillis(44_001)),
              "prepare ->",
              "due -> q",
              "q ok -> : submitted, in 9.001s"));

  @ParameterizedTest
  @FieldSource("ROWS")
  void beside_the_record_is_kept(Row row) {
    var play = new Play(row.given());

    row.lines().forEach(play::line);

    assertThat(play.stored().transaction().state().extra()).isEqualTo(row.kept());
  }

  @Test
  void the_text_of_an_attempt_is_cut() {
    var play = new Play(saga(1));
    play.line("submit -> a1");

    play.decide(List.of(new Event.Answered(1, new BranchAnswer.Unknown("x".repeat(501)))));

    assertThat(play.stored().transaction().state().extra())
        .isEqualTo(
            attempts(Map.of("01 action", attempt(1, 0, Attempt.Kind.UNKNOWN, "x".repeat(500)))));
  }

  /** Each answer copies them, and there may be ten thousand branches. */
  @Test
  void of_very_many_attempts_the_newest_are_kept() {
    int branches = Extra.MOST_ATTEMPTS + 2;
    var play = new Play(msg(branches).concurrent());
    play.line("submit -> " + names(branches));

    for (int row = 0; row < branches; row++) {
      play.line("+1s");
      play.decide(List.of(new Event.Answered(row, new BranchAnswer.Unknown("timeout"))));
    }

    assertThat(play.stored().transaction().state().extra().attempts())
        .hasSize(Extra.MOST_ATTEMPTS)
        .doesNotContainKeys("01 action", "02 action")
        .containsKeys("03 action", branches + " action");
  }

  private static String names(int branches) {
    return IntStream.rangeClosed(1, branches).mapToObj(i -> "a" + i).collect(joining(" "));
  }

  /** Members that a newer server has written stay (docs/spec/operations.md). */
  @Test
  void what_is_not_known_is_carried_along() {
    var extra = new Extra(null, 0, 0, Map.of(), null, false, null, Map.of("later", "{\"a\":1}"));

    assertThat(
            extra
                .withParkings(1)
                .withRetryCount(1)
                .withDelayUntil(Play.START)
                .withRequired(List.of(1))
                .withAttempts(Map.of())
                .withTrace(null)
                .unknown())
        .isEqualTo(Map.of("later", "{\"a\":1}"));
  }
}
