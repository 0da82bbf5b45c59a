package io.dtm4j.coordinator;

import static io.dtm4j.coordinator.Requests.message;
import static io.dtm4j.coordinator.Requests.saga;
import static io.dtm4j.coordinator.ScriptedParticipants.ONGOING;
import static io.dtm4j.coordinator.ScriptedParticipants.SILENT;
import static io.dtm4j.coordinator.ScriptedParticipants.SUCCEEDS;
import static io.dtm4j.protocol.GlobalStatus.SUCCEED;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.store.FaultyStore.Fault;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** What is due is taken up, by whichever server. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class RecoveryTest extends InVirtualTime {
  @Test
  void everything_in_flight_goes_on_within_a_lease_and_a_second_after_a_crash() {
    Server one = server("one");
    server("two");
    participants.script("http://bank/a1", SILENT);
    participants.script("http://bank/m1", SILENT);
    for (int i = 1; i <= 300; i++) {
      one.ask(i % 3 == 0 ? message("g-" + i, 1).submit() : saga("g-" + i, 1).submit());
    }
    run(A_MOMENT);
    one.ask(saga("on its way", 1).submit());
    run(millis(1)); // its first record takes effect, nobody hears of it

    one.crash();
    participants.script("http://bank/a1", SUCCEEDS);
    participants.script("http://bank/m1", SUCCEEDS);
    run(seconds(11));

    for (int i = 1; i <= 300; i++) {
      assertThat(world.status("g-" + i)).as("g-" + i).isEqualTo(SUCCEED);
    }
  }

  @Test
  void a_server_that_starts_takes_up_at_once_what_is_due() {
    Server one = server("one");
    for (int i = 1; i <= 1_000; i++) {
      participants.script("http://bank/a" + i, ONGOING, SUCCEEDS);
      one.ask(saga("g-" + i).step("http://bank/a" + i, "").submit());
    }
    run(A_MOMENT);
    one.crash();
    run(seconds(20));

    world.server("two");
    run(A_MOMENT);

    for (int i = 1; i <= 1_000; i++) {
      assertThat(world.status("g-" + i)).as("g-" + i).isEqualTo(SUCCEED);
    }
  }

  @Test
  void what_is_due_is_taken_up_though_others_take_all_the_room() {
    world.limits = new CoordinatorLimits(4, 1 << 20, 100, 100, 100);
    participants.script("http://bank/a1", ONGOING, SUCCEEDS);
    Server one = server("one");
    one.ask(saga("overdue", 1).submit());
    run(A_MOMENT);
    one.crash();
    run(seconds(20));
    participants.script("http://shop/a", SILENT);
    Server two = new Server(world, "two", weather);
    two.keeper.start();
    for (int i = 1; i <= 3; i++) {
      two.ask(saga("long-" + i).step("http://shop/a", "").requestTimeout(3_600).submit());
    }
    run(A_MOMENT);
    two.recovery.start();

    run(seconds(10));

    assertThat(two.coordinator.openPasses()).isEqualTo(3);
    assertThat(world.status("overdue")).isEqualTo(SUCCEED);
  }

  /** Messages whose participants do not answer the second call. */
  private void twoThousandComeDueAtOnce(Server server) {
    for (int i = 1; i <= 2_000; i++) {
      participants.script("http://bank/m" + i, ONGOING, SILENT);
      server.ask(
          message("g-" + i, 0)
              .step("http://bank/m" + i, "")
              .retryInterval(60)
              .requestTimeout(3_600)
              .submit());
      run(millis(10));
    }
    weather.storeGoesAway();
    run(seconds(90)); // all are due by now
    weather.storeComesBack();
  }

  @Test
  void what_is_due_at_the_same_time_opens_no_more_passes_than_there_is_room_for() {
    int limit = 100;
    world.limits = new CoordinatorLimits(limit, 1 << 20, 10_000, 10_000, 100);
    Server server = server("a");
    twoThousandComeDueAtOnce(server);

    int most = 0;
    for (int i = 0; i < 1_000; i++) {
      run(millis(10));
      most = Math.max(most, server.coordinator.openPasses());
    }

    assertThat(most).as("twice the limit and what two claims bring").isLessThan(2 * limit + 512);
  }

  @Test
  void what_is_due_at_the_same_time_takes_up_no_more_memory_than_there_is_room_for() {
    long limit = 20_000;
    world.limits = new CoordinatorLimits(10_000, limit, 10_000, 10_000, 100);
    Server server = server("a");
    twoThousandComeDueAtOnce(server);

    long most = 0;
    for (int i = 0; i < 1_000; i++) {
      run(millis(10));
      most = Math.max(most, server.coordinator.openBytes());
    }

    assertThat(most)
        .as("twice the limit and what two claims bring")
        .isBetween(limit / 2, 2 * limit + 512 * 300);
  }

  @Test
  void transactions_that_are_due_later_cost_no_timer() {
    Server server = server("a");
    for (int i = 1; i <= 100_000; i++) {
      server.ask(message("g-" + i, 1).customData("{\"delay\":3600}").submit());
      if (i % 500 == 0) {
        run(millis(10));
      }
    }

    run(seconds(5));

    assertThat(world.invariants.unfinished()).hasSize(100_000);
    assertThat(server.coordinator.openPasses()).isZero();
    assertThat(server.timers.armed()).isLessThan(10);
  }

  @Test
  void a_timer_that_fires_at_once_leaves_nothing_behind() {
    Server one = server("one");
    Server two = server("two");
    participants.script("http://bank/a1", SILENT, SUCCEEDS);
    one.ask(saga("g", 1).submit());
    run(A_MOMENT);
    two.ask(saga("g", 1).submit()); // it is due as soon as it comes to rest
    run(A_MOMENT);
    ONGOING.take(participants.received().getFirst());
    run(A_MOMENT);

    assertThat(world.status("g")).isEqualTo(SUCCEED);
    assertThat(one.recovery.armed()).isZero();
  }

  @Test
  void two_servers_share_what_is_due() {
    Server one = server("one");
    Server two = server("two");
    participants.script("http://bank/a1", ONGOING);
    for (int i = 1; i <= 50; i++) {
      one.ask(saga("g-" + i, 1).submit());
    }
    run(A_MOMENT);
    participants.script("http://bank/a1", SUCCEEDS);

    run(seconds(11));

    assertThat(participants.received()).as("each is called again once").hasSize(100);
    assertThat(one.coordinator.openPasses() + two.coordinator.openPasses()).isZero();
  }

  @Test
  void a_claim_that_fails_holds_up_no_other() {
    world.safetyNet = Duration.ofHours(1);
    Server server = server("a");
    participants.script("http://bank/a1", ONGOING, ONGOING, SUCCEEDS);
    server.ask(saga("g-1", 1).submit());
    server.ask(saga("g-2", 1).submit());
    run(A_MOMENT);
    world.store.failNextClaim();

    run(seconds(11));

    assertThat(List.of(world.status("g-1"), world.status("g-2")))
        .as("the next look finds the one whose claim failed")
        .containsOnly(SUCCEED);
  }

  @Test
  void a_claim_is_taken_up_in_spite_of_an_unknown_outcome() {
    for (Fault fault : Fault.values()) {
      String gid = "g-" + fault;
      Server server = server("a");
      participants.script("http://bank/a1", ONGOING, SUCCEEDS);
      server.ask(saga(gid, 1).submit());
      run(seconds(9));
      weather.nextWrites(fault, fault);

      run(seconds(4)); // it is due after one of them, and not to wait for another lease

      assertThat(world.status(gid)).as(gid).isEqualTo(SUCCEED);
      server.crash();
    }
  }

  @Test
  void the_claim_of_a_sweep_that_lands_late_uses_no_claim_again() {
    participants.script("http://bank/a1", ONGOING);
    Server one = server("one");
    one.ask(saga("g", 1).submit());
    run(A_MOMENT);
    one.crash();
    run(seconds(12));
    weather.nextWriteLate(seconds(10).plusMillis(57)); // when it is due again

    world.server("two");
    run(seconds(30));

    assertThat(world.stored("g").transaction().status().isFinal()).isFalse();
  }
}
