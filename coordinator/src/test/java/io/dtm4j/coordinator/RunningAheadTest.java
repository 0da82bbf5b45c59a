package io.dtm4j.coordinator;

import static io.dtm4j.coordinator.Requests.message;
import static io.dtm4j.coordinator.Requests.saga;
import static io.dtm4j.coordinator.ScriptedParticipants.ONGOING;
import static io.dtm4j.coordinator.ScriptedParticipants.SILENT;
import static io.dtm4j.coordinator.ScriptedParticipants.SUCCEEDS;
import static io.dtm4j.coordinator.ScriptedParticipants.fails;
import static io.dtm4j.protocol.GlobalStatus.FAILED;
import static io.dtm4j.protocol.GlobalStatus.SUBMITTED;
import static io.dtm4j.protocol.GlobalStatus.SUCCEED;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Branch;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** One call may leave while the success that it waits for is on its way, and what that may cost. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class RunningAheadTest extends InVirtualTime {
  private static final String A1 = "http://bank/a1";
  private static final String A2 = "http://bank/a2";

  @Test
  void a_saga_runs_ahead_by_one_action_and_no_further() {
    Server server = server("a");
    participants.script(A1, withoutStore(SUCCEEDS));

    server.ask(saga("g", 3).submit());
    run(seconds(1));

    assertThat(participants.urls()).containsExactly(A1, A2);
    assertThat(world.stored("g").transaction().branches()).allMatch(Branch::isOpen);
    weather.storeComesBack();
    run(A_MOMENT);
    assertThat(participants.urls()).containsExactly(A1, A2, "http://bank/a3");
    assertThat(world.status("g")).isEqualTo(SUCCEED);
  }

  @Test
  void a_message_runs_ahead_by_one_branch_and_no_further() {
    Server server = server("a");
    participants.script("http://bank/m1", withoutStore(SUCCEEDS));

    server.ask(message("g", 3).submit());
    run(seconds(1));

    assertThat(participants.urls()).containsExactly("http://bank/m1", "http://bank/m2");
    weather.storeComesBack();
    run(A_MOMENT);
    assertThat(participants.urls()).endsWith("http://bank/m2", "http://bank/m3");
    assertThat(world.status("g")).isEqualTo(SUCCEED);
  }

  @Test
  void nothing_runs_ahead_where_others_share_the_store() {
    world.settings = world.settings.withoutRunningAhead();
    Server server = server("a");
    participants.script(A1, withoutStore(SUCCEEDS));

    server.ask(saga("g", 3).submit());
    run(seconds(1));

    assertThat(participants.urls()).containsExactly(A1);
    weather.storeComesBack();
    run(A_MOMENT);
    assertThat(world.status("g")).isEqualTo(SUCCEED);
  }

  @Test
  void what_was_called_ahead_by_a_server_that_crashed_is_compensated() {
    Server server = server("a");
    participants.script(A1, withoutStore(SUCCEEDS), fails("sold out meanwhile"));
    server.ask(saga("g", 2).submit());
    run(seconds(1));
    assertThat(participants.urls()).containsExactly(A1, A2);

    server.crash();
    weather.storeComesBack();
    server("b");
    run(seconds(12));

    assertThat(world.status("g")).isEqualTo(FAILED);
    assertThat(participants.urls()).containsExactly(A1, A2, A1, "http://bank/c2", "http://bank/c1");
  }

  @Test
  void that_is_so_after_it_came_to_rest_and_went_to_other_servers() {
    Server server = server("a");
    participants.script(A1, withoutStore(SUCCEEDS), ONGOING, SILENT, ONGOING, fails("sold out"));
    server.ask(saga("g", 2).requestTimeout(20).submit());
    run(seconds(1));
    server.crash();
    weather.storeComesBack();
    Server second = server("b");
    run(seconds(27));
    assertThat(world.stored("g").owner().isHeld()).as("it rests").isFalse();
    run(seconds(10));
    assertThat(participants.callsOf(A1)).hasSize(3);
    boolean[] stopped = {false};
    second.stop(seconds(5), () -> stopped[0] = true);
    run(seconds(8));
    assertThat(stopped[0]).isTrue();
    assertThat(world.stored("g").owner().isHeld()).as("it was given back").isFalse();

    server("c");
    run(seconds(30));

    assertThat(world.status("g")).isEqualTo(FAILED);
    assertThat(participants.urls()).endsWith(A1, "http://bank/c2", "http://bank/c1");
  }

  @Test
  void a_lost_claim_is_as_bad_as_a_crash() {
    var noStore = new Weather();
    Server frozen = server("frozen", noStore);
    participants.script(
        A1,
        received -> {
          noStore.storeGoesAway();
          received.succeed();
        },
        fails("sold out meanwhile"));
    frozen.ask(saga("g", 2).submit());
    server("other");
    run(seconds(1));
    assertThat(participants.urls()).containsExactly(A1, A2);

    run(seconds(12));

    assertThat(world.status("g")).isEqualTo(FAILED);
    assertThat(participants.urls()).endsWith(A1, "http://bank/c2", "http://bank/c1");
  }

  @Test
  void so_is_a_batch_that_cannot_be_stored() {
    Server server = server("a");
    participants.script(
        A1,
        received -> {
          world.store.reject(new Gid("g"));
          received.succeed();
        },
        fails("sold out meanwhile"));
    server.ask(saga("g", 2).submit());
    run(seconds(1));
    assertThat(participants.urls()).containsExactly(A1, A2);
    assertThat(server.passOf("g")).as("it was dropped").isNull();

    world.store.accept(new Gid("g"));
    run(seconds(12));

    assertThat(world.status("g")).isEqualTo(FAILED);
    assertThat(participants.urls()).endsWith(A1, "http://bank/c2", "http://bank/c1");
  }

  @Test
  void a_refusal_that_overtakes_the_success_before_it_is_decided_behind_it() {
    Server server = server("a");
    participants.script(A1, withoutStore(SUCCEEDS));
    participants.script(A2, fails("full"));
    server.ask(saga("g", 2).submit());
    run(seconds(1));
    assertThat(world.status("g")).isEqualTo(SUBMITTED);

    weather.storeComesBack();
    run(A_MOMENT);

    assertThat(world.status("g")).isEqualTo(FAILED);
    assertThat(participants.urls()).containsExactly(A1, A2, "http://bank/c2", "http://bank/c1");
  }

  @Test
  void a_timeout_while_a_call_runs_ahead_compensates_it_when_it_has_ended() {
    Server server = server("a");
    participants.script(A1, participants.slowly(millis(1_900), withoutStore(SUCCEEDS)));
    participants.script(A2, participants.slowly(seconds(2), SUCCEEDS));
    server.ask(saga("g", 2).timeoutToFail(2).submit());
    run(seconds(3));
    assertThat(participants.urls()).containsExactly(A1, A2);

    weather.storeComesBack();
    run(seconds(3));

    assertThat(world.status("g")).isEqualTo(FAILED);
    assertThat(participants.urls()).containsExactly(A1, A2, "http://bank/c2", "http://bank/c1");
  }

  /** Given back it would look as if all that was called had been stored. */
  @Test
  void a_stop_does_not_give_back_what_ran_ahead_of_a_write_that_may_be_refused() {
    Server server = server("a");
    participants.script(
        A1,
        received -> {
          weather.writesTake(seconds(12));
          world.store.reject(new Gid("g"));
          received.succeed();
        });
    server.ask(saga("g", 2).submit());
    run(A_MOMENT);
    assertThat(participants.urls()).containsExactly(A1, A2);

    boolean[] stopped = {false};
    server.stop(seconds(5), () -> stopped[0] = true);
    run(seconds(60));

    assertThat(stopped[0]).isTrue();
    assertThat(world.stored("g").owner().isHeld()).isTrue();
  }

  @Test
  void what_did_not_leave_ahead_of_a_stop_is_given_back_though_a_client_joins() {
    world.limits = new CoordinatorLimits(1_000, 1 << 20, 1_000, 1, 10);
    Server server = server("a");
    VirtualLoop loop = server.loopOf("g");
    VirtualLoop other = server.loopBeside(loop);
    participants.script("http://bank/first", SILENT);
    participants.script("http://shop/a1", SILENT);
    Requests twoSteps = saga("g", 0).step("http://shop/a1", "").step(A2, "");
    server.ask(saga("first", 0).step("http://bank/first", "").submit(), other);
    server.ask(twoSteps.submit(), loop);
    run(A_MOMENT);

    weather.writesTake(millis(800));
    Server.Answer waiting = server.ask(twoSteps.waiting().submit(), other); // it is written first
    run(millis(1));
    participants.callsOf("http://shop/a1").getFirst().succeed();
    run(millis(10));
    loop.hold(); // its second call waits behind the other saga's
    participants.callsOf("http://bank/first").getFirst().succeed();
    run(A_MOMENT);
    boolean[] stopped = {false};
    server.stop(seconds(5), () -> stopped[0] = true);
    run(millis(800)); // the repeat has found the pass
    loop.goOn();
    run(seconds(4));

    assertThat(codeOf(waiting)).isEqualTo(ErrorCode.NOT_FINISHED);
    assertThat(participants.callsOf(A2)).isEmpty();
    assertThat(world.stored("g").owner().isHeld()).isFalse();
  }

  private ScriptedParticipants.Behaviour withoutStore(ScriptedParticipants.Behaviour behaviour) {
    return received -> {
      weather.storeGoesAway();
      behaviour.take(received);
    };
  }
}
