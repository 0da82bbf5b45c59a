package io.dtm4j.coordinator;

import static io.dtm4j.coordinator.Requests.message;
import static io.dtm4j.coordinator.Requests.saga;
import static io.dtm4j.coordinator.ScriptedParticipants.ONGOING;
import static io.dtm4j.coordinator.ScriptedParticipants.SILENT;
import static io.dtm4j.coordinator.ScriptedParticipants.SUCCEEDS;
import static io.dtm4j.protocol.GlobalStatus.SUBMITTED;
import static io.dtm4j.protocol.GlobalStatus.SUCCEED;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Branch;
import io.dtm4j.protocol.ErrorCode;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** A server that stops loses nothing and holds up nobody. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class StopTest extends InVirtualTime {
  private boolean stopped;

  @Test
  void an_idle_server_stops_at_once() {
    Server server = server("a");

    stop(server);
    run(A_MOMENT);

    assertThat(stopped).isTrue();
  }

  @Test
  void nothing_new_is_taken() {
    Server server = server("a");
    stop(server);

    Server.Answer refused = server.ask(saga("g", 1).submit());
    run(A_MOMENT);

    assertThat(codeOf(refused)).isEqualTo(ErrorCode.STOPPING);
    assertThat(world.find("g")).isNull();
  }

  @Test
  void whoever_sends_to_a_topic_is_answered_even_while_its_subscribers_are_read() {
    Server server = server("a");
    world.store.createKeyValue("topics", "t", "[{\"url\":\"http://bank/m1\",\"remark\":\"\"}]");
    Server.Answer answer = server.ask(message("g", 0).step("topic://t", "").submit());
    run(Weather.HOP); // it has arrived

    server.stop(seconds(5), () -> stopped = true); // fails when a client is left without an answer
    run(A_MOMENT);

    assertThat(stopped).isTrue();
    assertThat(codeOf(answer)).isEqualTo(ErrorCode.STOPPING);
    assertThat(world.find("g")).isNull();
  }

  @Test
  void so_is_who_is_about_to_go_on_when_all_are_ended_and_once_only() {
    Server server = server("a");
    VirtualLoop loop = server.loopOf("g");
    world.store.createKeyValue("topics", "t", "[{\"url\":\"http://bank/m1\",\"remark\":\"\"}]");
    Server.Answer answer = server.ask(message("g", 0).step("topic://t", "").submit(), loop);
    run(Weather.HOP); // it has arrived

    loop.hold();
    run(millis(5)); // the subscribers have been read
    server.stop(Duration.ZERO, () -> stopped = true);
    run(A_MOMENT);
    loop.goOn(); // fails when a client is answered twice
    run(A_MOMENT);

    assertThat(codeOf(answer)).isEqualTo(ErrorCode.STOPPING);
    assertThat(world.find("g")).isNull();
  }

  @Test
  void a_pass_that_nobody_waits_for_ends_its_calls_and_another_server_goes_on_at_once() {
    Server one = server("one");
    server("two");
    participants.script("http://bank/a1", participants.slowly(seconds(2), SUCCEEDS));
    one.ask(saga("g", 3).submit());
    run(A_MOMENT);

    stop(one);
    run(seconds(1));
    assertThat(stopped).as("a call is in flight").isFalse();
    run(seconds(2));

    assertThat(stopped).isTrue();
    assertThat(world.status("g")).isEqualTo(SUCCEED);
    assertThat(world.stored("g").owner().server()).isEqualTo("two");
    assertThat(participants.urls())
        .as("its answer was stored")
        .containsExactly("http://bank/a1", "http://bank/a2", "http://bank/a3");
  }

  @Test
  void what_is_given_back_goes_on_elsewhere_long_before_the_safety_net_looks_for_it() {
    world.safetyNet = seconds(60);
    Server one = server("one");
    server("two");
    for (int i = 1; i <= 20; i++) {
      participants.script("http://bank/a" + i, participants.slowly(millis(50L * i), SUCCEEDS));
      one.ask(saga("g-" + i).step("http://bank/a" + i, "").step("http://bank/b", "").submit());
    }
    run(millis(40));

    stop(one);
    run(seconds(2));

    assertThat(stopped).isTrue();
    for (int i = 1; i <= 20; i++) {
      assertThat(world.status("g-" + i)).as("g-" + i).isEqualTo(SUCCEED);
      assertThat(world.stored("g-" + i).owner().server()).isEqualTo("two");
    }
  }

  @Test
  void a_pass_that_a_client_waits_for_goes_on() {
    Server server = server("a");
    participants.script("http://bank/a1", participants.slowly(seconds(1), SUCCEEDS));
    participants.script("http://bank/a2", participants.slowly(seconds(1), SUCCEEDS));
    Server.Answer answer = server.ask(saga("g", 2).waiting().submit());
    run(A_MOMENT);

    stop(server);
    run(seconds(3));

    assertThat(codeOf(answer)).isNull();
    assertThat(stopped).isTrue();
  }

  @Test
  void when_the_time_is_over_clients_are_answered_and_claims_given_back() {
    Server one = server("one");
    server("two");
    participants.script("http://bank/m1", SILENT, SUCCEEDS);
    Server.Answer answer = one.ask(message("g", 1).requestTimeout(60).waiting().submit());
    run(A_MOMENT);

    stop(one);
    run(seconds(5).plus(A_MOMENT));

    assertThat(codeOf(answer)).isEqualTo(ErrorCode.NOT_FINISHED);
    assertThat(stopped).isTrue();
    run(seconds(1));
    assertThat(world.status("g")).isEqualTo(SUCCEED);
    assertThat(one.coordinator.openPasses()).isZero();
    assertThat(one.coordinator.openBytes()).isZero();
  }

  @Test
  void an_answer_that_waits_behind_a_write_is_stored_before_the_claim_is_given_back() {
    Server server = server("a");
    participants.script("http://bank/a1", SILENT);
    participants.script("http://bank/a2", SILENT);
    server.ask(saga("g", 3).customData("{\"concurrent\":true,\"orders\":{\"2\":[0,1]}}").submit());
    run(A_MOMENT);

    stop(server);
    participants.received().forEach(Participants.Received::succeed);
    run(A_MOMENT);

    assertThat(stopped).isTrue();
    assertThat(world.status("g")).isEqualTo(SUBMITTED);
    assertThat(world.stored("g").transaction().branches().stream().filter(Branch::isDone))
        .as("both answers are stored")
        .hasSize(2);
    assertThat(world.stored("g").owner().isHeld()).isFalse();
  }

  /** It cannot go on for that client: what it held back before is not called by it any more. */
  @Test
  void a_pass_that_has_held_a_call_back_is_given_back_though_a_client_joins_it() {
    Server one = server("one");
    server("two");
    participants.script("http://bank/a1", SILENT);
    participants.script("http://bank/a2", SILENT);
    Requests orders =
        saga("g", 4).customData("{\"concurrent\":true,\"orders\":{\"2\":[0],\"3\":[1]}}");
    one.ask(orders.submit());
    run(A_MOMENT);

    weather.writesTake(millis(800));
    participants.callsOf("http://bank/a1").getFirst().succeed(); // allows a3
    run(millis(1));
    participants.callsOf("http://bank/a2").getFirst().succeed(); // waits behind it, allows a4
    Server.Answer joining = one.ask(orders.waiting().submit());
    run(millis(1));
    stop(one);
    run(seconds(9));

    assertThat(stopped).isTrue();
    assertThat(codeOf(joining)).isEqualTo(ErrorCode.NOT_FINISHED);
    assertThat(world.status("g")).isEqualTo(SUCCEED);
    assertThat(world.stored("g").owner().server()).isEqualTo("two");
    assertThat(participants.urls())
        .containsExactly("http://bank/a1", "http://bank/a2", "http://bank/a3", "http://bank/a4");
  }

  @Test
  void a_client_that_watches_another_server_is_answered() {
    Server one = server("one");
    Server two = server("two");
    participants.script("http://bank/m1", SILENT);
    one.ask(message("g", 1).requestTimeout(60).submit());
    run(A_MOMENT);
    Server.Answer answer = two.ask(message("g", 1).requestTimeout(60).waiting().submit());
    run(A_MOMENT);

    stop(two);
    run(seconds(5).plus(A_MOMENT));

    assertThat(codeOf(answer)).isEqualTo(ErrorCode.NOT_FINISHED);
    assertThat(stopped).isTrue();
  }

  @Test
  void a_client_whose_write_has_no_outcome_is_told_so() {
    Server server = server("a");
    weather.storeGoesAway();
    Server.Answer answer = server.ask(saga("g", 1).submit());
    run(A_MOMENT);

    server.keeper.stop(seconds(1), () -> stopped = true);
    run(seconds(2));

    assertThat(codeOf(answer)).isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
    weather.storeComesBack();
    run(A_MOMENT);
    assertThat(stopped).isTrue();
  }

  @Test
  void a_client_is_told_nothing_that_is_not_durable() {
    Server server = server("a");
    participants.script(
        "http://bank/m1",
        received -> {
          weather.storeGoesAway();
          received.succeed();
        });
    Server.Answer answer = server.ask(message("g", 1).waiting().submit());
    run(A_MOMENT);

    server.keeper.stop(seconds(1), () -> stopped = true);
    run(seconds(2));

    assertThat(codeOf(answer)).isEqualTo(ErrorCode.NOT_FINISHED);
    assertThat(world.status("g")).isEqualTo(SUBMITTED);
  }

  @Test
  void what_was_refused_in_the_end_is_not_done_later() {
    var slowReads =
        new Weather() {
          @Override
          Duration read() {
            return millis(1_500);
          }
        };
    Server server = server("a", slowReads);
    participants.script("http://bank/a1", SILENT);
    server.ask(saga("g", 1).requestTimeout(60).submit());
    run(A_MOMENT);
    Server.Answer answer = server.ask(saga("g", 1).forceStop());
    run(A_MOMENT);

    server.keeper.stop(seconds(1), () -> stopped = true);
    run(seconds(5));

    assertThat(stopped).isTrue();
    assertThat(codeOf(answer)).isEqualTo(ErrorCode.STOPPING);
    assertThat(world.status("g")).isEqualTo(SUBMITTED);
  }

  @Test
  void a_claim_that_comes_after_the_stop_is_given_back() {
    Server server = server("a");
    participants.script("http://bank/a1", ONGOING);
    server.ask(saga("g", 1).submit());
    run(A_MOMENT);
    Instant due = world.stored("g").transaction().state().schedule().nextTime();
    time.runUntil(() -> world.stored("g").owner().isHeld(), seconds(20));
    assertThat(time.instant()).as("just claimed").isBetween(due, due.plusMillis(2));

    stop(server);
    run(A_MOMENT);

    assertThat(stopped).isTrue();
    assertThat(world.stored("g").owner().isHeld()).isFalse();
    assertThat(participants.received()).hasSize(1);
  }

  @Test
  void a_call_that_waits_for_its_destination_is_not_begun_any_more() {
    world.limits = new CoordinatorLimits(1_000, 1 << 20, 1_000, 1, 10);
    Server server = server("a");
    participants.script("http://bank/a1", participants.slowly(seconds(1), SUCCEEDS));
    server.ask(saga("g", 1).submit());
    run(A_MOMENT);
    server.ask(saga("h", 1).submit());
    run(A_MOMENT);

    stop(server);
    run(seconds(2));

    assertThat(stopped).isTrue();
    assertThat(participants.received()).hasSize(1);
    assertThat(world.status("g")).isEqualTo(SUCCEED);
    assertThat(world.stored("h").owner().isHeld()).isFalse();
  }

  private void stop(Server server) {
    server.keeper.stop(seconds(5), () -> stopped = true);
  }
}
