package io.dtm4j.coordinator;

import static io.dtm4j.coordinator.Requests.saga;
import static io.dtm4j.coordinator.ScriptedParticipants.SILENT;
import static io.dtm4j.coordinator.ScriptedParticipants.SUCCEEDS;
import static io.dtm4j.protocol.GlobalStatus.SUCCEED;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.State;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** Limits of calls to one destination: what it cannot take waits, and holds up nobody else. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class DestinationsTest extends InVirtualTime {
  @Test
  void an_address_is_scheme_host_and_port() {
    assertThat(Destinations.addressOf("http://bank:80/a?b=c")).isEqualTo("http://bank:80");
    assertThat(Destinations.addressOf("http://bank?b=/c")).isEqualTo("http://bank");
    assertThat(Destinations.addressOf("https://bank#x")).isEqualTo("https://bank");
    assertThat(Destinations.addressOf("bank/a")).isEqualTo("bank");
    assertThat(Destinations.addressOf("dns:///bank:80/a.B/C")).isEqualTo("dns:///bank:80");
  }

  @Test
  void slots_are_given_on_in_the_order_of_the_queue() {
    Destinations.Slots slots = destinations(1, 4).of("http://bank/a");
    List<String> turns = new ArrayList<>();

    assertThat(slots.acquire(() -> {}, false)).isEqualTo(Destinations.Admission.GO);
    assertThat(slots.acquire(() -> turns.add("first"), false))
        .isEqualTo(Destinations.Admission.QUEUED);
    assertThat(slots.acquire(() -> turns.add("second"), false))
        .isEqualTo(Destinations.Admission.QUEUED);
    for (String gid : List.of("goes before", "goes after it")) {
      assertThat(slots.acquire(() -> turns.add(gid), true))
          .isEqualTo(Destinations.Admission.QUEUED);
    }
    assertThat(slots.acquire(() -> {}, false)).isEqualTo(Destinations.Admission.FULL);
    IntStream.range(0, 5).forEach(_ -> slots.release());

    assertThat(turns).containsExactly("goes before", "goes after it", "first", "second");
    assertThat(slots.acquire(() -> {}, false)).isEqualTo(Destinations.Admission.GO);
  }

  @Test
  void each_destination_says_what_it_has_to_do() {
    Destinations destinations = destinations(2, 4);
    for (int i = 0; i < 2; i++) {
      destinations.of("http://bank/" + i).acquire(() -> {}, false);
    }
    destinations.of("http://bank/a").acquire(() -> {}, false);
    destinations.of("http://bank/a").acquire(() -> {}, true);
    destinations.of("http://shop/a").acquire(() -> {}, false);

    assertThat(destinations.loads())
        .containsExactlyInAnyOrder(
            new DestinationLoad("http://bank", 2, 2), new DestinationLoad("http://shop", 1, 0));
  }

  @Test
  void while_connecting_fails_one_call_a_second_may_try() {
    Destinations.Slots slots = destinations(1, 1).of("http://bank/a");
    assertThat(slots.mayTry(0)).isTrue();

    slots.failed(0);

    assertThat(slots.mayTry(millis(999).toNanos())).isFalse();
    assertThat(slots.mayTry(millis(1_000).toNanos())).isTrue();
    assertThat(slots.mayTry(millis(1_001).toNanos())).isFalse();
    slots.reached();
    assertThat(slots.mayTry(millis(1_002).toNanos())).isTrue();
  }

  @Test
  void a_destination_that_nobody_calls_is_forgotten() {
    Destinations destinations = destinations(1, 1);
    Destinations.Slots idle = destinations.of("http://idle/");
    Destinations.Slots busy = destinations.of("http://busy/");
    busy.acquire(() -> {}, false);

    destinations.forgetIdle();
    destinations.forgetIdle();

    assertThat(destinations.of("http://idle/")).isNotSameAs(idle);
    assertThat(destinations.of("http://busy/")).isSameAs(busy);
  }

  @Test
  void a_destination_that_was_just_looked_up_is_not_forgotten() {
    Destinations destinations = destinations(1, 1);
    Destinations.Slots slots = destinations.of("http://bank/a");

    destinations.forgetIdle();

    assertThat(slots.acquire(() -> {}, false)).isEqualTo(Destinations.Admission.GO);
    assertThat(destinations.of("http://bank/b").acquire(() -> {}, false))
        .as("one call at a time")
        .isEqualTo(Destinations.Admission.QUEUED);
  }

  @Test
  void calls_wait_their_turn_and_leave_when_a_slot_is_free() {
    Server server = server(1, 10);
    participants.script("http://bank/a1", participants.slowly(seconds(1), SUCCEEDS));

    submit(server, "g", 3);
    run(A_MOMENT);
    assertThat(participants.received()).hasSize(1);
    run(seconds(4));

    assertThat(participants.received()).hasSize(3);
    assertAllSucceeded("g", 3);
  }

  @Test
  void what_finds_slots_and_queue_full_rests_a_few_seconds_and_counts_no_attempt() {
    Server server = server(1, 1);
    participants.script("http://bank/a1", SILENT);
    submit(server, "g", 2);
    run(A_MOMENT);

    submit(server, "late", 1);
    run(A_MOMENT);

    State parked = world.stored("late-1").transaction().state();
    assertThat(server.passOf("late-1")).isNull();
    assertThat(Duration.between(time.instant(), parked.schedule().nextTime()))
        .isBetween(millis(900), seconds(5));
    assertThat(parked.extra().parkings()).isEqualTo(1);
    assertThat(parked.extra().attempts()).isEmpty();
    assertThat(parked.schedule().interval()).as("no backoff").isEqualTo(seconds(10));
    assertThat(participants.received()).hasSize(1);
  }

  @Test
  void after_three_parkings_a_call_goes_before_those_that_wait() {
    Server server = server(1, 3);
    participants.script("http://bank/a1", SILENT);
    for (int i = 1; i <= 4; i++) {
      server.ask(saga("g-" + i, 1).requestTimeout(60).submit());
    }
    run(A_MOMENT);
    server.ask(saga("late-1", 1).requestTimeout(60).submit());
    boolean parked =
        time.runUntil(() -> world.find("late-1") != null && parkings("late-1") == 3, seconds(20));
    assertThat(parked).isTrue();
    participants.script("http://bank/a1", participants.slowly(seconds(4), SUCCEEDS));
    participants.received().getFirst().succeed();

    assertThat(time.runUntil(() -> world.status("late-1") == SUCCEED, seconds(20))).isTrue();

    assertThat(world.status("g-4")).as("waited for longer").isNotEqualTo(SUCCEED);
  }

  @Test
  void one_dead_destination_holds_up_no_other() {
    Server server = server(5, 5);
    for (int i = 1; i <= 100; i++) {
      server.ask(saga("dead-" + i).step("http://dead/a", "http://dead/c").submit());
    }
    participants.script("http://dead/a", SILENT);
    run(A_MOMENT);
    assertThat(server.coordinator.openPasses()).as("the others rest").isEqualTo(10);

    submit(server, "g", 5);
    run(A_MOMENT);

    assertAllSucceeded("g", 5);
    run(seconds(30));
    assertThat(server.coordinator.openPasses()).isLessThanOrEqualTo(10);
  }

  @Test
  void a_place_in_the_queue_earns_the_lease() {
    Server server = server(1, 10);
    world.server("other");
    participants.script("http://bank/a1", participants.slowly(seconds(9), SUCCEEDS));

    for (int i = 1; i <= 4; i++) {
      server.ask(saga("g-" + i, 1).requestTimeout(10).submit());
    }
    run(seconds(37));

    assertAllSucceeded("g", 4);
    assertThat(participants.received()).as("each was called once").hasSize(4);
  }

  @Test
  void what_waits_is_not_called_any_more_when_the_saga_rolls_back() {
    Server server = server(1, 10);
    participants.script("http://bank/a1", participants.slowly(seconds(4), SUCCEEDS));

    server.ask(saga("first", 1).requestTimeout(10).submit());
    run(A_MOMENT);
    server.ask(saga("g", 1).requestTimeout(10).timeoutToFail(1).submit());
    run(seconds(6));

    assertThat(participants.urls()).containsExactly("http://bank/a1", "http://bank/c1");
    assertThat(world.status("g").isFinal()).isTrue();
  }

  @Test
  void what_waits_is_not_called_any_more_when_the_rollback_is_on_its_way_to_the_store() {
    Server server = server(1, 10);
    participants.script("http://bank/a1", SILENT);
    participants.script(
        "http://shop/a2",
        received -> {
          weather.storeGoesAway();
          received.fail("full");
        });
    server.ask(saga("first", 1).requestTimeout(60).submit());
    run(A_MOMENT);
    server.ask(
        saga("g").step("http://bank/a1", "").step("http://shop/a2", "").concurrent().submit());
    run(A_MOMENT);

    participants.received().getFirst().succeed(); // a slot is free
    run(A_MOMENT);
    weather.storeComesBack();
    run(seconds(1));

    assertThat(participants.callsOf("http://bank/a1")).hasSize(1);
    assertThat(world.status("g").isFinal()).isTrue();
  }

  @Test
  void a_pass_is_not_dropped_while_a_call_is_being_turned_away() {
    Duration[] hop = {Weather.HOP};
    var slowing =
        new Weather() {
          @Override
          Duration hop() {
            return hop[0];
          }
        };
    world.limits = new CoordinatorLimits(1_000, 1 << 20, 1_000, 1, 1);
    Server server = server("a", slowing);
    participants.script("http://bank/a1", SILENT);
    for (int i = 1; i <= 2; i++) {
      server.ask(saga("g-" + i, 1).requestTimeout(60).submit());
    }
    participants.script(
        "http://shop/a",
        participants.slowly(
            millis(3_350), // a third of its lease: somebody looks at it just now
            received -> {
              hop[0] = millis(300);
              received.succeed();
            }));
    server.ask(
        saga("late")
            .step("http://shop/a", "")
            .step("http://bank/a1", "")
            .requestTimeout(5)
            .submit());

    run(seconds(8));

    assertThat(parkings("late")).isPositive();
  }

  private static Destinations destinations(int slots, int places) {
    return new Destinations(new CoordinatorLimits(1, 1, 1, slots, places), Observer.NONE);
  }

  private Server server(int slots, int places) {
    world.limits = new CoordinatorLimits(1_000, 1 << 20, 1_000, slots, places);
    return server("a");
  }

  private void submit(Server server, String gid, int number) {
    for (int i = 1; i <= number; i++) {
      server.ask(saga(gid + "-" + i, 1).submit());
    }
  }

  private int parkings(String gid) {
    return world.stored(gid).transaction().state().extra().parkings();
  }

  private void assertAllSucceeded(String gid, int number) {
    for (int i = 1; i <= number; i++) {
      assertThat(world.status(gid + "-" + i)).as(gid + "-" + i).isEqualTo(SUCCEED);
    }
  }
}
