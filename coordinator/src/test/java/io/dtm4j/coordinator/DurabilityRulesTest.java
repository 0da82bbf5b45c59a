package io.dtm4j.coordinator;

import static io.dtm4j.coordinator.Requests.message;
import static io.dtm4j.coordinator.Requests.saga;
import static io.dtm4j.coordinator.ScriptedParticipants.ONGOING;
import static io.dtm4j.coordinator.ScriptedParticipants.SILENT;
import static io.dtm4j.coordinator.ScriptedParticipants.SUCCEEDS;
import static io.dtm4j.coordinator.ScriptedParticipants.fails;
import static io.dtm4j.protocol.GlobalStatus.FAILED;
import static io.dtm4j.protocol.GlobalStatus.PREPARED;
import static io.dtm4j.protocol.GlobalStatus.SUBMITTED;
import static io.dtm4j.protocol.GlobalStatus.SUCCEED;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.store.FaultyStore.Fault;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** The rules of docs/architecture.md: each test fails when its rule is taken out. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class DurabilityRulesTest extends InVirtualTime {
  @Test
  void a_saga_runs_to_its_end() {
    Server server = server("a");

    Server.Answer answer = server.ask(saga("g", 2).waiting().submit());
    run(A_MOMENT);

    assertThat(codeOf(answer)).isNull();
    assertThat(world.status("g")).isEqualTo(SUCCEED);
    assertThat(participants.urls()).containsExactly("http://bank/a1", "http://bank/a2");
    assertThat(server.coordinator.openPasses()).isZero();
    assertThat(server.coordinator.openBytes()).isZero();
    assertThat(server.commands.open()).isZero();
  }

  @Test
  void R1_nothing_is_called_or_answered_before_the_first_record_is_durable() {
    Server server = server("a");
    weather.storeGoesAway();

    Server.Answer answer = server.ask(saga("g", 1).submit());
    run(seconds(1));

    assertThat(participants.received()).isEmpty();
    assertThat(answer.isThere()).isFalse();
    weather.storeComesBack();
    run(A_MOMENT);
    assertThat(codeOf(answer)).isNull();
    assertThat(participants.urls()).containsExactly("http://bank/a1");
  }

  @Test
  void R2_a_change_of_direction_is_durable_before_compensations_leave() {
    Server server = server("a");
    participants.script("http://bank/a2", withoutStore(fails("full")));

    server.ask(saga("g", 2).submit());
    run(seconds(1));

    assertThat(world.status("g")).isEqualTo(SUBMITTED);
    assertThat(participants.urls()).containsExactly("http://bank/a1", "http://bank/a2");
    weather.storeComesBack();
    run(A_MOMENT);
    assertThat(participants.urls()).endsWith("http://bank/c2", "http://bank/c1");
    assertThat(world.status("g")).isEqualTo(FAILED);
  }

  @Test
  void R2_a_final_status_is_durable_before_it_is_answered() {
    Server server = server("a");
    participants.script("http://bank/a1", withoutStore(SUCCEEDS));

    Server.Answer answer = server.ask(saga("g", 1).waiting().submit());
    run(seconds(1));

    assertThat(answer.isThere()).isFalse();
    weather.storeComesBack();
    run(A_MOMENT);
    assertThat(codeOf(answer)).isNull();
  }

  @Test
  void R2_a_wait_that_ends_by_time_tells_nothing_that_is_not_durable() {
    Server server = server("a");
    participants.script("http://bank/a1", participants.slowly(millis(2_400), SUCCEEDS));
    participants.script(
        "http://bank/a2", participants.slowly(millis(2_400), withoutStore(SUCCEEDS)));

    Server.Answer answer = server.ask(saga("g", 2).waiting().submit());
    run(millis(5_500));

    assertThat(codeOf(answer)).isEqualTo(ErrorCode.NOT_FINISHED);
    assertThat(world.status("g")).isEqualTo(SUBMITTED);
  }

  @Test
  void R2_the_verdict_of_a_check_back_is_durable_before_branches_are_called() {
    Server server = server("a");
    participants.script("http://shop/query", withoutStore(SUCCEEDS));

    server.ask(message("g", 1).timeoutToFail(2).prepare());
    run(seconds(3));

    assertThat(participants.urls()).containsExactly("http://shop/query");
    assertThat(world.status("g")).isEqualTo(PREPARED);
    weather.storeComesBack();
    run(A_MOMENT);
    assertThat(participants.urls()).endsWith("http://bank/m1");
    assertThat(world.status("g")).isEqualTo(SUCCEED);
  }

  @Test
  void R3_an_answer_is_durable_before_the_call_that_depends_on_it_leaves() {
    Server server = server("a");
    participants.script("http://bank/a1", withoutStore(SUCCEEDS));

    server.ask(saga("g", 2).oneByOne().submit());
    run(seconds(1));

    assertThat(participants.urls()).containsExactly("http://bank/a1");
    weather.storeComesBack();
    run(A_MOMENT);
    assertThat(participants.urls()).containsExactly("http://bank/a1", "http://bank/a2");
  }

  @Test
  void R3a_answers_that_come_while_a_batch_is_on_its_way_are_decided_on_what_it_left() {
    Server server = server("a");
    participants.script("http://bank/a1", SILENT);
    participants.script("http://bank/a2", SILENT);

    Server.Answer answer = server.ask(saga("g", 2).concurrent().waiting().submit());
    run(A_MOMENT);
    participants.received().forEach(Participants.Received::succeed);
    run(A_MOMENT);

    assertThat(codeOf(answer)).isNull();
    assertThat(world.status("g")).isEqualTo(SUCCEED);
    assertThat(world.stored("g").owner().revision()).as("two batches after the first").isEqualTo(3);
  }

  @Test
  void R3a_what_waits_behind_a_batch_is_decided_together() {
    Server server = server("a");
    for (int step = 1; step <= 4; step++) {
      participants.script("http://bank/a" + step, SILENT);
    }
    server.ask(saga("g", 4).concurrent().submit());
    run(A_MOMENT);

    participants.received().forEach(Participants.Received::succeed);
    run(A_MOMENT);

    assertThat(world.status("g")).isEqualTo(SUCCEED);
    assertThat(world.stored("g").owner().revision())
        .as("one batch for the first answer, one for the others and the status")
        .isEqualTo(3);
  }

  /** To decide them one by one would look at thousands of rows for each of thousands of answers. */
  @Test
  void what_comes_together_in_a_large_transaction_is_decided_together() {
    Server server = server("a");
    int steps = 40;
    for (int step = 1; step <= steps; step++) {
      participants.script("http://bank/a" + step, SILENT);
    }
    server.ask(saga("g", steps).concurrent().submit());
    run(A_MOMENT);

    participants.received().forEach(Participants.Received::succeed);
    run(A_MOMENT);

    assertThat(world.status("g")).isEqualTo(SUCCEED);
    assertThat(world.stored("g").owner().revision())
        .as("one batch for all answers and the status")
        .isEqualTo(2);
  }

  @Test
  void R4_a_pass_that_was_taken_over_writes_nothing_more() {
    Server slow = server("slow");
    participants.script("http://bank/a1", SILENT, ONGOING);
    Server.Answer answer = slow.ask(saga("g", 1).waiting().submit());
    run(A_MOMENT);
    slow.pause(seconds(12));
    Server other = server("other");
    run(seconds(11));
    Owner resting = world.stored("g").owner();
    assertThat(resting.server()).isEqualTo("other");

    participants.received().getFirst().succeed();
    run(seconds(2));

    assertThat(world.stored("g").owner()).isEqualTo(resting);
    assertThat(codeOf(answer)).isEqualTo(ErrorCode.NOT_FINISHED);
    assertThat(slow.passOf("g")).isNull();
    assertThat(other.passOf("g")).isNull();
  }

  @Test
  void R4_a_pass_that_loses_ends_and_never_goes_on_under_the_claim_it_finds() {
    Server server = server("a");
    participants.script("http://bank/a1", SILENT);
    Server.Answer answer = server.ask(saga("g", 2).oneByOne().waiting().submit());
    run(A_MOMENT);
    var elsewhere = new Owner(Owner.Mark.LEASED, "elsewhere", "elsewhere-1", 1);
    world.commit(
        new Batch(
            new Gid("g"),
            Guard.InStatus.as(world.stored("g").transaction()),
            elsewhere,
            List.of(
                new Write.SetSchedule(
                    new Schedule(seconds(10), time.instant().plusSeconds(60)), time.instant()))));

    participants.received().getFirst().succeed();
    run(seconds(1));

    assertThat(world.stored("g").owner()).isEqualTo(elsewhere);
    assertThat(world.stored("g").transaction().branches()).allMatch(Branch::isOpen);
    assertThat(participants.urls()).containsExactly("http://bank/a1");
    assertThat(server.passOf("g")).isNull();
    assertThat(codeOf(answer)).isEqualTo(ErrorCode.NOT_FINISHED);
  }

  @Test
  void R4_a_pass_ends_when_its_own_server_takes_the_record_over() {
    world.limits = new CoordinatorLimits(1_000, 1 << 20, 1_000, 1, 10);
    Server server = server("a");
    participants.script("http://shop/query", SILENT);
    server.ask(message("first", 1).timeoutToFail(2).prepare());
    run(A_MOMENT);
    server.ask(message("g", 1).timeoutToFail(2).prepare());
    run(seconds(3)); // its check-back waits behind the first one

    server.ask(message("g", 1).submit());
    run(A_MOMENT);
    participants.received().getFirst().succeed();
    run(A_MOMENT);

    assertThat(world.status("g")).isEqualTo(SUCCEED);
    assertThat(participants.callsOf("http://shop/query")).as("the first one only").hasSize(1);
  }

  @Test
  void R4_a_pass_ends_when_its_own_server_stops_the_transaction() {
    world.limits = new CoordinatorLimits(1_000, 1 << 20, 1_000, 1, 10);
    Server server = server("a");
    participants.script("http://bank/a1", SILENT);
    server.ask(saga("first", 1).submit());
    run(A_MOMENT);
    Server.Answer waiting = server.ask(saga("g", 1).waiting().submit());
    run(A_MOMENT); // its action waits behind the first one

    server.ask(saga("g", 1).forceStop());
    run(A_MOMENT);
    assertThat(codeOf(waiting)).isEqualTo(ErrorCode.ROLLED_BACK);
    participants.received().getFirst().succeed();
    run(A_MOMENT);

    assertThat(participants.received()).as("the first one only").hasSize(1);
  }

  @Test
  void R4_a_pass_that_is_taken_over_on_another_loop_sends_nothing_more() {
    var slowLoops =
        new Weather() {
          @Override
          Duration hop() {
            return millis(1);
          }
        };
    world.limits = new CoordinatorLimits(1_000, 1 << 20, 1_000, 1, 10);
    Server server = server("a", slowLoops);
    participants.script("http://shop/query", SILENT);

    // Somewhere here a slot is free for its check-back just when the pass of the submit begins.
    for (int i = 0; i < 60; i++) {
      server.ask(message("first-" + i, 1).timeoutToFail(2).prepare());
      run(A_MOMENT);
      server.ask(message("g-" + i, 1).timeoutToFail(2).prepare());
      run(seconds(3));
      Participants.Received first = participants.received().getLast();
      server.ask(message("g-" + i, 1).submit());
      run(Duration.ofNanos(i * 150_000L));
      first.succeed();
      run(seconds(1)); // the invariants see what is called

      assertThat(world.status("g-" + i)).isEqualTo(SUCCEED);
    }
  }

  @Test
  void R4_nothing_is_called_after_a_stop_was_answered_though_the_claim_was_before_it() {
    Server server = server("a");
    participants.script("http://bank/a1", ONGOING);
    server.ask(saga("g", 1).retryInterval(2).submit());
    run(A_MOMENT);
    VirtualLoop busy = server.loopOf("g");
    busy.hold();
    run(seconds(3));
    assertThat(world.stored("g").owner().isHeld()).as("its pass is to begin").isTrue();

    Server.Answer stopped = server.ask(saga("g", 1).forceStop(), server.loopBeside(busy));
    run(A_MOMENT);
    assertThat(codeOf(stopped)).isNull();
    busy.goOn();
    run(seconds(30));

    assertThat(participants.received()).as("the first call only").hasSize(1);
    assertThat(server.passOf("g")).isNull();
    server.checkIdle();
  }

  @Test
  void R4_nothing_is_called_after_a_stop_was_answered_though_the_submit_was_before_it() {
    Server server = server("a");
    VirtualLoop busy = server.loopOf("g");
    Server.Answer submitted = server.ask(saga("g", 1).waiting().submit(), busy);
    run(millis(1)); // the first record is on its way
    busy.hold();
    run(A_MOMENT);

    Server.Answer stopped = server.ask(saga("g", 1).forceStop(), server.loopBeside(busy));
    run(A_MOMENT);
    assertThat(codeOf(stopped)).isNull();
    busy.goOn();
    run(seconds(30));

    assertThat(participants.received()).isEmpty();
    assertThat(codeOf(submitted)).isEqualTo(ErrorCode.ROLLED_BACK);
    server.checkIdle();
  }

  @Test
  void R4_nothing_is_checked_back_after_the_pass_of_a_submit_though_the_claim_was_before_it() {
    Server server = server("a");
    server.ask(message("g", 1).timeoutToFail(2).prepare());
    run(A_MOMENT);
    VirtualLoop busy = server.loopOf("g");
    busy.hold();
    run(seconds(3));
    assertThat(world.stored("g").owner().isHeld()).as("its pass is to begin").isTrue();

    server.ask(message("g", 1).submit(), server.loopBeside(busy));
    run(A_MOMENT);
    assertThat(world.status("g")).isEqualTo(SUCCEED);
    busy.goOn();
    run(seconds(30));

    assertThat(participants.urls()).containsExactly("http://bank/m1");
    server.checkIdle();
  }

  @Test
  void R4_nothing_is_called_after_a_stop_though_word_of_an_older_command_comes_behind_it() {
    Server server = server("a");
    VirtualLoop busy = server.loopOf("g");
    server.ask(message("g", 1).timeoutToFail(2).prepare(), busy);
    run(millis(1)); // the record is on its way
    busy.hold();
    run(seconds(3));
    assertThat(world.stored("g").owner().isHeld()).as("its pass is to begin").isTrue();

    Server.Answer stopped = server.ask(message("g", 1).forceStop(), server.loopBeside(busy));
    run(A_MOMENT);
    assertThat(codeOf(stopped)).isNull();
    assertThat(world.status("g")).isEqualTo(FAILED);
    busy.goOn(); // the answer to the prepare first, then the pass
    run(seconds(30));

    assertThat(participants.received()).isEmpty();
    server.checkIdle();
  }

  @Test
  void R4_a_stop_is_answered_when_the_loop_of_the_pass_has_ended_it() {
    Server server = server("a");
    VirtualLoop busy = server.loopOf("g");
    participants.script("http://bank/a1", SILENT);
    server.ask(saga("g", 2).submit(), busy);
    run(A_MOMENT);
    busy.hold(); // it may be about to send the next call

    Server.Answer stopped = server.ask(saga("g", 2).forceStop(), server.loopBeside(busy));
    run(A_MOMENT);
    assertThat(world.status("g")).isEqualTo(FAILED);
    assertThat(stopped.isThere()).isFalse();
    busy.goOn();
    run(A_MOMENT);

    assertThat(codeOf(stopped)).isNull();
    assertThat(server.passOf("g")).isNull();
  }

  @Test
  void R4_a_command_that_loses_is_decided_again_on_the_record_that_won() {
    Server one = server("one");
    Server two = server("two");
    two.ask(message("g", 1).prepare()); // the other one has not seen it
    run(A_MOMENT);

    Server.Answer submit = one.ask(message("g", 1).submit());
    Server.Answer abort = two.ask(message("g", 1).abort());
    run(A_MOMENT);

    assertThat(codeOf(abort)).isNull();
    assertThat(codeOf(submit)).isEqualTo(ErrorCode.STATUS_CONFLICT);
    assertThat(world.status("g")).isEqualTo(FAILED);
    assertThat(participants.received()).isEmpty();
  }

  @Test
  void R4_a_call_that_waits_for_its_connection_does_not_leave_after_a_stop_was_answered() {
    Server server = server("a");
    weather.connectionsTake(seconds(1));
    server.ask(saga("g", 1).submit());
    run(A_MOMENT);

    Server.Answer stopped = server.ask(saga("g", 1).forceStop());
    run(A_MOMENT);
    assertThat(codeOf(stopped)).isNull();
    run(seconds(30));

    assertThat(participants.received()).isEmpty();
    server.checkIdle();
  }

  @Test
  void R7_a_call_that_waits_for_its_connection_does_not_leave_without_a_lease() {
    Server server = server("a");
    weather.connectionsTake(seconds(1));
    server.ask(saga("g", 1).submit());
    run(A_MOMENT);

    server.pause(seconds(12));
    run(seconds(13)); // the invariants see what is called

    assertThat(participants.received()).isEmpty();
  }

  @Test
  void R4_a_command_that_changes_the_status_fences_the_pass_of_another_server() {
    Server one = server("one");
    Server two = server("two");
    participants.script("http://bank/a1", SILENT);
    Server.Answer waiting = one.ask(saga("g", 1).waiting().submit());
    run(A_MOMENT);

    Server.Answer stopped = two.ask(saga("g", 1).forceStop());
    run(A_MOMENT);
    participants.received().getFirst().succeed();
    run(A_MOMENT);

    assertThat(codeOf(stopped)).isNull();
    assertThat(world.status("g")).isEqualTo(FAILED);
    assertThat(world.stored("g").transaction().branches().get(1).isOpen()).isTrue();
    assertThat(codeOf(waiting)).as("from the stored state").isEqualTo(ErrorCode.ROLLED_BACK);
    assertThat(one.passOf("g")).isNull();
  }

  @Test
  void R4a_a_pass_works_on_the_rows_as_of_the_commit_that_left_prepared() {
    Server server = server("a");
    server.ask(message("g", 1).prepare());
    run(A_MOMENT);
    // The submit is decided on the record as it was seen last; then its commit has to be repeated.
    weather.nextWrites(Fault.BEFORE_EFFECT);
    server.ask(message("g", 1).submit());
    run(millis(20));
    assertThat(world.status("g")).isEqualTo(PREPARED);
    world.commit(
        new Batch(
            new Gid("g"),
            Guard.InStatus.as(world.stored("g").transaction()),
            null,
            List.of(new Write.AddBranches(List.of(row("http://bank/late"))))));

    run(A_MOMENT);

    assertThat(participants.urls()).containsExactly("http://bank/m1", "http://bank/late");
    assertThat(world.status("g")).isEqualTo(SUCCEED);
  }

  @Test
  void R5_a_repeated_submit_joins_the_calls_in_flight() {
    Server server = server("a");
    participants.script("http://bank/a1", SILENT);
    server.ask(saga("g", 1).submit());
    run(A_MOMENT);

    Server.Answer repeated = server.ask(saga("g", 1).submit());
    Server.Answer waiting = server.ask(saga("g", 1).waiting().submit());
    run(A_MOMENT);

    assertThat(codeOf(repeated)).isNull();
    assertThat(waiting.isThere()).isFalse();
    participants.received().getFirst().succeed();
    run(A_MOMENT);
    assertThat(codeOf(waiting)).isNull();
    assertThat(participants.urls()).containsExactly("http://bank/a1");
  }

  @Test
  void R6_a_batch_whose_outcome_is_unknown_is_sent_again_until_it_is_definite() {
    for (Fault fault : Fault.values()) {
      String gid = "g-" + fault;
      Server server = server("a");
      participants.script(
          "http://bank/a1",
          received -> {
            weather.nextWrites(fault, fault);
            received.succeed();
          });

      Server.Answer answer = server.ask(saga(gid, 2).waiting().submit());
      run(seconds(2));

      assertThat(codeOf(answer)).as(gid).isNull();
      assertThat(world.status(gid)).as(gid).isEqualTo(SUCCEED);
      server.crash();
    }
    assertThat(participants.callsOf("http://bank/a2")).hasSize(Fault.values().length);
  }

  @Test
  void R6_a_frozen_pass_is_dropped_when_its_lease_ends_and_the_lost_write_is_fenced() {
    var noStore = new Weather();
    Server frozen = server("frozen", noStore);
    participants.script(
        "http://bank/a1",
        received -> {
          noStore.nextWriteLate(seconds(15));
          noStore.storeGoesAway();
          received.fail("full");
        },
        ONGOING);
    Server.Answer answer = frozen.ask(saga("g", 1).waiting().submit());
    Server other = server("other");
    run(seconds(2));
    assertThat(answer.isThere()).isFalse();
    run(seconds(2));
    assertThat(codeOf(answer)).isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
    assertThat(frozen.passOf("g")).as("still has its lease").isNotNull();
    run(seconds(7));

    assertThat(frozen.passOf("g")).isNull();
    assertThat(world.stored("g").owner().server()).isEqualTo("other");
    run(seconds(4)); // the lost write has arrived

    assertThat(world.status("g")).isEqualTo(SUBMITTED);
    noStore.storeComesBack();
    run(seconds(1));
    assertThat(world.status("g")).isEqualTo(SUBMITTED);
    assertThat(world.stored("g").owner().server()).isEqualTo("other");
    assertThat(other.coordinator.openPasses()).isZero();
  }

  @Test
  void R6_a_pass_that_was_dropped_writes_nothing_more() {
    Server server = server("a");
    participants.script("http://bank/a1", SILENT);
    participants.script("http://bank/a2", SILENT);
    server.ask(saga("g", 2).concurrent().submit());
    run(A_MOMENT);
    world.store.reject(new Gid("g"));
    participants.received().getFirst().succeed();
    run(A_MOMENT);
    world.store.accept(new Gid("g"));

    participants.received().getLast().succeed(); // its batch would have the revision of the other
    run(A_MOMENT);

    assertThat(world.stored("g").owner().revision()).isEqualTo(1);
    assertThat(world.stored("g").transaction().branches()).allMatch(Branch::isOpen);
  }

  @Test
  void R7_a_server_that_was_paused_between_commit_and_call_proves_its_claim_first() {
    Server slow = server("slow");
    Server.Answer answer = slow.ask(saga("g", 1).waiting().submit());
    run(millis(1)); // the first record is on its way
    slow.pause(seconds(11));
    Server other = server("other");
    participants.script("http://bank/a1", SILENT);
    run(seconds(10).plusMillis(500));
    assertThat(participants.received()).as("by the other server").hasSize(1);

    run(seconds(1));

    assertThat(participants.received()).as("nothing is sent under a lost claim").hasSize(1);
    assertThat(slow.passOf("g")).isNull();
    assertThat(codeOf(answer)).isEqualTo(ErrorCode.NOT_FINISHED);
    assertThat(other.passOf("g")).isNotNull();
  }

  @Test
  void R7_a_paused_server_that_still_has_its_claim_goes_on() {
    Server slow = server("slow");
    Server.Answer answer = slow.ask(saga("g", 1).waiting().submit());
    run(millis(1));
    slow.pause(millis(9_500));

    run(seconds(10));

    assertThat(codeOf(answer)).isNull();
    assertThat(participants.urls()).containsExactly("http://bank/a1");
  }

  private ScriptedParticipants.Behaviour withoutStore(ScriptedParticipants.Behaviour behaviour) {
    return received -> {
      weather.storeGoesAway();
      behaviour.take(received);
    };
  }

  private Branch row(String url) {
    return Branch.open(new BranchKey("09", Op.ACTION), url, Payload.EMPTY, time.instant());
  }
}
