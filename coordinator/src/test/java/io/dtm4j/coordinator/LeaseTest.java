package io.dtm4j.coordinator;

import static io.dtm4j.coordinator.Requests.message;
import static io.dtm4j.coordinator.Requests.saga;
import static io.dtm4j.coordinator.ScriptedParticipants.ONGOING;
import static io.dtm4j.coordinator.ScriptedParticipants.SILENT;
import static io.dtm4j.coordinator.ScriptedParticipants.SUCCEEDS;
import static io.dtm4j.protocol.GlobalStatus.PREPARED;
import static io.dtm4j.protocol.GlobalStatus.SUCCEED;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.engine.Settings;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** R7: a lease is earned, and nobody calls without one. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class LeaseTest extends InVirtualTime {
  @Test
  void a_lease_is_renewed_while_a_call_is_in_flight() {
    Server one = server("one");
    server("two");
    participants.script("http://bank/a1", participants.slowly(seconds(55), SUCCEEDS));
    participants.script("http://bank/a2", participants.slowly(seconds(55), SUCCEEDS));

    one.ask(saga("g", 2).requestTimeout(60).submit());
    run(seconds(120));

    assertThat(participants.received()).as("nobody else has called").hasSize(2);
    assertThat(world.status("g")).isEqualTo(SUCCEED);
    assertThat(world.stored("g").owner().server()).isEqualTo("one");
  }

  @Test
  void a_lease_is_renewed_for_as_long_as_the_youngest_call_may_take() {
    Server one = server("one");
    server("two");
    participants.script("http://bank/a1", participants.slowly(seconds(58), SUCCEEDS));
    participants.script("http://bank/a2", participants.slowly(seconds(50), SUCCEEDS));
    participants.script("http://bank/a3", participants.slowly(seconds(59), SUCCEEDS));

    one.ask(
        saga("g", 3)
            .customData("{\"concurrent\":true,\"orders\":{\"2\":[1]}}")
            .requestTimeout(60)
            .submit());
    run(seconds(120));

    assertThat(participants.received()).as("nobody else has called").hasSize(3);
    assertThat(world.status("g")).isEqualTo(SUCCEED);
  }

  @Test
  void thousands_of_leases_are_renewed_in_pages_so_that_commits_go_between_them() {
    Server one = server("one");
    server("two");
    int many = 1_500;
    participants.script("http://bank/a1", SILENT);
    for (int i = 0; i < many; i++) {
      one.ask(saga("g" + i, 1).requestTimeout(60).submit());
    }

    run(seconds(50));

    assertThat(world.store.mostRenewedAtOnce()).isEqualTo(256);
    assertThat(participants.received()).as("nobody else has called").hasSize(many);
  }

  @Test
  void a_renewal_that_fails_is_tried_again() {
    Server one = server("one");
    server("two");
    participants.script("http://bank/a1", participants.slowly(seconds(55), SUCCEEDS));
    participants.script("http://bank/a2", participants.slowly(seconds(55), SUCCEEDS));
    one.ask(saga("g", 2).requestTimeout(60).submit());
    world.store.failRenewals(2, () -> {});

    run(seconds(120));

    assertThat(participants.received()).as("nobody else has called").hasSize(2);
    assertThat(world.status("g")).isEqualTo(SUCCEED);
  }

  @Test
  void a_call_waits_for_its_lease_until_a_renewal_succeeds() {
    Server server = server("a");
    server.ask(saga("g", 1).submit());
    run(millis(1)); // the first record is on its way
    world.store.failRenewals(4, () -> {});
    server.pause(millis(9_500));

    run(seconds(11));

    assertThat(world.status("g")).as("nobody had to claim it").isEqualTo(SUCCEED);
    assertThat(participants.received()).hasSize(1);
  }

  @Test
  void a_pass_counts_on_its_lease_for_no_longer_than_it_is_stored() {
    var slowStore =
        new Weather() {
          @Override
          Duration write() {
            return millis(700);
          }
        };
    participants.script(
        "http://bank/a1",
        participants.slowly(seconds(25), ONGOING),
        participants.slowly(seconds(25), ONGOING),
        SUCCEEDS);
    Server one = server("one", slowStore);
    one.ask(saga("g", 1).requestTimeout(30).submit());
    watchLease(one, seconds(30)); // of the submit, and renewed
    watchLease(one, seconds(20)); // claimed by a timer
    assertThat(participants.received()).hasSize(2);
    one.crash();
    run(seconds(60));

    Server two = server("two", slowStore); // claimed by a sweep
    watchLease(two, seconds(10));

    assertThat(world.status("g")).isEqualTo(SUCCEED);
  }

  @Test
  void what_was_claimed_has_only_the_lease_of_the_claim_until_it_is_renewed() {
    Server one = server("one");
    server("two");
    participants.script(
        "http://bank/a1", ONGOING, participants.slowly(seconds(55), SUCCEEDS), SUCCEEDS);
    one.ask(saga("g", 1).requestTimeout(60).submit());
    run(A_MOMENT);
    one.crash();

    run(seconds(70));

    assertThat(participants.received()).hasSize(2);
    assertThat(world.status("g")).isEqualTo(SUCCEED);
  }

  @Test
  void a_call_whose_lease_is_too_short_leaves_after_its_renewal() {
    var slow = new Weather();
    Server server = server("a", slow);
    server("b");
    participants.script("http://bank/a1", ONGOING);
    server.ask(saga("g", 1).requestTimeout(60).submit());
    run(A_MOMENT);
    participants.script("http://bank/a1", SUCCEEDS);
    time.runUntil(() -> server.passOf("g") != null, seconds(20));
    server.pause(millis(9_300));

    run(seconds(12));

    assertThat(world.status("g")).isEqualTo(SUCCEED);
    assertThat(participants.received()).hasSize(2);
  }

  @Test
  void a_call_that_waited_for_its_destination_proves_its_lease_too() {
    world.limits = new CoordinatorLimits(1_000, 1 << 20, 1_000, 1, 10);
    Server server = server("a");
    participants.script("http://bank/a1", participants.slowly(seconds(5), SUCCEEDS), SUCCEEDS);
    server.ask(saga("first", 1).requestTimeout(60).submit());
    run(A_MOMENT);
    server.ask(saga("g", 1).submit());
    run(A_MOMENT);
    server.pause(millis(9_500)); // meanwhile the slot is given on

    run(seconds(12)); // the invariants see when it leaves

    assertThat(world.status("g")).isEqualTo(SUCCEED);
    assertThat(participants.received()).hasSize(2);
  }

  @Test
  void a_pass_that_waits_for_nothing_is_dropped() {
    Server server = server("a");
    participants.script("http://bank/a1", SILENT);
    server.ask(saga("g", 1).requestTimeout(60).submit());
    run(A_MOMENT);
    requireNonNull(server.passOf("g")).calls = 0; // a defect: it has lost its call

    run(seconds(30));

    assertThat(server.passOf("g")).isNull();
    participants.script("http://bank/a1", SUCCEEDS);
    run(seconds(40)); // until its lease ends
    assertThat(world.status("g")).isEqualTo(SUCCEED);
  }

  @Test
  void a_server_that_stood_still_hears_what_came_to_its_end_meanwhile() {
    Server server = server("a");
    participants.script("http://bank/a1", SILENT);
    server.ask(saga("g", 1).requestTimeout(1).submit());
    run(A_MOMENT);
    server.pause(seconds(8)); // the call times out meanwhile, and more than its margin passes

    run(seconds(9)); // its lease is not over

    assertThat(world.stored("g").owner().isHeld()).as("it rests, it was not dropped").isFalse();
  }

  @Test
  void a_server_that_stood_still_twice_hears_it_too() {
    Server server = server("a");
    participants.script("http://bank/a1", SILENT);
    server.pause(seconds(5));
    server.ask(saga("g", 1).requestTimeout(1).submit());
    run(seconds(5).plusMillis(20)); // it has just looked at its passes
    assertThat(participants.received()).hasSize(1);
    server.pause(seconds(8));

    run(seconds(9));

    assertThat(world.stored("g").owner().isHeld()).as("it rests, it was not dropped").isFalse();
  }

  @Test
  void many_looks_at_once_on_a_loop_that_was_busy_are_one() {
    Server server = server("a");
    server.caller.swallow("http://bank/a1");
    VirtualLoop busy = server.loopOf("g");
    server.ask(saga("g", 1).requestTimeout(1).submit(), busy);
    run(A_MOMENT);
    busy.hold();
    run(seconds(8)); // looks gather from the time when a third of the lease is over

    busy.goOn();
    run(millis(200));
    assertThat(server.passOf("g")).as("its end may be on the way").isNotNull();
    run(seconds(1));
    assertThat(server.passOf("g")).isNull();
  }

  @Test
  void a_pass_that_was_just_taken_over_is_not_dropped_but_ends_with_what_is_stored() {
    Server server = server("a");
    participants.script("http://bank/a1", participants.slowly(seconds(4), SUCCEEDS));
    world.store.failRenewals(100, () -> {}); // so that each sweep looks at the pass
    VirtualLoop busy = server.loopOf("g");
    Server.Answer answer =
        server.ask(saga("g", 2).oneByOne().requestTimeout(5).waiting().submit(), busy);
    run(A_MOMENT);
    LivePass live = requireNonNull(server.passOf("g"));
    time.runUntil(live::isCommitting, seconds(5));
    busy.hold();
    run(millis(300)); // the batch is stored, and a sweep wants to look at the pass

    server.ask(saga("g", 2).forceStop(), server.loopBeside(busy));
    run(A_MOMENT);
    busy.goOn();
    run(A_MOMENT);

    assertThat(codeOf(answer)).isEqualTo(ErrorCode.ROLLED_BACK);
    assertThat(participants.received()).hasSize(1);
  }

  @Test
  void a_pass_whose_call_never_ends_is_dropped_and_taken_up_again() {
    Server server = server("a");
    server.caller.swallow("http://bank/a1");
    Server.Answer answer =
        server.ask(message("g", 0).step("http://bank/a1", "").waiting().submit());
    run(seconds(7));
    assertThat(server.passOf("g")).as("a late answer might still come").isNotNull();

    run(seconds(5)); // its time-out and 5 s, and until somebody looks at its lease

    assertThat(server.passOf("g")).isNull();
    assertThat(codeOf(answer)).isEqualTo(ErrorCode.INTERNAL);
    server.caller.heal();
    run(seconds(11)); // until its lease ends
    assertThat(world.status("g")).isEqualTo(SUCCEED);
  }

  @Test
  void a_pass_that_cannot_be_decided_is_dropped_and_holds_up_nobody() {
    world.settings =
        new Settings(Duration.ofSeconds(10), Duration.ofSeconds(3), Duration.ZERO, true);
    save("broken", TransType.MSG, PREPARED, "{\"delay\":\"no number\"}", time.instant());

    Server server = server("a");
    server.ask(saga("g", 1).submit());
    run(A_MOMENT);

    assertThat(world.status("g")).isEqualTo(SUCCEED);
    assertThat(server.coordinator.openPasses()).isZero();
    assertThat(world.status("broken")).isEqualTo(PREPARED);
    Owner first = world.stored("broken").owner();
    run(seconds(11));
    assertThat(world.stored("broken").owner()).as("taken up again").isNotEqualTo(first);
  }

  @Test
  void a_client_hears_when_its_transaction_cannot_be_worked_on() {
    save("broken", TransType.SAGA, PREPARED, "{\"orders\":{\"7\":[8]}}", time.instant());
    Server server = server("a");

    Server.Answer answer = server.ask(saga("broken", 1).waiting().submit());
    run(A_MOMENT);

    assertThat(codeOf(answer)).isEqualTo(ErrorCode.INTERNAL);
    assertThat(server.commands.open()).isZero();
  }

  @Test
  void a_pass_whose_batch_is_rejected_is_dropped_and_taken_up_again() {
    Server server = server("a");
    participants.script(
        "http://bank/a1",
        received -> {
          world.store.reject(received.call().gid());
          received.succeed();
        },
        SUCCEEDS);
    Server.Answer answer = server.ask(saga("g", 1).waiting().submit());
    run(A_MOMENT);

    assertThat(codeOf(answer)).isEqualTo(ErrorCode.INTERNAL);
    assertThat(server.passOf("g")).isNull();
    world.store.accept(new Gid("g"));
    run(seconds(11));
    assertThat(world.status("g")).isEqualTo(SUCCEED);
  }

  @Test
  void a_pass_that_was_dropped_is_not_renewed_any_more() {
    Server server = server("a");
    participants.script(
        "http://bank/a1",
        participants.slowly(
            millis(3_200),
            received -> {
              weather.storeGoesAway();
              world.store.reject(received.call().gid());
              received.succeed();
            }));
    server.ask(saga("g", 1).requestTimeout(5).submit());
    run(A_MOMENT);
    Instant leaseEnd = world.stored("g").transaction().state().schedule().nextTime();
    run(seconds(4)); // a third of the lease: a renewal waits behind the batch
    assertThat(server.committer.backlog()).isGreaterThan(1);

    weather.storeComesBack();
    run(A_MOMENT);

    assertThat(server.passOf("g")).isNull();
    assertThat(world.stored("g").transaction().state().schedule().nextTime()).isEqualTo(leaseEnd);
  }

  @Test
  void a_write_of_a_pass_never_moves_the_end_of_its_lease_back() {
    Server server = server("a");
    participants.script("http://bank/a1", participants.slowly(seconds(2), SUCCEEDS));
    participants.script("http://bank/a2", SILENT);
    server.ask(saga("g", 2).submit());
    run(A_MOMENT);
    Instant first = world.stored("g").transaction().state().schedule().nextTime();
    run(seconds(4)); // a third of the lease has passed

    assertThat(world.stored("g").transaction().state().schedule().nextTime()).isAfter(first);
  }

  @Test
  void a_lost_lease_is_noticed_and_ends_the_pass() {
    Server one = server("one");
    Server two = server("two");
    participants.script("http://bank/a1", SILENT);
    one.ask(saga("g", 1).requestTimeout(10).submit());
    run(A_MOMENT);
    two.ask(saga("g", 1).forceStop());
    run(A_MOMENT);
    assertThat(one.passOf("g")).as("it cannot know yet").isNotNull();

    run(seconds(6)); // a third of the lease

    assertThat(one.passOf("g")).isNull();
  }

  @Test
  void who_asks_while_another_renewal_fails_is_renewed_all_the_same() {
    Server server = server("a");
    participants.script("http://shop/a1", SILENT);
    participants.script("http://bank/a1", participants.slowly(seconds(400), SUCCEEDS));
    participants.script("http://bank/a2", SILENT);
    server.ask(saga("other").step("http://shop/a1", "").requestTimeout(600).submit());
    server.ask(saga("g", 2).requestTimeout(600).submit());
    run(A_MOMENT);
    // It would ask again, and send what waits, but it ends.
    world.store.failRenewals(1, () -> participants.callsOf("http://shop/a1").getFirst().succeed());

    run(seconds(700)); // the first lease is over, the second call is not

    assertThat(world.status("other")).isEqualTo(SUCCEED);
    assertThat(participants.callsOf("http://bank/a2")).hasSize(1);
  }

  @Test
  void renewals_do_not_heap_up_while_the_store_is_away() {
    Server server = server("a");
    participants.script("http://bank/a1", SILENT);
    server.ask(saga("g", 1).requestTimeout(60).submit());
    run(seconds(20));

    weather.storeGoesAway();
    run(seconds(30));
    int waiting = server.committer.backlog();
    weather.storeComesBack();
    run(seconds(1));

    assertThat(waiting).as("a renewal and a sweep").isEqualTo(2);
    assertThat(server.passOf("g")).isNotNull();
  }

  /** Looks at the lease after every event. */
  private void watchLease(Server server, Duration length) {
    boolean[] seen = {false};
    time.runUntil(
        () -> {
          LivePass live = server.passOf("g");
          if (live != null && world.stored("g").isLeasedTo(live.claim)) {
            seen[0] = true;
            assertThat(time.instant().plusNanos(live.leaseEnd - time.nanoTime()))
                .isBeforeOrEqualTo(
                    world.stored("g").transaction().state().schedule().nextTime().plusMillis(1));
          }
          return false;
        },
        length);
    assertThat(seen[0]).isTrue();
  }

  private void save(
      String gid, TransType type, GlobalStatus status, String customData, Instant due) {
    var definition = new Definition(type, "http", "", customData, Options.DEFAULTS, time.instant());
    var state =
        new State(
            status,
            "",
            "",
            time.instant(),
            null,
            new Schedule(Duration.ofSeconds(10), due),
            Extra.NONE);
    var transaction = new Transaction(new Gid(gid), definition, state, List.of());
    var owner = new Owner(Owner.Mark.RESTING, "old", "old-" + gid, 1);
    world.commit(
        new Batch(
            new Gid(gid), Guard.Absent.INSTANCE, owner, List.of(new Write.SaveNew(transaction))));
  }
}
