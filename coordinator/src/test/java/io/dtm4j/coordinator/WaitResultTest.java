package io.dtm4j.coordinator;

import static io.dtm4j.coordinator.Requests.message;
import static io.dtm4j.coordinator.Requests.saga;
import static io.dtm4j.coordinator.ScriptedParticipants.ONGOING;
import static io.dtm4j.coordinator.ScriptedParticipants.SILENT;
import static io.dtm4j.coordinator.ScriptedParticipants.SUCCEEDS;
import static io.dtm4j.coordinator.ScriptedParticipants.UNKNOWN;
import static io.dtm4j.coordinator.ScriptedParticipants.fails;
import static io.dtm4j.protocol.GlobalStatus.FAILED;
import static io.dtm4j.protocol.GlobalStatus.SUBMITTED;
import static io.dtm4j.protocol.GlobalStatus.SUCCEED;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.protocol.ErrorCode;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** When and how a client hears that waits for the result (docs/spec/transactions.md 9). */
@DisplayNameGeneration(ReplaceUnderscores.class)
class WaitResultTest extends InVirtualTime {
  @Test
  void a_wait_ends_with_success() {
    Server.Answer answer = server("a").ask(saga("g", 3).waiting().submit());
    run(A_MOMENT);

    assertThat(codeOf(answer)).isNull();
  }

  @Test
  void a_wait_ends_when_the_rollback_has_ended() {
    participants.script("http://bank/a2", fails("full"));

    Server.Answer answer = server("a").ask(saga("g", 2).waiting().submit());
    run(A_MOMENT);

    assertThat(codeOf(answer)).isEqualTo(ErrorCode.ROLLED_BACK);
    assertThat(world.status("g")).isEqualTo(FAILED);
  }

  @Test
  void a_wait_ends_when_the_transaction_comes_to_rest() {
    participants.script("http://bank/a1", ONGOING);

    Server.Answer answer = server("a").ask(saga("g", 1).waiting().submit());
    run(A_MOMENT);

    assertThat(codeOf(answer)).isEqualTo(ErrorCode.NOT_FINISHED);
  }

  @Test
  void a_client_hears_what_keeps_a_message_from_its_end() {
    Server server = server("a");
    participants.script("http://bank/m1", UNKNOWN, fails("no"), ONGOING);

    Server.Answer first = server.ask(message("g", 1).waiting().submit());
    run(A_MOMENT);
    Server.Answer second = server.ask(message("g", 1).waiting().submit());
    run(A_MOMENT);
    Server.Answer third = server.ask(message("g", 1).waiting().submit());
    run(A_MOMENT);

    assertThat(codeOf(first)).isEqualTo(ErrorCode.BRANCH_UNREACHABLE);
    assertThat(codeOf(second)).isEqualTo(ErrorCode.BRANCH_REFUSED);
    assertThat(codeOf(third)).isEqualTo(ErrorCode.NOT_FINISHED);
  }

  @Test
  void a_wait_for_a_saga_ends_two_to_three_seconds_after_its_request_timeout() {
    for (int step = 1; step <= 5; step++) {
      participants.script("http://bank/a" + step, participants.slowly(seconds(2), SUCCEEDS));
    }
    Server server = server("a");
    Instant began = time.instant();

    Server.Answer answer = server.ask(saga("g", 5).waiting().submit());
    run(seconds(7));

    assertThat(codeOf(answer)).isEqualTo(ErrorCode.NOT_FINISHED);
    assertThat(Duration.between(began, answer.at())).isBetween(seconds(5), seconds(6));
    assertThat(world.status("g")).isEqualTo(SUBMITTED);
    run(seconds(5));
    assertThat(world.status("g")).as("it goes on").isEqualTo(SUCCEED);
  }

  @Test
  void the_request_timeout_of_the_saga_counts() {
    participants.script("http://bank/a1", participants.slowly(seconds(9), SUCCEEDS));

    Server.Answer answer = server("a").ask(saga("g", 1).requestTimeout(10).waiting().submit());
    run(seconds(10));

    assertThat(codeOf(answer)).isNull();
  }

  @Test
  void a_client_that_joins_has_its_own_time() {
    participants.script("http://bank/a1", participants.slowly(seconds(2), SUCCEEDS));
    participants.script("http://bank/a2", participants.slowly(seconds(2), SUCCEEDS));
    participants.script("http://bank/a3", participants.slowly(seconds(2), SUCCEEDS));
    Server server = server("a");

    Server.Answer first = server.ask(saga("g", 3).waiting().submit());
    run(seconds(4));
    Server.Answer second = server.ask(saga("g", 3).waiting().submit());
    run(seconds(3));

    assertThat(codeOf(first)).isEqualTo(ErrorCode.NOT_FINISHED);
    assertThat(codeOf(second)).isNull();
  }

  @Test
  void a_wait_for_a_message_lasts_as_long_as_its_calls() {
    participants.script("http://bank/m1", participants.slowly(seconds(19), SUCCEEDS));
    Server server = server("a");

    Server.Answer answer = server.ask(message("g", 1).requestTimeout(20).waiting().submit());
    run(seconds(18));
    assertThat(answer.isThere()).isFalse();
    run(seconds(2));

    assertThat(codeOf(answer)).isNull();
  }

  @Test
  void a_wait_ends_with_what_is_stored_when_the_pass_is_lost() {
    participants.script("http://bank/m1", SILENT);
    Server one = server("one");
    Server two = server("two");
    Server.Answer answer = one.ask(message("g", 1).requestTimeout(20).waiting().submit());
    run(A_MOMENT);

    two.ask(message("g", 1).forceStop());
    run(seconds(10)); // until the lease is renewed

    assertThat(codeOf(answer)).isEqualTo(ErrorCode.ROLLED_BACK);
    assertThat(one.passOf("g")).isNull();
  }

  @Test
  void a_wait_ends_when_the_outcome_of_a_write_is_not_known() {
    Server server = server("a");
    participants.script(
        "http://bank/m1",
        received -> {
          weather.storeGoesAway();
          received.succeed();
        });
    Instant began = time.instant();

    Server.Answer answer = server.ask(message("g", 1).waiting().submit());
    run(seconds(4));

    assertThat(codeOf(answer)).isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
    assertThat(Duration.between(began, answer.at())).isBetween(seconds(3), millis(3_500));
    weather.storeComesBack();
    run(A_MOMENT);
    assertThat(world.status("g")).isEqualTo(SUCCEED);
  }
}
