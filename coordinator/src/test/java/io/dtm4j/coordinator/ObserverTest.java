package io.dtm4j.coordinator;

import static io.dtm4j.coordinator.Requests.message;
import static io.dtm4j.coordinator.Requests.saga;
import static io.dtm4j.coordinator.Requests.workflow;
import static io.dtm4j.coordinator.ScriptedParticipants.ONGOING;
import static io.dtm4j.coordinator.ScriptedParticipants.SILENT;
import static io.dtm4j.coordinator.ScriptedParticipants.SUCCEEDS;
import static io.dtm4j.coordinator.ScriptedParticipants.UNKNOWN;
import static io.dtm4j.coordinator.ScriptedParticipants.fails;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.engine.Trouble;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** What is told to be counted: docs/spec/operations.md 1. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class ObserverTest extends InVirtualTime {
  private final List<String> passes = new ArrayList<>();
  private final List<Duration> ages = new ArrayList<>();
  private final List<String> calls = new ArrayList<>();
  private final List<Trouble> troubles = new ArrayList<>();
  private final List<String> destinations = new ArrayList<>();
  private final List<Duration> callTimes = new ArrayList<>();
  private final List<Duration> latenesses = new ArrayList<>();
  private int dropped;

  @BeforeEach
  void observe() {
    world.observer =
        new Observer() {
          @Override
          public void passEnded(TransType type, boolean ok, Duration age) {
            passes.add(type.wireName() + (ok ? " ok" : " fail"));
            ages.add(age);
          }

          @Override
          public void branchCalled(TransType type, BranchKey branch, boolean ok) {
            calls.add(type.wireName() + " " + branch + (ok ? " ok" : " fail"));
          }

          @Override
          public void troubled(Trouble trouble) {
            troubles.add(trouble);
          }

          @Override
          public void passDropped() {
            dropped++;
          }

          @Override
          public void timerFired(Duration late) {
            latenesses.add(late);
          }

          @Override
          public Destination destination(String address) {
            return new Destination() {
              @Override
              public void called(BranchAnswer answer, boolean unreachable, long nanos) {
                String kind = unreachable ? "unreachable" : answer.getClass().getSimpleName();
                destinations.add(address + " " + kind);
                callTimes.add(Duration.ofNanos(nanos));
              }

              @Override
              public void deferred(Deferral why) {
                destinations.add(address + " deferred " + why);
              }
            };
          }
        };
  }

  @Test
  void a_saga_is_one_pass_with_a_call_for_each_branch() {
    participants.script("http://bank/a2", participants.slowly(seconds(2), SUCCEEDS));

    server("a").ask(saga("g", 2).waiting().submit());
    run(seconds(1));
    assertThat(passes).isEmpty();
    run(seconds(2));

    assertThat(passes).containsExactly("saga ok");
    assertThat(ages.getFirst()).isBetween(seconds(2), seconds(3));
    assertThat(calls).containsExactly("saga 01 action ok", "saga 02 action ok");
  }

  /** docs/spec/transactions.md 3.1. */
  @Test
  void a_call_that_says_nothing_is_told_each_time_with_the_doublings_of_its_interval() {
    participants.script("http://bank/a1", UNKNOWN, ONGOING, UNKNOWN, UNKNOWN, SUCCEEDS);

    server("a").ask(saga("g", 1).submit());
    run(seconds(200));

    assertThat(troubles)
        .containsExactly(
            trouble("http://bank/a1", GlobalStatus.SUBMITTED, "01", Op.ACTION, "oops", 1),
            trouble("http://bank/a1", GlobalStatus.SUBMITTED, "01", Op.ACTION, "oops", 2),
            trouble("http://bank/a1", GlobalStatus.SUBMITTED, "01", Op.ACTION, "oops", 3));
  }

  @Test
  void a_refusal_is_told_where_none_is_allowed() {
    participants.script("http://bank/a1", fails("full"));
    participants.script("http://bank/c1", fails("no"), SUCCEEDS);

    server("a").ask(saga("g", 1).submit());
    run(seconds(60));

    assertThat(troubles)
        .containsExactly(
            trouble("http://bank/c1", GlobalStatus.ABORTING, "01", Op.COMPENSATE, "no", 1));
  }

  @Test
  void check_backs_and_resumes_are_told_too() {
    participants.script("http://shop/query", UNKNOWN, SUCCEEDS);
    participants.script("http://shop/resume", UNKNOWN, UNKNOWN, SUCCEEDS);
    Server server = server("a");

    server.ask(message("g", 0).timeoutToFail(2).prepare());
    run(seconds(60));
    server.prepareWorkflow(workflow("w"), new ArrayList<Stored>()::add);
    run(seconds(60));

    assertThat(troubles)
        .containsExactly(
            trouble("http://shop/query", GlobalStatus.PREPARED, "00", Op.CHECK_BACK, "oops", 1),
            resume("w", 1),
            resume("w", 2));
  }

  private static Trouble resume(String gid, int retries) {
    return new Trouble(
        new Gid(gid),
        GlobalStatus.PREPARED,
        new BranchKey("00", Op.of("buy")),
        "http://shop/resume",
        "oops",
        retries);
  }

  private static Trouble trouble(
      String url, GlobalStatus status, String branchId, Op op, String error, int retries) {
    return new Trouble(new Gid("g"), status, new BranchKey(branchId, op), url, error, retries);
  }

  @Test
  void a_refused_saga_counts_as_failed_when_somebody_waits_for_it() {
    participants.script("http://bank/a2", fails("full"));
    Server server = server("a");

    server.ask(saga("g", 2).waiting().submit());
    run(A_MOMENT);
    server.ask(saga("h", 2).submit());
    run(A_MOMENT);

    assertThat(passes).containsExactly("saga fail", "saga ok");
    assertThat(calls.subList(0, 4))
        .containsExactly(
            "saga 01 action ok",
            "saga 02 action fail",
            "saga 02 compensate ok",
            "saga 01 compensate ok");
  }

  @Test
  void the_client_is_told_after_the_pass_was_counted() {
    List<List<String>> seen = new ArrayList<>();

    server("a").ask(saga("g", 1).waiting().submit(), _ -> seen.add(List.copyOf(passes)));
    run(A_MOMENT);

    assertThat(seen).containsExactly(List.of("saga ok"));
  }

  @Test
  void a_pass_that_was_taken_up_again_fails_unless_it_ends_its_transaction() {
    participants.script("http://bank/m1", ONGOING, UNKNOWN, SUCCEEDS);

    server("a").ask(message("g", 1).submit());
    run(seconds(60));

    assertThat(passes).containsExactly("msg ok", "msg fail", "msg ok");
    assertThat(calls)
        .containsExactly("msg 01 action fail", "msg 01 action fail", "msg 01 action ok");
  }

  @Test
  void a_rollback_that_was_taken_up_again_and_ends_is_ok() {
    participants.script("http://bank/a1", fails("full"));
    participants.script("http://bank/c1", UNKNOWN, SUCCEEDS);

    server("a").ask(saga("g", 1).waiting().submit());
    run(seconds(60));

    assertThat(passes).containsExactly("saga fail", "saga ok");
  }

  @Test
  void a_check_back_is_a_pass_but_no_call_of_a_branch() {
    participants.script("http://shop/query", fails("rolled back"));

    server("a").ask(message("g", 1).timeoutToFail(2).prepare());
    run(seconds(4));

    assertThat(passes).containsExactly("msg ok");
    assertThat(calls).isEmpty();
  }

  @Test
  void each_destination_is_told_what_its_calls_came_to_and_when() {
    participants.script("http://bank/a1", participants.slowly(seconds(2), SUCCEEDS));
    participants.script("http://shop/a", fails("full"));
    server("a").ask(saga("g", 1).step("http://shop/a", "http://shop/c").requestTimeout(5).submit());

    run(seconds(3));

    assertThat(destinations)
        .containsExactly(
            "http://bank Success",
            "http://shop Failure",
            "http://shop Success",
            "http://bank Success");
    assertThat(callTimes.getFirst()).isBetween(seconds(2), millis(2_100));
    assertThat(callTimes.getLast()).isLessThan(millis(100));
  }

  @Test
  void check_backs_are_calls_of_their_destination() {
    participants.script("http://shop/query", ONGOING, UNKNOWN, fails("rolled back"));

    server("a").ask(message("g", 1).timeoutToFail(2).prepare());
    run(seconds(60));

    assertThat(destinations)
        .containsExactly("http://shop Ongoing", "http://shop Unknown", "http://shop Failure");
  }

  @Test
  void a_destination_that_cannot_be_reached_is_told_so() {
    weather.participantsGoAway("http://bank");

    server("a").ask(saga("g", 1).submit());
    run(seconds(1));

    assertThat(destinations).containsExactly("http://bank unreachable");
  }

  @Test
  void a_call_that_finds_no_place_is_told_as_deferred() {
    world.limits = new CoordinatorLimits(1_000, 1 << 20, 1_000, 1, 0);
    participants.script("http://bank/a1", SILENT);
    Server server = server("a");

    server.ask(saga("g", 1).submit());
    server.ask(saga("h", 1).submit());
    run(A_MOMENT);

    assertThat(destinations).containsExactly("http://bank deferred FULL");
  }

  @Test
  void a_timer_is_told_with_its_lateness() {
    participants.script("http://bank/a1", UNKNOWN, SUCCEEDS);

    server("a").ask(saga("g", 1).submit());
    run(seconds(60));

    assertThat(latenesses)
        .singleElement()
        .satisfies(late -> assertThat(late).isBetween(Duration.ZERO, seconds(1)));
  }

  @Test
  void a_pass_that_cannot_go_on_is_told() {
    participants.script(
        "http://bank/m1",
        received -> {
          world.store.reject(new Gid("h"));
          received.succeed();
        });

    server("a").ask(message("h", 1).submit());
    run(A_MOMENT);

    assertThat(dropped).isEqualTo(1);
  }

  @Test
  void a_pass_that_is_overtaken_or_dropped_has_failed() {
    participants.script("http://bank/a1", SILENT);
    participants.script(
        "http://bank/m1",
        received -> {
          world.store.reject(new Gid("h"));
          received.succeed();
        });
    Server server = server("a");
    server.ask(saga("g", 1).submit());
    run(A_MOMENT);

    server.ask(saga("g", 1).forceStop());
    server.ask(message("h", 1).submit());
    run(A_MOMENT);

    assertThat(passes).containsExactlyInAnyOrder("saga fail", "msg fail");
  }
}
