package io.dtm4j.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.engine.Commands.Verdict;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Due;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

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
    ENDS,
    /** Something is written, and whoever has it keeps it. */
    NOTES,
    /** 200, nothing changes. */
    SUCCESS,
    /** 409. */
    CONFLICT,
    /** 409, there is no such gid. */
    NONE_TO_REGISTER_AT,
    /** 500, there is no such gid. */
    NOT_FOUND,
    /** No transaction of this type ever has this status. */
    NEVER
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
    for (TransType type : TransType.values()) {
      boolean isWorkflow = type == TransType.WORKFLOW;
      Outcome submittedTo = isWorkflow ? Outcome.NEVER : Outcome.CONFLICT;
      cells.addAll(
          line(
              "prepare",
              type,
              Outcome.CREATES,
              Outcome.SUCCESS,
              submittedTo,
              submittedTo,
              Outcome.CONFLICT,
              Outcome.CONFLICT));
      if (isWorkflow) {
        cells.addAll(
            line(
                "submit",
                type,
                Outcome.NOT_FOUND,
                Outcome.ENDS,
                Outcome.NEVER,
                Outcome.NEVER,
                Outcome.SUCCESS,
                Outcome.CONFLICT));
        cells.addAll(
            line(
                "prepareWorkflow",
                type,
                Outcome.CREATES,
                Outcome.SUCCESS,
                Outcome.NEVER,
                Outcome.NEVER,
                Outcome.SUCCESS,
                Outcome.SUCCESS));
      } else {
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
      }
      boolean rollsBack = type == TransType.TCC || type == TransType.XA;
      cells.addAll(
          line(
              "abort",
              type,
              Outcome.NOT_FOUND,
              rollsBack ? Outcome.RUNS : type == TransType.MSG ? Outcome.ENDS : Outcome.CONFLICT,
              submittedTo,
              rollsBack ? Outcome.JOINS : submittedTo,
              Outcome.CONFLICT,
              Outcome.CONFLICT));
      cells.addAll(
          line(
              "forceStop",
              type,
              Outcome.NOT_FOUND,
              Outcome.ENDS,
              Outcome.ENDS,
              Outcome.ENDS,
              Outcome.CONFLICT,
              Outcome.CONFLICT));
      if (rollsBack || isWorkflow) {
        cells.addAll(
            line(
                "registerBranch",
                type,
                Outcome.NONE_TO_REGISTER_AT,
                Outcome.NOTES,
                submittedTo,
                submittedTo,
                Outcome.CONFLICT,
                Outcome.CONFLICT));
      }
      cells.addAll(
          line(
              "resetNextCronTime",
              type,
              Outcome.NOT_FOUND,
              Outcome.NOTES,
              Outcome.NOTES,
              Outcome.NOTES,
              Outcome.NOTES,
              Outcome.NOTES));
    }
    cells.removeIf(cell -> cell.outcome() == Outcome.NEVER);
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
    Given given =
        switch (cell.type()) {
          case SAGA -> Given.saga(1);
          case MSG -> Given.msg(1);
          case TCC -> Given.tcc();
          case XA -> Given.xa();
          case WORKFLOW -> Given.workflow();
        };
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
      case "prepareWorkflow" ->
          stored == null
              ? commands.create(given.transaction(NOW), GlobalStatus.PREPARED, FRESH, NOW)
              : commands.prepareWorkflow(stored);
      case "submit" -> {
        if (given.type() == TransType.WORKFLOW) {
          yield end("succeed", "", "", stored);
        }
        yield stored == null
            ? commands.create(given.transaction(NOW), GlobalStatus.SUBMITTED, FRESH, NOW)
            : commands.submit(given.transaction(NOW).definition().options(), stored, FRESH, NOW);
      }
      case "abort" -> commands.abort("", stored, FRESH, NOW);
      case "forceStop" -> commands.forceStop(stored, FRESH, NOW);
      case "registerBranch" ->
          commands.registerBranch(
              registration(
                  given.type() == TransType.WORKFLOW
                      ? Given.step(1, "action", "succeed")
                      : given.branch(1)),
              stored,
              NOW);
      case "resetNextCronTime" -> commands.resetNextCronTime(stored, NOW);
      default -> throw new IllegalArgumentException(command);
    };
  }

  private Verdict end(String status, String reason, String result, @Nullable Stored stored) {
    return commands.endWorkflow(
        Map.of("status", status, "rollback_reason", reason, "result", result), stored, FRESH, NOW);
  }

  private static Registration registration(BranchRequest request) {
    try {
      return Registration.of(request, NOW);
    } catch (RefusedException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  private static Outcome outcomeOf(Verdict verdict) {
    return switch (verdict) {
      case Verdict.Join _ -> Outcome.JOINS;
      case Verdict.Commit(Batch batch, boolean runs) ->
          batch.guard() instanceof Guard.Absent
              ? runs ? Outcome.CREATES_AND_RUNS : Outcome.CREATES
              : runs ? Outcome.RUNS : batch.owner() == null ? Outcome.NOTES : Outcome.ENDS;
      case Verdict.Answer(Reply.Success _) -> Outcome.SUCCESS;
      case Verdict.Answer(Reply.Refused refused) -> {
        if (refused.code() == ErrorCode.GID_NOT_FOUND) {
          yield Outcome.NONE_TO_REGISTER_AT;
        }
        assertThat(refused.code()).isIn(ErrorCode.STATUS_CONFLICT, ErrorCode.WORKFLOW_DECIDED);
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
                Extra.NONE.withDelayUntil(NOW.plusMillis(60_001))));
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
                new Guard.InStatus(GlobalStatus.PREPARED, null, CREATED),
                FRESH,
                List.of(
                    new Write.SetStatus(GlobalStatus.SUBMITTED, null, null, NOW),
                    new Write.Lease(NOW.plusSeconds(10), NOW))));
  }

  /** docs/decisions/0006. */
  @Test
  void a_submit_adds_the_options_that_it_names() {
    var prepared = new Options(true, 30, 0, 7, Map.of("tenant", "north"), false, 0);
    var given = new Options(false, 0, 20, 5, Map.of("user", "42"), true, 3);
    var both = new Options(true, 30, 20, 5, Map.of("user", "42"), true, 3);
    Stored known = stored(Given.tcc(), GlobalStatus.PREPARED);
    Transaction transaction = known.transaction();
    Stored stored =
        new Stored(
            new Transaction(
                transaction.gid(),
                transaction.definition().withOptions(prepared),
                transaction.state(),
                transaction.branches()),
            known.owner());

    Batch batch = batchOf(commands.submit(given, stored, FRESH, NOW));

    assertThat(batch.writes())
        .containsExactly(
            new Write.SetStatus(GlobalStatus.SUBMITTED, null, null, NOW),
            new Write.SetOptions(both),
            new Write.SetSchedule(new Schedule(Duration.ofSeconds(5), NOW.plusSeconds(25)), NOW));
    assertThat(batchOf(commands.submit(Options.DEFAULTS, stored, FRESH, NOW)).writes())
        .as("a bare submit changes none")
        .noneMatch(Write.SetOptions.class::isInstance);
  }

  /** Steps, payloads and custom data are those of prepare (docs/spec/http-api.md 9). */
  @Test
  void a_submit_goes_by_what_is_stored() {
    Stored stored = stored(Given.msg(1).delay(60).requestTimeout(25), GlobalStatus.PREPARED);

    Batch batch = batchOf(decide("submit", Given.msg(2).delay(5), stored));

    assertThat(batch.writes())
        .containsExactly(
            new Write.SetStatus(GlobalStatus.SUBMITTED, null, null, NOW),
            new Write.Lease(NOW.plusSeconds(30), NOW),
            new Write.Delay(NOW.plusMillis(60_001)));
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
        new Guard.InStatus(from, null, CREATED),
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
                List.of(new Write.Lease(NOW.plusSeconds(30), NOW))));
  }

  // ---- the second phase of tcc and xa

  @Test
  void an_abort_takes_a_prepared_tcc_over_with_its_reason() {
    Stored stored = stored(Given.tcc().requestTimeout(25), GlobalStatus.PREPARED);

    Verdict verdict = commands.abort("no credit", stored, FRESH, NOW);

    assertThat(verdict)
        .isEqualTo(
            new Verdict.Commit(
                new Batch(
                    stored.transaction().gid(),
                    new Guard.InStatus(GlobalStatus.PREPARED, null, CREATED),
                    FRESH,
                    List.of(
                        new Write.SetStatus(GlobalStatus.ABORTING, "no credit", null, NOW),
                        new Write.Lease(NOW.plusSeconds(30), NOW))),
                true));
  }

  /** R4: what changes nothing but the reason leaves the lease to whoever has it. */
  @Test
  void a_new_reason_is_written_without_touching_the_claim() {
    Stored stored = stored(Given.xa(), GlobalStatus.ABORTING);

    Verdict verdict = commands.abort("second thoughts", stored, FRESH, NOW);

    assertThat(verdict)
        .isEqualTo(
            new Verdict.Join(
                new Batch(
                    stored.transaction().gid(),
                    new Guard.InStatus(GlobalStatus.ABORTING, null, CREATED),
                    null,
                    List.of(
                        new Write.SetStatus(
                            GlobalStatus.ABORTING, "second thoughts", null, NOW)))));
  }

  /** docs/spec/scheduling.md 4. */
  @Test
  void a_prepared_tcc_rests_until_its_timeout() {
    Given given = Given.tcc().timeoutToFail(60);

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

  // ---- registerBranch

  @Test
  void a_registered_branch_leaves_claim_and_schedule_alone() {
    Stored stored = stored(Given.tcc(), GlobalStatus.PREPARED);
    Registration registration = registration(Given.tcc().branch(1));

    Batch batch = batchOf(commands.registerBranch(registration, stored, NOW));

    assertThat(batch)
        .isEqualTo(
            new Batch(
                stored.transaction().gid(),
                new Guard.InStatus(GlobalStatus.PREPARED, null, CREATED),
                null,
                List.of(new Write.AddBranches(registration.rows()))));
  }

  @ParameterizedTest
  @CsvSource({"action, -", "business, -", "commit, rollback", "rollback, commit"})
  void a_step_wants_no_row_of_the_other_direction(String op, String without) {
    Stored stored = stored(Given.workflow(), GlobalStatus.PREPARED);
    Registration registration = registration(Given.step(1, op, "succeed"));

    Batch batch = batchOf(commands.registerBranch(registration, stored, NOW));

    assertThat(batch)
        .isEqualTo(
            new Batch(
                stored.transaction().gid(),
                new Guard.InStatus(
                    GlobalStatus.PREPARED, without.equals("-") ? null : Op.of(without), CREATED),
                null,
                List.of(new Write.AddBranches(registration.rows()), new Write.Postpone(NOW))));
  }

  @Test
  void a_branch_must_be_of_the_type_of_its_transaction() {
    Stored stored = stored(Given.tcc(), GlobalStatus.PREPARED);

    Verdict verdict = commands.registerBranch(registration(Given.xa().branch(1)), stored, NOW);

    assertThat(verdict)
        .isEqualTo(
            new Verdict.Answer(
                new Reply.Failed(
                    ErrorCode.BAD_REQUEST,
                    "trans_type: xa (expected: tcc, as the transaction is)")));
  }

  @Test
  void the_status_refuses_a_branch_before_its_type_does() {
    Stored stored = stored(Given.tcc(), GlobalStatus.SUCCEED);

    Verdict verdict = commands.registerBranch(registration(Given.xa().branch(1)), stored, NOW);

    assertThat(codeOf(verdict)).isEqualTo(ErrorCode.STATUS_CONFLICT);
  }

  /** docs/spec/grpc-api.md: the SDK must not undo what has succeeded. */
  @Test
  void a_late_step_hears_that_its_workflow_has_succeeded() {
    Registration step = registration(Given.step(1, "action", "succeed"));

    assertThat(codeOf(commands.registerBranch(step, ended(GlobalStatus.SUCCEED), NOW)))
        .isEqualTo(ErrorCode.WORKFLOW_DECIDED);
    assertThat(codeOf(commands.registerBranch(step, ended(GlobalStatus.FAILED), NOW)))
        .isEqualTo(ErrorCode.STATUS_CONFLICT);
  }

  @Test
  void a_registered_url_must_be_one_that_its_transaction_can_call() throws Exception {
    var request =
        new BranchRequest("g", "tcc", "01", Payload.EMPTY, "host:1/x.X/K", "http://x", "", "", "");
    Registration registration = Registration.of(request, NOW);
    Stored http = stored(Given.tcc(), GlobalStatus.PREPARED);
    Stored grpc = withProtocol(http, "grpc");

    Verdict refused = commands.registerBranch(registration, http, NOW);
    Verdict taken = commands.registerBranch(registration, grpc, NOW);

    assertThat(codeOf(refused)).isEqualTo(ErrorCode.BAD_REQUEST);
    assertThat(batchOf(taken).writes()).isNotEmpty();
  }

  @Test
  void a_branch_id_that_grpc_cannot_send_is_refused_where_grpc_calls() throws Exception {
    var request = new BranchRequest("g", "tcc", "ü", Payload.EMPTY, "host:1/x.X/K", "", "", "", "");
    Stored grpc = withProtocol(stored(Given.tcc(), GlobalStatus.PREPARED), "grpc");

    Verdict refused = commands.registerBranch(Registration.of(request, NOW), grpc, NOW);

    assertThat(codeOf(refused)).isEqualTo(ErrorCode.BAD_REQUEST);
  }

  private static Stored withProtocol(Stored stored, String protocol) {
    Transaction transaction = stored.transaction();
    Definition was = transaction.definition();
    var definition =
        new Definition(
            was.type(), protocol, was.queryPrepared(), was.customData(), was.options(), NOW);
    return new Stored(
        new Transaction(transaction.gid(), definition, transaction.state(), transaction.branches()),
        stored.owner());
  }

  private static Stored ended(GlobalStatus status) {
    return stored(Given.workflow(), status);
  }

  private static @Nullable ErrorCode codeOf(Verdict verdict) {
    return switch (verdict) {
      case Verdict.Answer(Reply.Refused refused) -> refused.code();
      case Verdict.Answer(Reply.Failed failed) -> failed.code();
      default -> null;
    };
  }

  private static Stored with(Stored stored, List<Branch> rows) {
    Transaction was = stored.transaction();
    return new Stored(
        new Transaction(was.gid(), was.definition(), was.state(), rows), stored.owner());
  }

  private static List<Branch> rows(int count, String payload) {
    List<Branch> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      var key = new BranchKey("x" + i, Op.CANCEL);
      rows.add(Branch.open(key, "", Payload.of(payload), CREATED));
    }
    return rows;
  }

  @Test
  void registered_branches_count_with_those_that_are_stored() {
    Stored prepared = stored(Given.tcc(), GlobalStatus.PREPARED);
    Registration two = registration(Given.tcc().branch(1));

    Verdict fits = commands.registerBranch(two, with(prepared, rows(9_998, "")), NOW);
    Verdict tooMany = commands.registerBranch(two, with(prepared, rows(9_999, "")), NOW);

    assertThat(fits).isInstanceOf(Verdict.Commit.class);
    assertThat(tooMany)
        .isEqualTo(
            new Verdict.Answer(
                new Reply.Failed(ErrorCode.LIMIT_EXCEEDED, "10001 branches (limit: 10000)")));
  }

  @Test
  void a_full_transaction_still_takes_a_branch_that_it_has() {
    Registration two = registration(Given.tcc().branch(1));
    List<Branch> full = rows(9_998, "");
    full.addAll(two.rows());
    Stored stored = with(stored(Given.tcc(), GlobalStatus.PREPARED), full);

    assertThat(commands.registerBranch(two, stored, NOW)).isInstanceOf(Verdict.Commit.class);
  }

  @Test
  void the_bytes_of_a_branch_count_with_those_that_are_stored() {
    Stored prepared = stored(Given.xa(), GlobalStatus.PREPARED);
    Registration branch = registration(Given.xa().branch(1)); // two urls of 17, data of 12 bytes
    int room = Bounds.MAX_BYTES - 2 * 17 - 12;

    Verdict fits = commands.registerBranch(branch, with(prepared, rows(1, "x".repeat(room))), NOW);
    Verdict tooLong =
        commands.registerBranch(branch, with(prepared, rows(1, "x".repeat(room + 1))), NOW);

    assertThat(fits).isInstanceOf(Verdict.Commit.class);
    assertThat(tooLong)
        .isEqualTo(
            new Verdict.Answer(
                new Reply.Failed(
                    ErrorCode.LIMIT_EXCEEDED, "transaction of 4194305 bytes (limit: 4194304)")));
  }

  // ---- the end of a workflow

  @ParameterizedTest
  @CsvSource({"succeed, SUCCEED, rollback", "failed, FAILED, commit"})
  void the_application_ends_its_workflow(String status, GlobalStatus ends, String without) {
    Stored stored = stored(Given.workflow(), GlobalStatus.PREPARED);

    Batch batch = batchOf(end(status, "because", "aGk=", stored));

    assertThat(batch)
        .isEqualTo(
            new Batch(
                stored.transaction().gid(),
                new Guard.InStatus(GlobalStatus.PREPARED, Op.of(without), CREATED),
                FRESH.marked(Owner.Mark.RESTING),
                List.of(new Write.SetStatus(ends, "because", "aGk=", NOW))));
  }

  /** Refused, it would never end. */
  @Test
  void a_result_that_is_no_base64_is_kept_as_it_came() {
    Batch batch =
        batchOf(end("succeed", "", "{\"n\":1}", stored(Given.workflow(), GlobalStatus.PREPARED)));

    assertThat(batch.writes())
        .containsExactly(new Write.SetStatus(GlobalStatus.SUCCEED, null, "{\"n\":1}", NOW));
  }

  @Test
  void an_empty_reason_or_result_is_not_written() {
    Batch batch = batchOf(end("failed", "", "", stored(Given.workflow(), GlobalStatus.PREPARED)));

    assertThat(batch.writes())
        .containsExactly(new Write.SetStatus(GlobalStatus.FAILED, null, null, NOW));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "prepared", "SUCCEED", "aborting"})
  void a_workflow_ends_in_a_final_status_only(String status) {
    Verdict verdict = end(status, "", "", stored(Given.workflow(), GlobalStatus.PREPARED));

    assertThat(verdict)
        .isEqualTo(
            new Verdict.Answer(
                new Reply.Failed(
                    ErrorCode.BAD_REQUEST, "req_extra: status is neither succeed nor failed")));
  }

  @Test
  void a_result_counts_with_the_bytes_that_are_stored() {
    Stored stored = stored(Given.workflow(), GlobalStatus.PREPARED);
    int room = Bounds.MAX_BYTES - "http://service/q".length() - Given.WORKFLOW_DATA.length();

    assertThat(end("succeed", "", "x".repeat(room), stored)).isInstanceOf(Verdict.Commit.class);
    assertThat(end("succeed", "", "x".repeat(room + 1), stored))
        .isEqualTo(
            new Verdict.Answer(
                new Reply.Failed(
                    ErrorCode.LIMIT_EXCEEDED, "transaction of 4194305 bytes (limit: 4194304)")));
  }

  @Test
  void a_result_that_no_store_keeps_is_refused() {
    assertThat(end("succeed", "", "a\0", stored(Given.workflow(), GlobalStatus.PREPARED)))
        .isEqualTo(
            new Verdict.Answer(
                new Reply.Failed(
                    ErrorCode.BAD_REQUEST,
                    "req_extra: result has a NUL character or half of a surrogate pair")));
  }

  @Test
  void what_is_no_workflow_is_neither_ended_nor_found_as_one() {
    Stored tcc = stored(Given.tcc(), GlobalStatus.PREPARED);

    assertThat(codeOf(end("succeed", "", "", tcc))).isEqualTo(ErrorCode.STATUS_CONFLICT);
    assertThat(codeOf(commands.prepareWorkflow(tcc))).isEqualTo(ErrorCode.STATUS_CONFLICT);
    assertThat(
            codeOf(
                commands.submit(
                    Options.DEFAULTS, stored(Given.workflow(), GlobalStatus.PREPARED), FRESH, NOW)))
        .isEqualTo(ErrorCode.STATUS_CONFLICT);
  }

  // ---- resetNextCronTime

  @Test
  void a_reset_makes_due_what_rests() {
    Stored stored = stored(Given.saga(1), GlobalStatus.SUBMITTED);

    Batch batch = batchOf(commands.resetNextCronTime(stored, NOW));

    assertThat(batch)
        .isEqualTo(
            new Batch(
                stored.transaction().gid(),
                Guard.Known.INSTANCE,
                null,
                List.of(new Write.BringForward(NOW))));
    assertThat(batch.applyTo(stored))
        .isInstanceOfSatisfying(
            Batch.Applied.Changed.class,
            changed -> assertThat(Due.of(changed.stored()).nextTime()).isEqualTo(NOW));
  }

  @Test
  void a_reset_of_what_is_finished_sets_its_times() {
    Stored stored = stored(Given.saga(1), GlobalStatus.SUCCEED);

    Batch batch = batchOf(commands.resetNextCronTime(stored, NOW));

    assertThat(batch.applyTo(stored))
        .isInstanceOfSatisfying(
            Batch.Applied.Changed.class,
            changed -> {
              State state = changed.stored().transaction().state();
              assertThat(state.schedule().nextTime()).isEqualTo(NOW);
              assertThat(state.updateTime()).isEqualTo(NOW);
              assertThat(state.status()).isEqualTo(GlobalStatus.SUCCEED);
              assertThat(state.endTime()).isEqualTo(CREATED);
            });
  }

  /** docs/architecture.md: a lease is not moved, whoever has it looks again. */
  @Test
  void a_reset_leaves_a_lease_alone() {
    Stored read = stored(Given.saga(1), GlobalStatus.SUBMITTED);
    Batch batch = batchOf(commands.resetNextCronTime(read, NOW));
    Stored claimedSince = new Stored(read.transaction(), FRESH.marked(Owner.Mark.LEASED));

    assertThat(batch.applyTo(claimedSince))
        .isEqualTo(
            new Batch.Applied.Changed(
                new Stored(read.transaction(), FRESH.marked(Owner.Mark.LOOK_AGAIN))));
  }
}
