package io.dtm4j.coordinator;

import static io.dtm4j.coordinator.Requests.message;
import static io.dtm4j.coordinator.Requests.saga;
import static io.dtm4j.coordinator.ScriptedParticipants.ONGOING;
import static io.dtm4j.coordinator.ScriptedParticipants.SUCCEEDS;
import static io.dtm4j.coordinator.ScriptedParticipants.UNKNOWN;
import static io.dtm4j.protocol.GlobalStatus.SUCCEED;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Stored;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** What is due happens on its millisecond, never early (docs/spec/transactions.md 3). */
@DisplayNameGeneration(ReplaceUnderscores.class)
class RetryTest extends InVirtualTime {
  /** From the due time until the call has reached its participant: claim, hops, call. */
  private static final Duration AT_ONCE = Duration.ofMillis(6);

  @Test
  void intervals_double_while_nothing_definite_is_known() {
    Server server = server("a");
    participants.script("http://bank/a1", UNKNOWN, UNKNOWN, UNKNOWN, SUCCEEDS);

    server.ask(saga("g", 1).submit());
    List<Instant> dues = duesUntilTheEnd("g");

    assertThat(dues).hasSize(3);
    assertCalledAt(dues, "http://bank/a1");
    assertThat(gapsOf("http://bank/a1"))
        .zipSatisfy(
            List.of(20, 40, 80),
            (gap, expected) -> assertThat(gap.toSeconds()).isEqualTo(expected.longValue()));
  }

  @Test
  void the_interval_stays_while_a_branch_is_ongoing() {
    Server server = server("a");
    participants.script("http://bank/a1", ONGOING, ONGOING, ONGOING, SUCCEEDS);

    server.ask(saga("g", 1).retryInterval(7).submit());
    List<Instant> dues = duesUntilTheEnd("g");

    assertThat(dues).hasSize(3);
    assertCalledAt(dues, "http://bank/a1");
    assertThat(gapsOf("http://bank/a1")).allMatch(gap -> gap.toSeconds() == 7);
  }

  @Test
  void a_timer_that_fires_early_waits_for_the_time_of_the_store() {
    var hasty =
        new Weather() {
          @Override
          Duration timerLateness(Duration delay) {
            return delay.dividedBy(10).negated();
          }
        };
    Server server = server("a", hasty);
    participants.script("http://bank/a1", ONGOING, ONGOING, SUCCEEDS);

    server.ask(saga("g", 1).submit());
    List<Instant> dues = duesUntilTheEnd("g");

    assertThat(dues).hasSize(2);
    assertCalledAt(dues, "http://bank/a1");
  }

  @Test
  void a_delayed_message_is_sent_at_its_time() {
    Server server = server("a");
    Instant began = time.instant();

    server.ask(message("g", 1).customData("{\"delay\":8}").submit());
    run(seconds(10));

    assertThat(world.status("g")).isEqualTo(SUCCEED);
    assertThat(Duration.between(began, participants.received().getFirst().at()))
        .isBetween(seconds(8), seconds(8).plus(AT_ONCE));
  }

  @Test
  void a_prepared_message_is_checked_back_at_its_time() {
    Server server = server("a");
    Instant began = time.instant();

    server.ask(message("g", 1).prepare());
    run(seconds(37));

    assertThat(participants.urls()).containsExactly("http://shop/query", "http://bank/m1");
    assertThat(Duration.between(began, participants.received().getFirst().at()))
        .isBetween(seconds(35), seconds(35).plus(AT_ONCE));
  }

  @Test
  void a_saga_times_out_while_its_action_is_in_flight() {
    Server server = server("a");
    participants.script("http://bank/a1", participants.slowly(seconds(4), SUCCEEDS));

    server.ask(saga("g", 1).requestTimeout(10).timeoutToFail(2).submit());
    run(seconds(3));
    assertThat(world.stored("g").transaction().state().reason()).startsWith("Timeout after 2");
    assertThat(participants.urls()).as("waits for the action").containsExactly("http://bank/a1");
    run(seconds(2));

    assertThat(participants.urls()).containsExactly("http://bank/a1", "http://bank/c1");
  }

  @Test
  void another_server_retries_on_time_when_the_first_has_died() {
    Server one = server("one");
    server("two");
    participants.script("http://bank/a1", ONGOING, SUCCEEDS);
    one.ask(saga("g", 1).submit());
    run(A_MOMENT);

    one.crash();
    List<Instant> dues = duesUntilTheEnd("g");

    assertCalledAt(dues, "http://bank/a1");
    assertThat(world.stored("g").owner().server()).isEqualTo("two");
  }

  /** Lets time pass until it has ended, and notes each due time on the way. */
  private List<Instant> duesUntilTheEnd(String gid) {
    List<Instant> dues = new ArrayList<>();
    boolean ended =
        time.runUntil(
            () -> {
              Stored stored = world.find(gid);
              if (stored == null || stored.transaction().status().isFinal()) {
                return stored != null;
              }
              Instant due = stored.transaction().state().schedule().nextTime();
              if (!stored.owner().isHeld() && !dues.contains(due)) {
                dues.add(due);
              }
              return false;
            },
            Duration.ofHours(1));
    assertThat(ended).isTrue();
    return dues;
  }

  private void assertCalledAt(List<Instant> dues, String url) {
    List<Participants.Received> retries = participants.callsOf(url);
    assertThat(retries.subList(1, retries.size()))
        .zipSatisfy(
            dues,
            (retry, due) ->
                assertThat(Duration.between(due, retry.at())).isBetween(Duration.ZERO, AT_ONCE));
  }

  private List<Duration> gapsOf(String url) {
    List<Participants.Received> calls = participants.callsOf(url);
    List<Duration> gaps = new ArrayList<>();
    for (int i = 1; i < calls.size(); i++) {
      gaps.add(Duration.between(calls.get(i - 1).at(), calls.get(i).at()));
    }
    return gaps;
  }
}
