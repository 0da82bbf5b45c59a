package io.dtm4j.engine;

import static io.dtm4j.engine.Given.msg;
import static io.dtm4j.engine.Given.saga;
import static io.dtm4j.engine.Play.row;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.engine.Play.Row;
import io.dtm4j.model.Extra;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Which call may leave while the success that it waits for is on its way, and what follows. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class RunningAheadTest {
  static final List<Row> AHEAD =
      List.of(
          row("R3", "the second action of a saga", saga(2), "submit -> a1", "a1 ok -> a2"),
          row("R3", "the third one", saga(3), "submit -> a1", "a1 ok -> a2", "a2 ok -> a3"),
          row(
              "R3",
              "sequential with orders",
              saga(3).customData("{\"orders\":{\"2\":[0]}}"),
              "submit -> a1",
              "a1 ok -> a2",
              "a2 ok -> a3"),
          row("R3", "behind one empty url", saga(2).without("a1"), "submit -> a2"),
          row("R3", "the second branch of a message", msg(2), "submit -> a1", "a1 ok -> a2"));

  static final List<Row> NOT_AHEAD =
      List.of(
          row("R1", "the first action", saga(2), "submit -> a1"),
          row(
              "R3",
              "behind a success and an empty url: that would be two steps",
              saga(3).without("a2"),
              "submit -> a1",
              "a1 ok -> a3"),
          row("R3", "behind two empty urls", saga(3).without("a1", "a2"), "submit -> a3"),
          row("R3", "behind two of a message", msg(3).without("a1", "a2"), "submit -> a3"),
          row(
              "R3",
              "a concurrent saga",
              saga(2).orders("{\"1\":[0]}"),
              "submit -> a1",
              "a1 ok -> a2"),
          row("R3", "a concurrent message", msg(2).concurrent().without("a1"), "submit -> a2"),
          row(
              "4.6",
              "a repeat, whose count must be durable",
              saga(2).retryLimit(3),
              "submit -> a1",
              "a1 lost -> a1"),
          row("R2", "a compensation", saga(1), "submit -> a1", "a1 no -> c1"),
          row(
              "R2",
              "the next compensation",
              saga(2),
              "submit -> a1",
              "a1 ok -> a2",
              "a2 no -> c2",
              "c2 ok -> c1"),
          row(
              "R2",
              "behind the verdict of a check-back",
              msg(1),
              "prepare ->",
              "due -> q",
              "q ok -> a1"),
          row(
              "R3",
              "the branches of a TCC",
              Given.tcc(),
              "prepare ->",
              "register 1",
              "submit -> k1"),
          row(
              "R3",
              "the next branch of a TCC",
              Given.tcc(),
              "prepare ->",
              "register 1",
              "register 2",
              "submit -> k2",
              "k2 ok -> k1"),
          row("R3", "an action behind what is stored", saga(2), "submit -> a1", "crash -> a1"),
          row(
              "4.2",
              "when the success takes the mark off, too",
              saga(2),
              "submit -> a1",
              "crash -> a1",
              "a1 ok -> a2"));

  @ParameterizedTest
  @FieldSource("AHEAD")
  void its_call_runs_ahead(Row row) {
    assertThat(Play.of(row).ahead()).isTrue();
  }

  @ParameterizedTest
  @FieldSource("NOT_AHEAD")
  void its_call_waits(Row row) {
    assertThat(Play.of(row).ahead()).isFalse();
  }

  static final List<Row> AFTERWARDS =
      List.of(
          row(
              "4.2",
              "what may have run ahead is compensated, too, and first",
              saga(3).timeoutToFail(30),
              "submit -> a1",
              "+30s",
              "crash -> c2 : aborting, pppppp",
              "c2 ok -> c1 : ppsppp",
              "c1 ok -> : failed, spsppp"),
          row(
              "4.2",
              "but not a step further",
              saga(4).timeoutToFail(30),
              "submit -> a1",
              "a1 ok -> a2",
              "+30s",
              "crash -> c3 : aborting, pspppppp",
              "c3 ok -> c2",
              "c2 ok -> c1",
              "c1 ok -> : failed, ssspsppp"),
          row(
              "4.2",
              "also when the action before it is refused at its repeat",
              saga(3),
              "submit -> a1",
              "crash -> a1",
              "a1 no -> c2 : aborting, pfpppp",
              "c2 ok -> c1",
              "c1 ok -> : failed, sfsppp"),
          row(
              "4.2",
              "also after the saga has rested since",
              saga(2),
              "submit -> a1",
              "crash -> a1",
              "a1 later -> : submitted, in 10s",
              "due -> a1",
              "a1 no -> c2 : aborting"),
          row(
              "4.2",
              "also after another crash",
              saga(2),
              "submit -> a1",
              "crash -> a1",
              "a1 later -> : in 10s",
              "due -> a1",
              "crash -> a1",
              "a1 no -> c2 : aborting",
              "crash -> c2 : aborting",
              "c2 ok -> c1",
              "c1 ok -> : failed, sfsp"),
          row(
              "4.2",
              "not when the success of the first open one has been stored since",
              saga(3),
              "submit -> a1",
              "crash -> a1",
              "a1 ok -> a2",
              "a2 no -> c2 : aborting",
              "c2 ok -> c1",
              "c1 ok -> : failed, sssfpp"),
          row(
              "4.2",
              "not when the server had come to rest",
              saga(2),
              "submit -> a1",
              "a1 later -> : in 10s",
              "due -> a1",
              "a1 no -> c1 : aborting",
              "c1 ok -> : failed, sfpp"),
          row(
              "4.2",
              "not when it rolled back before the crash",
              saga(2),
              "submit -> a1",
              "a1 no -> c1 : aborting",
              "crash -> c1",
              "c1 ok -> : failed, sfpp"),
          row(
              "4.2",
              "not of a concurrent saga, which never runs ahead",
              saga(2).orders("{\"1\":[0]}").timeoutToFail(30),
              "submit -> a1",
              "+30s",
              "crash -> c1 : aborting",
              "c1 ok -> : failed, sppp"),
          row(
              "4.2",
              "a rollback over empty urls",
              saga(3).without("a2", "c2").timeoutToFail(30),
              "submit -> a1",
              "+30s",
              "crash -> c1 : aborting, ppsppp",
              "c1 ok -> : failed, spsppp"));

  @ParameterizedTest
  @FieldSource("AFTERWARDS")
  void a_saga_that_was_taken_over_rolls_back_as_the_table_says(Row row) {
    Play.of(row);
  }

  /** Stored with its success: the mark is of no use to people who look at a record then. */
  @ParameterizedTest
  @FieldSource("UNMARKED")
  void nothing_is_kept_of_it_when_it_has_gone_well(Row row) {
    assertThat(Play.of(row).stored().transaction().state().extra()).isEqualTo(Extra.NONE);
  }

  static final List<Row> UNMARKED =
      List.of(
          row("4.2", "a saga", saga(2), "submit -> a1", "crash -> a1", "a1 ok -> a2"),
          row("4.2", "a message never rolls back", msg(2), "submit -> a1", "crash -> a1"));
}
