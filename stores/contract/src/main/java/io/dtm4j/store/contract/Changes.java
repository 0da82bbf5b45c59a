package io.dtm4j.store.contract;

import static io.dtm4j.protocol.GlobalStatus.ABORTING;
import static io.dtm4j.protocol.GlobalStatus.FAILED;
import static io.dtm4j.protocol.GlobalStatus.PREPARED;
import static io.dtm4j.protocol.GlobalStatus.SUBMITTED;
import static io.dtm4j.protocol.GlobalStatus.SUCCEED;
import static io.dtm4j.store.contract.Samples.FUTURE;
import static io.dtm4j.store.contract.Samples.INTERVAL;
import static io.dtm4j.store.contract.Samples.PAST;
import static io.dtm4j.store.contract.Samples.addBranches;
import static io.dtm4j.store.contract.Samples.claim;
import static io.dtm4j.store.contract.Samples.command;
import static io.dtm4j.store.contract.Samples.empty;
import static io.dtm4j.store.contract.Samples.ofPass;
import static io.dtm4j.store.contract.Samples.row;
import static io.dtm4j.store.contract.Samples.saga;
import static io.dtm4j.store.contract.Samples.setSchedule;
import static io.dtm4j.store.contract.Samples.setStatus;
import static io.dtm4j.store.contract.Samples.takeOver;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.StoreRejectedException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What each write changes, and what it leaves alone. */
interface Changes extends OpenStore {
  Instant LATER = PAST.plusSeconds(60);

