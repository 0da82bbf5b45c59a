package io.dtm4j.coordinator;

import static io.dtm4j.coordinator.Requests.saga;
import static io.dtm4j.coordinator.ScriptedParticipants.SILENT;
import static io.dtm4j.coordinator.ScriptedParticipants.SUCCEEDS;
import static io.dtm4j.protocol.GlobalStatus.SUCCEED;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Attempt;
import io.dtm4j.model.State;
import java.time.Duration;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/**
 * What is recovered waits a little while its destination cannot be connected to; first calls and
 * retries never do (docs/decisions/0012).
 */
@DisplayNameGeneration(ReplaceUnderscores.class)
class UnreachableTest extends InVirtualTime {
  private static final int MANY = 50;

  @Test
  void what_is_recovered_rests_without_a_call_while_its_destination_cannot_be_reached() {
    Server server = leftBehind();
    connectingFails(server);

    server.recovery.start();
    run(A_MOMENT);

    for (int i = 1; i <= MANY; i++) {
      State state = state("g-" + i);
      assertThat(server.passOf("g-" + i)).isNull();
      assertThat(state.extra().parkings()).isEqualTo(1);
      assertThat(state.extra().attempts()).isEmpty();
      assertThat(state.schedule().interval()).as("no backoff").isEqualTo(seconds(10));
      assertThat(Duration.between(time.instant(), state.schedule().nextTime()))
          .isBetween(millis(900), seconds(5));
    }
  }

  @Test
  void one_a_second_finds_out_whether_it_can_be_reached_again() {
    Server server = leftBehind();
    connectingFails(server);

    server.recovery.start();
    boolean dueAgain = time.runUntil(() -> restedTwice() + tried() == MANY, seconds(11));

    assertThat(dueAgain).isTrue();
    assertThat(tried()).isBetween(1L, 5L);
  }

  @Test
  void what_was_turned_away_three_times_is_tried_and_retried_as_ever() {
    Server server = leftBehind();
    connectingFails(server);

    server.recovery.start();
    run(seconds(19));

    for (int i = 1; i <= MANY; i++) {
      State state = state("g-" + i);
      assertThat(attempts("g-" + i)).isEqualTo(1);
      assertThat(state.extra().parkings()).isZero();
      assertThat(state.schedule().interval()).isEqualTo(seconds(20));
    }
  }

  @Test
  void all_go_on_when_one_call_gets_through() {
    Server server = leftBehind();
    connectingFails(server);
    server.recovery.start();
    run(A_MOMENT);

    weather.participantsComeBack();
    submit(server, "new");
    run(seconds(6));

    for (int i = 1; i <= MANY; i++) {
      assertThat(world.status("g-" + i)).as("g-" + i).isEqualTo(SUCCEED);
      assertThat(state("g-" + i).extra().parkings()).as("rests of g-" + i).isEqualTo(1);
    }
  }

  @Test
  void a_failure_of_long_ago_holds_up_nothing() {
    Server server = leftBehind();
    connectingFails(server);
    weather.participantsComeBack();
    run(seconds(11));

    server.recovery.start();
    run(A_MOMENT);

    for (int i = 1; i <= MANY; i++) {
      assertThat(world.status("g-" + i)).as("g-" + i).isEqualTo(SUCCEED);
    }
  }

  @Test
  void what_waits_for_its_destination_rests_too_when_the_call_before_it_cannot_connect() {
    world.limits = new CoordinatorLimits(1_000, 1 << 20, 1_000, 1, 100);
    Server server = leftBehind();
    weather.participantsGoAway("http://dead");

    server.recovery.start();
    run(A_MOMENT);

    assertThat(tried()).isEqualTo(1);
    assertThat(server.coordinator.openPasses()).isZero();
  }

  @Test
  void what_another_server_left_behind_waits_though_a_timer_takes_it_over() {
    world.safetyNet = Duration.ofHours(1);
    Server one = server("one");
    Server two = server("two");
    participants.script("http://dead/a", SILENT);
    submit(one, "g-1");
    run(A_MOMENT);
    one.crash();
    run(millis(9_300)); // its lease ends soon
    connectingFails(two);

    run(seconds(1));

    assertThat(state("g-1").extra().parkings()).isEqualTo(1);
  }

  @Test
  void first_calls_are_always_tried() {
    Server server = server("a");
    connectingFails(server);

    submit(server, "g-1");
    run(A_MOMENT);

    assertThat(attempts("g-1")).isEqualTo(1);
  }

  @Test
  void retries_are_tried_when_they_are_due() {
    Server server = server("a");
    connectingFails(server);
    run(seconds(20).minus(A_MOMENT).minus(A_MOMENT));
    submit(server, "just before"); // cannot connect either
    run(millis(300));

    assertThat(attempts("first")).isEqualTo(2);
  }

  @Test
  void what_a_client_submits_again_is_tried_at_once() {
    Server server = leftBehind();
    connectingFails(server);
    server.recovery.start();
    run(A_MOMENT);

    submit(server, "g-1");
    run(A_MOMENT);

    assertThat(attempts("g-1")).isEqualTo(1);
  }

  /** A server that has not begun its recovery yet, beside what one that has died left behind. */
  private Server leftBehind() {
    Server dead = server("dead");
    participants.script("http://dead/a", SILENT);
    for (int i = 1; i <= MANY; i++) {
      submit(dead, "g-" + i);
    }
    run(A_MOMENT);
    dead.crash();
    participants.script("http://dead/a", SUCCEEDS);
    run(seconds(11));
    var server = new Server(world, "living", weather);
    server.keeper.start();
    return server;
  }

  private void connectingFails(Server server) {
    weather.participantsGoAway("http://dead");
    submit(server, "first");
    run(A_MOMENT);
    assertThat(attempts("first")).isEqualTo(1);
  }

  private static void submit(Server server, String gid) {
    server.ask(saga(gid).step("http://dead/a", "").submit());
  }

  private State state(String gid) {
    return world.stored(gid).transaction().state();
  }

  private int attempts(String gid) {
    return state(gid).extra().attempts().values().stream().mapToInt(Attempt::number).sum();
  }

  private long restedTwice() {
    return IntStream.rangeClosed(1, MANY)
        .filter(i -> state("g-" + i).extra().parkings() == 2)
        .count();
  }

  private long tried() {
    return IntStream.rangeClosed(1, MANY).filter(i -> attempts("g-" + i) > 0).count();
  }
}
