package io.dtm4j.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;

/** What a batch means: every guard, every write, the marks of the token. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class BatchTest {
  private static final Gid GID = new Gid("g");
  private static final Instant CREATED = Instant.parse("2026-01-02T03:04:05Z");
  private static final Instant NEXT = CREATED.plusSeconds(10);
  private static final Instant NOW = CREATED.plusSeconds(3);
  private static final Duration INTERVAL = Duration.ofSeconds(10);
  private static final Owner HELD = new Owner(Owner.Mark.LEASED, "here", "claim", 4);
  private static final Owner RESTING = HELD.marked(Owner.Mark.RESTING);
  private static final Owner MARKED = HELD.marked(Owner.Mark.LOOK_AGAIN);
  private static final Owner OTHER = new Owner(Owner.Mark.LEASED, "there", "other", 1);
  private static final BranchKey ACTION = new BranchKey("01", Op.ACTION);
  private static final Branch ROW = Branch.open(ACTION, "http://s/a", Payload.of("{}"), CREATED);

  private static Transaction transaction(GlobalStatus status, Branch... rows) {
    return transaction(TransType.MSG, status, rows);
  }

  private static Transaction transaction(TransType type, GlobalStatus status, Branch... rows) {
    var state =
        new State(status, "why", "what", CREATED, null, new Schedule(INTERVAL, NEXT), Extra.NONE);
    var definition = new Definition(type, "http", "", "", Options.DEFAULTS, CREATED);
    return new Transaction(GID, definition, state, List.of(rows));
  }

  private static Stored stored(GlobalStatus status, Owner owner) {
    return new Stored(transaction(status, ROW), owner);
  }

  private static Batch batch(Guard guard, @Nullable Owner owner, Write... writes) {
    return new Batch(GID, guard, owner, List.of(writes));
  }

  private static Batch ofPass(Owner next, Write... writes) {
    return batch(new Guard.HeldBy(GlobalStatus.SUBMITTED, HELD), next, writes);
  }

  private static Batch.Applied.Changed changed(Batch batch, @Nullable Stored stored) {
    Batch.Applied applied = batch.applyTo(stored);
    assertThat(applied).isInstanceOf(Batch.Applied.Changed.class);
    return (Batch.Applied.Changed) applied;
  }

  private static State stateAfter(Batch batch, Stored stored) {
    return changed(batch, stored).stored().transaction().state();
  }

  // ---- guards

  /**
   * @param stored null: there is no such gid
   */
  record Guarded(String what, Guard guard, @Nullable Stored stored, boolean holds) {
    @Override
    public String toString() {
      return what;
    }
  }

  private static final Stored SUBMITTED = stored(GlobalStatus.SUBMITTED, HELD);
  private static final Guard AS_READ = new Guard.AsRead(new Due(GID, RESTING, NEXT));
  private static final Guard IN_STATUS = new Guard.InStatus(GlobalStatus.SUBMITTED, null, CREATED);
  private static final Guard HELD_BY = new Guard.HeldBy(GlobalStatus.SUBMITTED, HELD);
  private static final Guard LEASED_TO = new Guard.LeasedTo("claim");

  static final List<Guarded> GUARDS =
      List.of(
          new Guarded("absent: none", Guard.Absent.INSTANCE, null, true),
          new Guarded("absent: there is one", Guard.Absent.INSTANCE, SUBMITTED, false),
          new Guarded("held by: as it was", HELD_BY, SUBMITTED, true),
          new Guarded("held by: none", HELD_BY, null, false),
          new Guarded(
              "held by: marked to look again",
              HELD_BY,
              stored(GlobalStatus.SUBMITTED, MARKED),
              true),
          new Guarded(
              "held by: another status", HELD_BY, stored(GlobalStatus.ABORTING, HELD), false),
          new Guarded(
              "held by: another revision",
              HELD_BY,
              stored(GlobalStatus.SUBMITTED, HELD.next(Owner.Mark.LEASED)),
              false),
          new Guarded(
              "held by: another claim", HELD_BY, stored(GlobalStatus.SUBMITTED, OTHER), false),
          new Guarded(
              "held by: another claim of that revision",
              HELD_BY,
              stored(
                  GlobalStatus.SUBMITTED,
                  new Owner(Owner.Mark.LEASED, "server", "other", HELD.revision())),
              false),
          new Guarded(
              "in status: whoever has it", IN_STATUS, stored(GlobalStatus.SUBMITTED, OTHER), true),
          new Guarded("in status: none", IN_STATUS, null, false),
          new Guarded(
              "in status: another one", IN_STATUS, stored(GlobalStatus.FAILED, HELD), false),
          new Guarded(
              "in status: no row of that op",
              new Guard.InStatus(GlobalStatus.SUBMITTED, Op.COMPENSATE, CREATED),
              SUBMITTED,
              true),
          new Guarded(
              "in status: there is a row of that op",
              new Guard.InStatus(GlobalStatus.SUBMITTED, Op.ACTION, CREATED),
              SUBMITTED,
              false),
          new Guarded("as read: it is", AS_READ, stored(GlobalStatus.SUBMITTED, RESTING), true),
          new Guarded("as read: none", AS_READ, null, false),
          new Guarded(
              "as read: a lease that has ended, marked since",
              new Guard.AsRead(new Due(GID, HELD, NEXT)),
              stored(GlobalStatus.SUBMITTED, MARKED),
              true),
          new Guarded("as read: finished", AS_READ, stored(GlobalStatus.FAILED, RESTING), false),
          new Guarded(
              "as read: another claim", AS_READ, stored(GlobalStatus.SUBMITTED, OTHER), false),
          new Guarded(
              "as read: another revision",
              AS_READ,
              stored(GlobalStatus.SUBMITTED, RESTING.next(Owner.Mark.RESTING)),
              false),
          new Guarded(
              "as read: another time",
              new Guard.AsRead(new Due(GID, RESTING, NEXT.plusMillis(1))),
              stored(GlobalStatus.SUBMITTED, RESTING),
              false),
          new Guarded("leased to: it is", LEASED_TO, SUBMITTED, true),
          new Guarded(
              "leased to: another revision",
              LEASED_TO,
              stored(GlobalStatus.SUBMITTED, HELD.next(Owner.Mark.LEASED)),
              true),
          new Guarded(
              "leased to: marked already", LEASED_TO, stored(GlobalStatus.SUBMITTED, MARKED), true),
          new Guarded(
              "leased to: at rest", LEASED_TO, stored(GlobalStatus.SUBMITTED, RESTING), false),
          new Guarded(
              "leased to: another claim", LEASED_TO, stored(GlobalStatus.SUBMITTED, OTHER), false),
          new Guarded("leased to: none", LEASED_TO, null, false));

  @ParameterizedTest
  @FieldSource("GUARDS")
  void a_batch_takes_effect_when_its_guard_holds(Guarded row) {
    Write write =
        row.stored() == null
            ? new Write.SaveNew(transaction(GlobalStatus.SUBMITTED))
            : new Write.SetExtra(Extra.NONE.withParkings(1));
    Batch batch = batch(row.guard(), new Owner(Owner.Mark.LEASED, "new", "new", 1), write);

    Batch.Applied applied = batch.applyTo(row.stored());

    if (row.holds()) {
      assertThat(applied).isInstanceOf(Batch.Applied.Changed.class);
    } else {
      assertThat(applied).isEqualTo(new Batch.Applied.Refused(row.stored()));
    }
  }

  // ---- writes

  @Test
  void save_new_stores_the_transaction_as_it_is() {
    Transaction created = transaction(GlobalStatus.SUBMITTED, ROW);

    var applied = changed(batch(Guard.Absent.INSTANCE, HELD, new Write.SaveNew(created)), null);

    assertThat(applied).isEqualTo(new Batch.Applied.Changed(new Stored(created, HELD)));
  }

  @Test
  void set_branch_settles_one_row() {
    Owner next = HELD.next(Owner.Mark.LEASED);

    var applied =
        changed(ofPass(next, new Write.SetBranch(0, ACTION, BranchStatus.SUCCEED, NOW)), SUBMITTED);

    Transaction after = applied.stored().transaction();
    assertThat(after.branches())
        .containsExactly(
            new Branch(ACTION, ROW.url(), ROW.payload(), BranchStatus.SUCCEED, CREATED, NOW));
    assertThat(after.state().updateTime()).isEqualTo(NOW);
    assertThat(applied.stored().owner()).isEqualTo(next);
  }

  @Test
  void set_branch_wants_the_row_it_names() {
    var other = new BranchKey("02", Op.ACTION);
    Batch batch =
        ofPass(
            HELD.next(Owner.Mark.LEASED), new Write.SetBranch(0, other, BranchStatus.SUCCEED, NOW));

    assertThatThrownBy(() -> batch.applyTo(SUBMITTED))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("row 0 is 01 action (expected: 02 action)");
  }

  @ParameterizedTest
  @EnumSource
  void set_status_sets_the_end_time_of_final_ones(GlobalStatus status) {
    State after =
        stateAfter(
            ofPass(HELD.next(Owner.Mark.RESTING), new Write.SetStatus(status, null, null, NOW)),
            SUBMITTED);

    assertThat(after.status()).isEqualTo(status);
    assertThat(after.updateTime()).isEqualTo(NOW);
    assertThat(after.endTime()).isEqualTo(status.isFinal() ? NOW : null);
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {"-, -, why, what", "because, -, because, what", "-, '', why, ''"})
  void set_status_keeps_reason_and_result_unless_it_says_others(
      @Nullable String reason, @Nullable String result, String reasonAfter, String resultAfter) {
    State after =
        stateAfter(
            ofPass(
                HELD.next(Owner.Mark.LEASED),
                new Write.SetStatus(GlobalStatus.ABORTING, reason, result, NOW)),
            SUBMITTED);

    assertThat(after.reason()).isEqualTo(reasonAfter);
    assertThat(after.result()).isEqualTo(resultAfter);
  }

  @Test
  void set_extra_replaces_it() {
    Extra extra = Extra.NONE.withRetryCount(3);

    State after =
        stateAfter(ofPass(HELD.next(Owner.Mark.LEASED), new Write.SetExtra(extra)), SUBMITTED);

    assertThat(after.extra()).isEqualTo(extra);
  }

  @Test
  void added_rows_stand_behind_those_there() {
    Branch second = Branch.open(new BranchKey("02", Op.ACTION), "u", Payload.EMPTY, NOW);

    var applied =
        changed(batch(IN_STATUS, null, new Write.AddBranches(List.of(second))), SUBMITTED);

    assertThat(applied.stored().transaction().branches()).containsExactly(ROW, second);
    assertThat(applied.stored().owner()).isEqualTo(HELD);
  }

  @Test
  void a_row_that_is_there_with_the_same_content_counts_as_added() {
    Branch again = Branch.open(ACTION, ROW.url(), ROW.payload(), NOW);

    var applied = changed(batch(IN_STATUS, null, new Write.AddBranches(List.of(again))), SUBMITTED);

    assertThat(applied.stored()).isEqualTo(SUBMITTED);
  }

  static final List<Branch> OTHER_CONTENT =
      List.of(
          Branch.open(ACTION, "http://s/b", ROW.payload(), CREATED),
          Branch.open(ACTION, ROW.url(), Payload.of("[]"), CREATED),
          Branch.open(ACTION, ROW.url(), ROW.payload(), CREATED)
              .settled(BranchStatus.FAILED, CREATED));

  @ParameterizedTest
  @FieldSource("OTHER_CONTENT")
  void a_row_that_is_there_with_other_content_refuses_the_whole_batch(Branch row) {
    Branch second = Branch.open(new BranchKey("02", Op.ACTION), "u", Payload.EMPTY, NOW);
    Batch batch = batch(IN_STATUS, null, new Write.AddBranches(List.of(second, row)));

    assertThat(batch.applyTo(SUBMITTED)).isEqualTo(new Batch.Applied.Conflict(ACTION));
  }

  /** A row that comes open says nothing of a status that it may have got since. */
  @Test
  void an_open_row_is_the_same_whatever_has_become_of_the_one_that_is_there() {
    Stored done =
        new Stored(
            transaction(GlobalStatus.SUBMITTED, ROW.settled(BranchStatus.SUCCEED, NOW)), HELD);
    Batch again = batch(IN_STATUS, null, new Write.AddBranches(List.of(ROW)));

    assertThat(changed(again, done).stored()).isEqualTo(done);
  }

  @Test
  void a_step_that_is_there_with_the_same_outcome_counts_as_added() {
    Branch step = ROW.settled(BranchStatus.FAILED, CREATED);
    Stored there = new Stored(transaction(GlobalStatus.SUBMITTED, step), HELD);
    Branch again = ROW.settled(BranchStatus.FAILED, NOW);

    Batch batch = batch(IN_STATUS, null, new Write.AddBranches(List.of(again)));

    assertThat(changed(batch, there).stored()).isEqualTo(there);
  }

  @ParameterizedTest
  @CsvSource({"-1, 10", "0, 10", "1, 11", "3, 13"})
  void a_postponed_run_comes_one_interval_later_and_never_earlier(long at, long next) {
    Instant time = CREATED.plusSeconds(at);
    Stored resting = stored(GlobalStatus.SUBMITTED, RESTING);

    Stored after = changed(batch(IN_STATUS, null, new Write.Postpone(time)), resting).stored();

    assertThat(after.transaction().state().schedule())
        .isEqualTo(new Schedule(INTERVAL, CREATED.plusSeconds(next)));
    assertThat(after.transaction().state().updateTime()).isEqualTo(time);
    assertThat(after.owner()).isEqualTo(RESTING);
  }

  @Test
  void a_long_reason_is_cut() {
    assertThat(reasonAfter("x".repeat(1_025))).isEqualTo("x".repeat(1_024));
    assertThat(reasonAfter("x".repeat(1_023) + "😀")).isEqualTo("x".repeat(1_023));
    assertThat(reasonAfter("x".repeat(1_022) + "😀")).isEqualTo("x".repeat(1_022) + "😀");
  }

  private static String reasonAfter(String reason) {
    return stateAfter(
            ofPass(
                HELD.next(Owner.Mark.LEASED),
                new Write.SetStatus(GlobalStatus.ABORTING, reason, null, NOW)),
            SUBMITTED)
        .reason();
  }

  @Test
  void writes_take_effect_in_their_order() {
    State after =
        stateAfter(
            ofPass(
                HELD.next(Owner.Mark.LEASED),
                new Write.SetExtra(Extra.NONE.withParkings(1)),
                new Write.SetExtra(Extra.NONE.withParkings(2))),
            SUBMITTED);

    assertThat(after.extra().parkings()).isEqualTo(2);
  }

  @Test
  void a_batch_for_an_absent_gid_begins_with_save_new() {
    Batch batch =
        batch(Guard.Absent.INSTANCE, HELD, new Write.SetExtra(Extra.NONE.withParkings(1)));

    assertThatThrownBy(() -> batch.applyTo(null)).isInstanceOf(IllegalStateException.class);
  }

  // ---- the token

  /** R6: a batch that was committed is committed, whatever its guard says by now. */
  @Test
  void a_batch_that_finds_its_own_token_changes_nothing_again() {
    Batch batch =
        ofPass(
            HELD.next(Owner.Mark.LEASED),
            new Write.SetStatus(GlobalStatus.ABORTING, "because", null, NOW));
    Stored once = changed(batch, SUBMITTED).stored();

    assertThat(batch.applyTo(once)).isEqualTo(new Batch.Applied.Changed(once));
  }

  @Test
  void a_batch_that_finds_a_later_write_of_its_claim_is_refused() {
    Owner next = HELD.next(Owner.Mark.LEASED);
    Stored later = stored(GlobalStatus.SUBMITTED, next.next(Owner.Mark.LEASED));
    Batch batch = ofPass(next, new Write.SetExtra(Extra.NONE.withParkings(1)));

    assertThat(batch.applyTo(later)).isEqualTo(new Batch.Applied.Refused(later));
  }

  @Test
  void a_creation_that_finds_its_own_token_was_committed() {
    Batch batch =
        batch(
            Guard.Absent.INSTANCE,
            HELD,
            new Write.SaveNew(transaction(GlobalStatus.SUBMITTED, ROW)));

    assertThat(batch.applyTo(SUBMITTED)).isEqualTo(new Batch.Applied.Changed(SUBMITTED));
  }

  @Test
  void look_again_marks_the_token_and_keeps_claim_and_revision() {
    var applied = changed(batch(LEASED_TO, null, Write.LookAgain.INSTANCE), SUBMITTED);

    assertThat(applied.stored()).isEqualTo(new Stored(SUBMITTED.transaction(), MARKED));
  }

  @Test
  void the_mark_stays_while_the_claim_goes_on() {
    Owner next = HELD.next(Owner.Mark.LEASED);

    var applied =
        changed(
            ofPass(next, new Write.SetBranch(0, ACTION, BranchStatus.SUCCEED, NOW)),
            stored(GlobalStatus.SUBMITTED, MARKED));

    assertThat(applied.stored().owner()).isEqualTo(next.marked(Owner.Mark.LOOK_AGAIN));
  }

  @Test
  void coming_to_rest_on_the_mark_makes_it_due_at_once() {
    Owner next = HELD.next(Owner.Mark.RESTING);
    var later = new Write.SetSchedule(new Schedule(INTERVAL, NOW.plusSeconds(60)), NOW);

    var applied = changed(ofPass(next, later), stored(GlobalStatus.SUBMITTED, MARKED));

    assertThat(applied.stored().owner()).isEqualTo(next);
    assertThat(applied.stored().transaction().state().schedule())
        .isEqualTo(new Schedule(INTERVAL, NOW));
  }

  @Test
  void what_ends_on_the_mark_is_not_due_any_more() {
    Owner next = HELD.next(Owner.Mark.RESTING);
    var end = new Write.SetStatus(GlobalStatus.SUCCEED, null, null, NOW);

    var applied = changed(ofPass(next, end), stored(GlobalStatus.SUBMITTED, MARKED));

    assertThat(applied.stored().owner()).isEqualTo(next);
  }

  @Test
  void another_claim_clears_the_mark() {
    var lease = new Write.SetSchedule(new Schedule(INTERVAL, NOW.plusSeconds(10)), NOW);
    Batch takeOver = batch(new Guard.AsRead(new Due(GID, HELD, NEXT)), OTHER, lease);

    var applied = changed(takeOver, stored(GlobalStatus.SUBMITTED, MARKED));

    assertThat(applied.stored().owner()).isEqualTo(OTHER);
  }

  /**
   * @param before whose it was, and as what
   */
  record Taken(String what, TransType type, GlobalStatus status, Owner before, boolean dirty) {
    @Override
    public String toString() {
      return what;
    }
  }

  static final List<Taken> TAKEN =
      List.of(
          new Taken("from a holder", TransType.SAGA, GlobalStatus.SUBMITTED, HELD, true),
          new Taken("asked to look again", TransType.SAGA, GlobalStatus.SUBMITTED, MARKED, true),
          new Taken("at rest", TransType.SAGA, GlobalStatus.SUBMITTED, RESTING, false),
          new Taken("rolls back", TransType.SAGA, GlobalStatus.ABORTING, HELD, false),
          new Taken("not submitted yet", TransType.SAGA, GlobalStatus.PREPARED, HELD, false),
          new Taken("a message", TransType.MSG, GlobalStatus.SUBMITTED, HELD, false),
          new Taken("a TCC", TransType.TCC, GlobalStatus.SUBMITTED, HELD, false));

  @ParameterizedTest
  @FieldSource("TAKEN")
  void a_saga_that_is_taken_from_its_holder_is_dirty(Taken row) {
    Stored before = new Stored(transaction(row.type(), row.status(), ROW), row.before());
    var guard = new Guard.AsRead(Due.of(before));

    Batch claim = batch(guard, OTHER, new Write.Lease(NOW.plusSeconds(10), NOW));

    assertThat(stateAfter(claim, before).extra()).isEqualTo(Extra.NONE.withDirty(row.dirty()));
  }

  @Test
  void what_its_own_pass_writes_makes_no_saga_dirty_and_a_claim_at_rest_leaves_it_so() {
    var held = new Stored(transaction(TransType.SAGA, GlobalStatus.SUBMITTED, ROW), HELD);
    var settled = new Write.SetBranch(0, ACTION, BranchStatus.SUCCEED, NOW);
    var dirty = new Write.SetExtra(Extra.NONE.withDirty(true));

    assertThat(stateAfter(ofPass(HELD.next(Owner.Mark.LEASED), settled), held).extra())
        .isEqualTo(Extra.NONE);
    Stored resting = changed(ofPass(HELD.next(Owner.Mark.RESTING), dirty), held).stored();
    Batch claim = batch(new Guard.AsRead(Due.of(resting)), OTHER, new Write.Lease(NOW, NOW));
    assertThat(stateAfter(claim, resting).extra().dirty()).isTrue();
  }

  @Test
  void a_saga_that_is_stopped_is_not_dirty() {
    var held = new Stored(transaction(TransType.SAGA, GlobalStatus.SUBMITTED, ROW), HELD);
    var failed = new Write.SetStatus(GlobalStatus.FAILED, null, null, NOW);

    assertThat(stateAfter(batch(IN_STATUS, OTHER, failed), held).extra()).isEqualTo(Extra.NONE);
  }

  /** A gid may have been deleted and used anew since a command was decided. */
  @Test
  void another_transaction_of_that_gid_is_not_the_one_that_was_seen() {
    var seen = new Guard.InStatus(GlobalStatus.SUBMITTED, null, CREATED.minusMillis(1));

    assertThat(batch(seen, null).applyTo(SUBMITTED))
        .isEqualTo(new Batch.Applied.Refused(SUBMITTED));
  }

  @Test
  void bringing_forward_moves_what_rests_and_keeps_its_interval() {
    var forward = new Write.BringForward(NOW);

    State after =
        stateAfter(
            batch(Guard.Known.INSTANCE, null, forward), stored(GlobalStatus.SUBMITTED, RESTING));

    assertThat(after.schedule()).isEqualTo(new Schedule(INTERVAL, NOW));
    assertThat(after.updateTime()).isEqualTo(NOW);
  }

  @Test
  void bringing_forward_marks_what_is_leased_and_leaves_it_alone() {
    var forward = new Write.BringForward(NOW);

    var applied = changed(batch(Guard.Known.INSTANCE, null, forward), SUBMITTED);

    assertThat(applied.stored()).isEqualTo(new Stored(SUBMITTED.transaction(), MARKED));
  }

  @Test
  void a_delay_leaves_all_else_that_is_kept() {
    Stored parked = changed(ofPass(HELD.next(Owner.Mark.LEASED), kept(3)), SUBMITTED).stored();

    State after = stateAfter(batch(IN_STATUS, OTHER, new Write.Delay(NEXT)), parked);

    assertThat(after.extra()).isEqualTo(Extra.NONE.withParkings(3).withDelayUntil(NEXT));
    assertThat(after.updateTime()).isEqualTo(CREATED);
  }

  private static Write kept(int parkings) {
    return new Write.SetExtra(Extra.NONE.withParkings(parkings));
  }

  // ---- the schedule

  /**
   * @param next the token of the batch; null: the stored one stays
   */
  record Move(String what, Owner stored, @Nullable Owner next, boolean movesBack) {
    @Override
    public String toString() {
      return what;
    }
  }

  static final List<Move> MOVES =
      List.of(
          new Move("a lease goes on", HELD, HELD.next(Owner.Mark.LEASED), false),
          new Move("a marked lease goes on", MARKED, HELD.next(Owner.Mark.LEASED), false),
          new Move("a command during a lease", HELD, null, false),
          new Move("a lease ends", HELD, HELD.next(Owner.Mark.RESTING), true),
          new Move("a lease is taken over", HELD, OTHER, true),
          new Move("a command at rest", RESTING, null, true),
          new Move("a claim at rest", RESTING, OTHER, true));

  @ParameterizedTest
  @FieldSource("MOVES")
  void the_next_time_moves_back_only_when_no_lease_goes_on(Move row) {
    var earlier = new Schedule(Duration.ofSeconds(20), NEXT.minusSeconds(1));
    Batch batch = batch(IN_STATUS, row.next(), new Write.SetSchedule(earlier, NOW));

    State after = stateAfter(batch, stored(GlobalStatus.SUBMITTED, row.stored()));

    assertThat(after.schedule())
        .isEqualTo(row.movesBack() ? earlier : new Schedule(Duration.ofSeconds(20), NEXT));
    assertThat(after.updateTime()).isEqualTo(NOW);
  }

  @ParameterizedTest
  @FieldSource("MOVES")
  void a_lease_keeps_the_interval_that_the_record_has_by_then(Move row) {
    Batch batch = batch(IN_STATUS, row.next(), new Write.Lease(NEXT.minusSeconds(1), NOW));

    State after = stateAfter(batch, stored(GlobalStatus.SUBMITTED, row.stored()));

    assertThat(after.schedule())
        .isEqualTo(new Schedule(INTERVAL, row.movesBack() ? NEXT.minusSeconds(1) : NEXT));
    assertThat(after.updateTime()).isEqualTo(NOW);
  }

  @ParameterizedTest
  @FieldSource("MOVES")
  void the_next_time_may_always_move_forward(Move row) {
    var later = new Schedule(INTERVAL, NEXT.plusSeconds(1));
    Batch batch = batch(IN_STATUS, row.next(), new Write.SetSchedule(later, NOW));

    State after = stateAfter(batch, stored(GlobalStatus.SUBMITTED, row.stored()));

    assertThat(after.schedule()).isEqualTo(later);
  }
}