  @Test
  default void an_answer_settles_its_row_only() {
    Stored stored = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));
    List<Branch> before = stored.transaction().branches();

    committed(
        ofPass(
            stored,
            new Write.SetBranch(1, before.get(1).key(), BranchStatus.SUCCEED, LATER),
            new Write.SetBranch(3, before.get(3).key(), BranchStatus.FAILED, LATER)));

    assertThat(found("g").transaction().branches())
        .containsExactly(
            before.get(0),
            before.get(1).settled(BranchStatus.SUCCEED, LATER),
            before.get(2),
            before.get(3).settled(BranchStatus.FAILED, LATER));
    assertThat(found("g").transaction().state().updateTime()).isEqualTo(LATER);
    assertThat(found("g").transaction().state().schedule().nextTime()).isEqualTo(FUTURE);
  }

  @Test
  default void other_options_replace_those_of_the_creation_and_leave_the_rows_alone() {
    Stored stored = saved(saga("g", PREPARED, FUTURE), claim("c1"));
    Branch later =
        Branch.open(new BranchKey("09", Op.ACTION), "http://later", Payload.of("l"), PAST);
    committed(ofPass(stored, new Write.AddBranches(List.of(later))));
    List<Branch> rows = found("g").transaction().branches();
    var options = new Options(false, 1, 2, 3, Map.of("a", "b"), true, 4);

    committed(ofPass(found("g"), new Write.SetOptions(options)));

    assertThat(found("g").transaction().definition())
        .isEqualTo(stored.transaction().definition().withOptions(options));
    assertThat(found("g").transaction().branches()).isEqualTo(rows);
  }

  @Test
  default void a_new_status_keeps_reason_and_result_unless_it_brings_its_own() {
    Stored stored = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));
    committed(ofPass(stored, new Write.SetStatus(ABORTING, "no money", "half", LATER)));
    State aborting = found("g").transaction().state();

    assertThat(aborting.reason()).isEqualTo("no money");
    assertThat(aborting.result()).isEqualTo("half");
    assertThat(aborting.endTime()).isNull();

    committed(ofPass(found("g"), new Write.SetStatus(FAILED, null, null, LATER.plus(ticks(1)))));
    State failed = found("g").transaction().state();

    assertThat(failed)
        .isEqualTo(
            new State(
                FAILED,
                "no money",
                "half",
                LATER.plus(ticks(1)),
                LATER.plus(ticks(1)),
                aborting.schedule(),
                Extra.NONE));
  }

  @Test
  default void a_reason_may_become_empty_again() {
    Stored stored = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));
    committed(ofPass(stored, new Write.SetStatus(ABORTING, "no money", null, LATER)));

    committed(ofPass(found("g"), new Write.SetStatus(ABORTING, "", null, LATER)));

    assertThat(found("g").transaction().state().reason()).isEmpty();
  }

  @Test
  default void what_dtm4j_keeps_is_replaced_as_a_whole() {
    Stored stored = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));
    committed(ofPass(stored, new Write.SetExtra(Extra.NONE.withParkings(3).withRetryCount(2))));
    assertThat(found("g").transaction().state().extra())
        .isEqualTo(Extra.NONE.withParkings(3).withRetryCount(2));

    committed(ofPass(found("g"), new Write.SetExtra(Extra.NONE)));

    assertThat(found("g").transaction()).isEqualTo(stored.transaction());
  }

  @Test
  default void a_schedule_brings_its_interval_and_its_time() {
    Stored stored = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));
    var schedule = new Schedule(Duration.ofHours(1), FUTURE.plusSeconds(5));

    committed(ofPass(stored, new Write.SetSchedule(schedule, LATER)));

    assertThat(found("g").transaction().state().schedule()).isEqualTo(schedule);
    assertThat(found("g").transaction().state().updateTime()).isEqualTo(LATER);
  }

  @Test
  default void a_lease_is_never_shortened_by_its_own_claim() {
    Stored stored = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));
    var shorter = new Schedule(Duration.ofSeconds(20), FUTURE.minusSeconds(5));

    committed(ofPass(stored, new Write.SetSchedule(shorter, LATER)));

    assertThat(found("g").transaction().state().schedule())
        .isEqualTo(new Schedule(Duration.ofSeconds(20), FUTURE));
  }

  @Test
  default void a_pass_that_comes_to_rest_and_a_new_claim_may_bring_the_time_forward() {
    Stored resting = saved(saga("resting", SUBMITTED, FUTURE), claim("c1"));
    Owner rest = resting.owner().next(Owner.Mark.RESTING);
    committed(ofPass(resting, rest, setSchedule(LATER)));
    saved(saga("taken", PREPARED, FUTURE), claim("c2"));
    committed(takeOver("taken", PREPARED, claim("c3"), setSchedule(LATER)));

    assertThat(found("resting").transaction().state().schedule().nextTime()).isEqualTo(LATER);
    assertThat(found("resting").owner().mark()).isEqualTo(Owner.Mark.RESTING);
    assertThat(found("taken").transaction().state().schedule().nextTime()).isEqualTo(LATER);
  }

  @Test
  default void a_postponed_run_comes_one_interval_later_and_never_earlier() {
    saved(empty("g", PREPARED, LATER), claim("c1").marked(Owner.Mark.RESTING));
    Duration interval = found("g").transaction().state().schedule().interval();

    committed(command("g", PREPARED, new Write.Postpone(LATER.minus(interval))));
    assertThat(found("g").transaction().state().schedule())
        .isEqualTo(new Schedule(interval, LATER));

    committed(command("g", PREPARED, new Write.Postpone(LATER)));
    assertThat(found("g").transaction().state().schedule())
        .isEqualTo(new Schedule(interval, LATER.plus(interval)));
    assertThat(found("g").transaction().state().updateTime()).isEqualTo(LATER);
    assertThat(store().dueBefore(LATER.plus(interval), null, 10)).isEmpty();
  }

  @Test
  default void a_lease_and_a_delay_leave_what_else_the_record_has_by_then() {
    saved(empty("g", PREPARED, LATER), claim("c1"));
    var interval = new Schedule(Duration.ofSeconds(77), LATER);
    Extra kept = Extra.NONE.withParkings(2);
    committed(ofPass(found("g"), new Write.SetSchedule(interval, PAST), new Write.SetExtra(kept)));

    committed(
        takeOver(
            "g",
            PREPARED,
            claim("c2"),
            new Write.Lease(FUTURE, LATER),
            new Write.Delay(FUTURE.plus(ticks(1)))));

    State state = found("g").transaction().state();
    assertThat(state.schedule()).isEqualTo(new Schedule(Duration.ofSeconds(77), FUTURE));
    assertThat(state.updateTime()).isEqualTo(LATER);
    assertThat(state.extra()).isEqualTo(kept.withDelayUntil(FUTURE.plus(ticks(1))));
  }

  @Test
  default void what_is_brought_forward_is_due_or_looked_at_again() {
    Owner resting = claim("c1").marked(Owner.Mark.RESTING);
    saved(saga("rests", SUBMITTED, FUTURE), resting);
    saved(saga("done", SUCCEED, FUTURE), resting);
    Stored held = saved(saga("held", SUBMITTED, FUTURE), claim("c2"));

    for (String gid : List.of("rests", "done", "held")) {
      committed(
          new Batch(
              new Gid(gid), Guard.Known.INSTANCE, null, List.of(new Write.BringForward(LATER))));
    }

    for (String gid : List.of("rests", "done")) {
      assertThat(found(gid).owner()).isEqualTo(resting);
      assertThat(found(gid).transaction().state().schedule())
          .isEqualTo(new Schedule(INTERVAL, LATER));
      assertThat(found(gid).transaction().state().updateTime()).isEqualTo(LATER);
    }
    assertThat(found("held"))
        .isEqualTo(new Stored(held.transaction(), held.owner().marked(Owner.Mark.LOOK_AGAIN)));
    assertThat(store().dueBefore(LATER.plus(ticks(1)), null, 10))
        .extracting(due -> due.gid().value())
        .containsExactly("rests");
  }

  @Test
  default void a_step_is_content_with_its_outcome() {
    saved(empty("g", PREPARED, FUTURE), claim("c1"));
    var step = row("01", Op.ACTION).settled(BranchStatus.FAILED, PAST);
    committed(command("g", PREPARED, addBranches(step)));

    committed(
        command(
            "g", PREPARED, addBranches(row("01", Op.ACTION).settled(BranchStatus.FAILED, LATER))));
    assertThat(
            commit(
                command(
                    "g",
                    PREPARED,
                    addBranches(row("01", Op.ACTION).settled(BranchStatus.SUCCEED, PAST)))))
        .isEqualTo(new CommitResult.Conflict(step.key()));
    assertThat(found("g").transaction().branches()).containsExactly(step);
  }

  @Test
  default void rows_are_appended_in_their_order() {
    saved(empty("g", PREPARED, FUTURE), claim("c1"));
    var rows =
        new Branch[] {
          row("02", Op.ACTION), row("01", Op.ACTION), row("01", Op.COMPENSATE), row("", Op.ACTION)
        };

    committed(command("g", PREPARED, addBranches(rows[0])));
    committed(command("g", PREPARED, addBranches(rows[1], rows[2])));
    committed(command("g", PREPARED, addBranches(rows[3])));

    assertThat(found("g").transaction().branches()).containsExactly(rows);
  }

  @Test
  default void a_row_that_is_registered_again_counts_once() {
    Stored stored = saved(saga("g", PREPARED, FUTURE), claim("c1"));
    Branch again = stored.transaction().branches().get(1);
    var at = new Write.SetBranch(1, again.key(), BranchStatus.SUCCEED, LATER);
    committed(ofPass(stored, at));

    committed(command("g", PREPARED, addBranches(again)));
    committed(command("g", PREPARED, addBranches(row("03", Op.ACTION), again)));
    committed(command("g", PREPARED, addBranches(row("03", Op.ACTION), row("03", Op.ACTION))));

    assertThat(found("g").transaction().branches())
        .hasSize(5)
        .endsWith(row("03", Op.ACTION))
        .contains(again.settled(BranchStatus.SUCCEED, LATER));
  }

  @Test
  default void a_row_of_the_same_key_and_other_content_refuses_the_whole_batch() {
    saved(saga("g", PREPARED, FUTURE), claim("c1"));
    Stored before = found("g");
    Branch row = before.transaction().branches().get(1);
    var otherUrl = Branch.open(row.key(), row.url() + "/", row.payload(), PAST);
    var otherPayload = Branch.open(row.key(), row.url(), Payload.of("other"), PAST);

    for (Branch other : List.of(otherUrl, otherPayload)) {
      Write add = addBranches(row("09", Op.ACTION), other);
      assertThat(commit(command("g", PREPARED, Write.LookAgain.INSTANCE, add)))
          .isEqualTo(new CommitResult.Conflict(row.key()));
      assertThat(commit(takeOver("g", PREPARED, claim("c2"), setStatus(SUBMITTED), add)))
          .isEqualTo(new CommitResult.Conflict(row.key()));
    }

    assertThat(found("g")).isEqualTo(before);
  }

  @Test
  default void a_batch_that_does_not_fit_its_record_is_rejected_with_its_whole_group() {
    Stored stored = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));
    Branch row = stored.transaction().branches().getFirst();
    Batch good = Samples.saveNew(saga("good", SUBMITTED, FUTURE), claim("c2"));
    Batch noSuchRow = ofPass(stored, new Write.SetBranch(4, row.key(), BranchStatus.FAILED, LATER));
    Batch otherRow = ofPass(stored, new Write.SetBranch(1, row.key(), BranchStatus.FAILED, LATER));

    for (Batch broken : List.of(noSuchRow, otherRow)) {
      assertThatExceptionOfType(StoreRejectedException.class)
          .isThrownBy(() -> store().commit(List.of(good, broken)));
    }

    assertThat(store().find(new Gid("good"))).isEmpty();
    assertThat(found("g")).isEqualTo(stored);
    committed(good);
  }

  @Test
  default void an_end_is_written_with_the_last_answer_in_one_batch() {
    Stored stored = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));
    BranchKey key = stored.transaction().branches().get(3).key();
    Owner last = stored.owner().next(Owner.Mark.RESTING);

    committed(
        ofPass(
            stored,
            last,
            new Write.SetBranch(3, key, BranchStatus.SUCCEED, LATER),
            new Write.SetStatus(SUCCEED, null, "result", LATER)));

    State state = found("g").transaction().state();
    assertThat(state.status()).isEqualTo(SUCCEED);
    assertThat(state.endTime()).isEqualTo(LATER);
    assertThat(state.result()).isEqualTo("result");
    assertThat(found("g").owner()).isEqualTo(last);
    assertThat(found("g").owner().mark()).isEqualTo(Owner.Mark.RESTING);
    assertThat(store().dueBefore(FUTURE.plus(INTERVAL), null, 10)).isEmpty();
  }
}
