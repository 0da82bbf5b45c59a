package io.dtm4j.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.engine.Commands.Verdict;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;

/** Commands of clients: docs/spec/http-api.md 4 and 5. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class CommandsTest {
  private static final Instant CREATED = Play.START;
  private static final Instant NOW = CREATED.plusSeconds(7);
  private static final Owner FRESH = new Owner(Owner.Mark.LEASED, "here", "fresh", 1);
  private static final Owner OLD = new Owner(Owner.Mark.RESTING, "there", "old", 4);

  private final Commands commands = new Commands(Settings.DEFAULTS);

  private enum Outcome {
    /** It is stored and rests. */
    CREATES,
    /** It is stored and a pass begins. */
    CREATES_AND_RUNS,
    /** It is taken over and a pass begins. */
    RUNS,
    /** Whoever works on it goes on. */
    JOINS,
    /** It is taken over and ends. */
    FAILS,
    /** 200, nothing changes. */
    SUCCESS,
    /** 409. */
    CONFLICT,
    /** 500, there is no such gid. */
    NOT_FOUND
  }

  /**
   * A cell of the matrix in docs/spec/http-api.md 5.
   *
   * @param status of the stored transaction; null: there is none
   */
  record Cell(String command, TransType type, @Nullable GlobalStatus status, Outcome outcome) {}

  static final List<Cell> MATRIX = matrix();

  private static List<Cell> matrix() {
    List<Cell> cells = new ArrayList<>();
    for (TransType type : List.of(TransType.SAGA, TransType.MSG)) {
      boolean isMsg = type == TransType.MSG;
      cells.addAll(
          line(
              "prepare",
              type,
              Outcome.CREATES,
              Outcome.SUCCESS,
              Outcome.CONFLICT,
              Outcome.CONFLICT,
              Outcome.CONFLICT,
              Outcome.CONFLICT));
      cells.addAll(
          line(
              "submit",
              type,
              Outcome.CREATES_AND_RUNS,
              Outcome.RUNS,
              Outcome.JOINS,
              Outcome.CONFLICT,
              Outcome.CONFLICT,
              Outcome.CONFLICT));
      cells.addAll(
          line(
              "abort",
              type,
              Outcome.NOT_FOUND,
              isMsg ? Outcome.FAILS : Outcome.CONFLICT,
              Outcome.CONFLICT,
              Outcome.CONFLICT,
              Outcome.CONFLICT,
              Outcome.CONFLICT));
      cells.addAll(
          line(
              "forceStop",
              type,
              Outcome.NOT_FOUND,
              Outcome.FAILS,
              Outcome.FAILS,
              Outcome.FAILS,
              Outcome.CONFLICT,
              Outcome.CONFLICT));
    }
    return cells;
  }

  private static List<Cell> line(
      String command,
      TransType type,
      Outcome none,
      Outcome prepared,
      Outcome submitted,
      Outcome aborting,
      Outcome succeed,
      Outcome failed) {
    return List.of(
        new Cell(command, type, null, none),
        new Cell(command, type, GlobalStatus.PREPARED, prepared),
        new Cell(command, type, GlobalStatus.SUBMITTED, submitted),
        new Cell(command, type, GlobalStatus.ABORTING, aborting),
        new Cell(command, type, GlobalStatus.SUCCEED, succeed),
        new Cell(command, type, GlobalStatus.FAILED, failed));
  }

  @ParameterizedTest
  @FieldSource("MATRIX")
  void the_matrix_of_repeated_requests(Cell cell) {
    Given given = cell.type() == TransType.SAGA ? Given.saga(1) : Given.msg(1);
    Stored stored = cell.status() == null ? null : stored(given, cell.status());

    Verdict verdict = decide(cell.command(), given, stored);

    assertThat(outcomeOf(verdict)).isEqualTo(cell.outcome());
  }

  private Verdict decide(String command, Given given, @Nullable Stored stored) {
    return switch (command) {
      case "prepare" ->
          stored == null
              ? commands.create(given.transaction(NOW), GlobalStatus.PREPARED, FRESH, NOW)
              : commands.prepare(stored);
      case "submit" ->
          stored == null
              ? commands.create(given.transaction(NOW), GlobalStatus.SUBMITTED, FRESH, NOW)
              : commands.submit(stored, FRESH, NOW);
      case "abort" -> commands.abort("", stored, FRESH, NOW);
      default -> commands.forceStop(stored, FRESH, NOW);
    };
  }

  private static Outcome outcomeOf(Verdict verdict) {
    return switch (verdict) {
      case Verdict.Join _ -> Outcome.JOINS;
      case Verdict.Commit(Batch batch, boolean runs) ->
          batch.guard() instanceof Guard.Absent
              ? runs ? Outcome.CREATES_AND_RUNS : Outcome.CREATES
              : runs ? Outcome.RUNS : Outcome.FAILS;
      case Verdict.Answer(Reply.Success _) -> Outcome.SUCCESS;
      case Verdict.Answer(Reply.Refused refused) -> {
        assertThat(refused.code()).isEqualTo(ErrorCode.STATUS_CONFLICT);
        yield Outcome.CONFLICT;
      }
      case Verdict.Answer(Reply.Failed failed) -> {
        assertThat(failed.code()).isEqualTo(ErrorCode.GID_NOT_FOUND);
        yield Outcome.NOT_FOUND;
      }
      case Verdict.Answer(Reply.Unfinished unfinished) ->
          throw new AssertionError("no command is unfinished: " + unfinished);
    };
  }

  private static Stored stored(Given given, GlobalStatus status) {
    Transaction created = given.transaction(CREATED);
    var state =
        new State(
            status,
            "",
            "",
            CREATED,
            status.isFinal() ? CREATED : null,
            new Schedule(Duration.ofSeconds(20), CREATED.plusSeconds(99)),
            Extra.NONE.withParkings(1));
    return new Stored(
        new Transaction(created.gid(), created.definition(), state, created.branches()), OLD);
  }

  private static Batch batchOf(Verdict verdict) {
    assertThat(verdict).isInstanceOf(Verdict.Commit.class);
    return ((Verdict.Commit) verdict).batch();
  }

  // ---- new transactions

  private static Batch creation(
      Given given, GlobalStatus status, Duration interval, Instant next, Extra extra) {
    Transaction proposed = given.transaction(NOW);
    boolean runs = status == GlobalStatus.SUBMITTED;
    var state = new State(status, "", "", NOW, null, new Schedule(interval, next), extra);
    return new Batch(
        proposed.gid(),
        Guard.Absent.INSTANCE,
        FRESH.marked(runs ? Owner.Mark.LEASED : Owner.Mark.RESTING),
        List.of(
            new Write.SaveNew(
                new Transaction(
                    proposed.gid(), proposed.definition(), state, proposed.branches()))));
  }

  @Test
  void a_prepared_saga_rests_for_the_base_interval() {
    Given given = Given.saga(2).retryInterval(15);

    Batch batch = batchOf(decide("prepare", given, null));

    assertThat(batch)
        .isEqualTo(
            creation(
                given,
                GlobalStatus.PREPARED,
                Duration.ofSeconds(15),
                NOW.plusSeconds(15),
                Extra.NONE));
  }

  /** docs/spec/scheduling.md 4: it is due when it may be checked back. */
  @Test
  void a_prepared_message_rests_until_its_timeout() {
    Given given = Given.msg(2).timeoutToFail(60).delay(5);

    Batch batch = batchOf(decide("prepare", given, null));

    assertThat(batch)
        .isEqualTo(
            creation(
                given,
                GlobalStatus.PREPARED,
                Duration.ofSeconds(10),
                NOW.plusSeconds(60),
                Extra.NONE));
  }

  @Test
  void a_submitted_transaction_is_leased_from_its_first_moment() {
    Given given = Given.saga(2).requestTimeout(30);

    Batch batch = batchOf(decide("submit", given, null));

    assertThat(batch)
        .isEqualTo(
            creation(
                given,
                GlobalStatus.SUBMITTED,
                Duration.ofSeconds(10),
                NOW.plusSeconds(35),
                Extra.NONE));
  }

  @Test
  void a_delayed_message_keeps_the_end_of_its_delay() {
    Given given = Given.msg(1).delay(60);

    Batch batch = batchOf(decide("submit", given, null));

    assertThat(batch)
        .isEqualTo(
            creation(
                given,
                GlobalStatus.SUBMITTED,
                Duration.ofSeconds(10),
                NOW.plusSeconds(10),
                Extra.NONE.withDelayUntil(NOW.plusSeconds(60))));
  }

  // ---- known transactions

  @Test
  void a_submit_takes_a_prepared_transaction_over() {
    Stored stored = stored(Given.saga(1), GlobalStatus.PREPARED);

    Batch batch = batchOf(decide("submit", Given.saga(1), stored));

    assertThat(batch)
        .isEqualTo(
            new Batch(
                stored.transaction().gid(),
                new Guard.InStatus(GlobalStatus.PREPARED, null),
                FRESH,
                List.of(
                    new Write.SetStatus(GlobalStatus.SUBMITTED, null, null, NOW),
                    new Write.SetSchedule(
                        new Schedule(Duration.ofSeconds(20), NOW.plusSeconds(10)), NOW))));
  }

  /** What was asked for at prepare holds, whatever the submit says (docs/spec/http-api.md 9). */
  @Test
  void a_submit_goes_by_what_is_stored() {
    Stored stored = stored(Given.msg(1).delay(60).requestTimeout(25), GlobalStatus.PREPARED);

    Batch batch = batchOf(decide("submit", Given.msg(2).delay(5), stored));

    assertThat(batch.writes())
        .containsExactly(
            new Write.SetStatus(GlobalStatus.SUBMITTED, null, null, NOW),
            new Write.SetSchedule(new Schedule(Duration.ofSeconds(20), NOW.plusSeconds(30)), NOW),
            new Write.SetExtra(Extra.NONE.withParkings(1).withDelayUntil(NOW.plusSeconds(60))));
  }

  @Test
  void an_abort_ends_a_prepared_message_without_a_reason() {
    Stored stored = stored(Given.msg(1), GlobalStatus.PREPARED);

    Batch batch = batchOf(decide("abort", Given.msg(1), stored));

    assertThat(batch).isEqualTo(end(stored, GlobalStatus.PREPARED));
  }

  @ParameterizedTest
  @EnumSource(names = {"PREPARED", "SUBMITTED", "ABORTING"})
  void a_force_stop_ends_what_is_not_finished(GlobalStatus status) {
    Stored stored = stored(Given.saga(1), status);

    Batch batch = batchOf(decide("forceStop", Given.saga(1), stored));

    assertThat(batch).isEqualTo(end(stored, status));
  }

  /** At rest and under a claim of its own, so that a pass that still runs loses its next write. */
  private static Batch end(Stored stored, GlobalStatus from) {
    return new Batch(
        stored.transaction().gid(),
        new Guard.InStatus(from, null),
        FRESH.marked(Owner.Mark.RESTING),
        List.of(new Write.SetStatus(GlobalStatus.FAILED, null, null, NOW)));
  }

  @Test
  void a_take_over_wants_the_record_as_it_was_read() {
    Stored stored = stored(Given.saga(1).requestTimeout(25), GlobalStatus.ABORTING);

    Batch batch = commands.takeOver(stored, FRESH, NOW);

    assertThat(batch)
        .isEqualTo(
            new Batch(
                stored.transaction().gid(),
                new Guard.AsRead(new Due(stored.transaction().gid(), OLD, CREATED.plusSeconds(99))),
                FRESH,
                List.of(
                    new Write.SetSchedule(
                        new Schedule(Duration.ofSeconds(20), NOW.plusSeconds(30)), NOW))));
  }
}
