package io.dtm4j.coordinator;

import static io.dtm4j.coordinator.Requests.message;
import static io.dtm4j.coordinator.Requests.saga;
import static io.dtm4j.coordinator.ScriptedParticipants.ONGOING;
import static io.dtm4j.coordinator.ScriptedParticipants.SILENT;
import static io.dtm4j.coordinator.ScriptedParticipants.SUCCEEDS;
import static io.dtm4j.coordinator.ScriptedParticipants.UNKNOWN;
import static io.dtm4j.protocol.GlobalStatus.FAILED;
import static io.dtm4j.protocol.GlobalStatus.SUBMITTED;
import static io.dtm4j.protocol.GlobalStatus.SUCCEED;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Owner;
import io.dtm4j.protocol.ErrorCode;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** Commands for a transaction that is on its way already (docs/architecture.md, R4 and R5). */
@DisplayNameGeneration(ReplaceUnderscores.class)
class RepeatedSubmitTest extends InVirtualTime {
  @Test
  void a_transaction_at_rest_is_woken_at_once() {
    Server server = server("a");
    participants.script("http://bank/a2", UNKNOWN, SUCCEEDS);
    server.ask(saga("g", 2).submit());
    run(A_MOMENT);

    Server.Answer answer = server.ask(saga("g", 2).waiting().submit());
    run(A_MOMENT);

    assertThat(codeOf(answer)).isNull();
    assertThat(participants.urls())
        .as("only what is not done is called")
        .containsExactly("http://bank/a1", "http://bank/a2", "http://bank/a2");
  }

  @Test
  void a_transaction_at_rest_is_woken_by_any_server() {
    Server one = server("one");
    Server two = server("two");
    participants.script("http://bank/a1", ONGOING, SUCCEEDS);
    one.ask(saga("g", 1).submit());
    run(A_MOMENT);

    Server.Answer answer = two.ask(saga("g", 1).submit());
    run(A_MOMENT);

    assertThat(codeOf(answer)).isNull();
    assertThat(world.status("g")).isEqualTo(SUCCEED);
    run(seconds(30));
    assertThat(participants.received()).as("the old timer calls nobody").hasSize(2);
  }

  @Test
  void while_another_server_has_it_that_one_is_asked_to_look_again() {
    Server one = server("one");
    Server two = server("two");
    participants.script("http://bank/a1", SILENT, SUCCEEDS);
    one.ask(saga("g", 1).submit());
    run(A_MOMENT);

    Server.Answer answer = two.ask(saga("g", 1).submit());
    run(A_MOMENT);

    assertThat(codeOf(answer)).isNull();
    assertThat(world.stored("g").owner().mark()).isEqualTo(Owner.Mark.LOOK_AGAIN);
    assertThat(world.stored("g").owner().server()).isEqualTo("one");
    assertThat(participants.received()).as("no second call").hasSize(1);
    ONGOING.take(participants.received().getFirst());
    run(A_MOMENT);
    assertThat(participants.received()).as("looked again at once").hasSize(2);
    assertThat(world.status("g")).isEqualTo(SUCCEED);
  }

  @Test
  void while_another_server_has_it_a_waiting_client_hears_of_the_end_soon() {
    Server one = server("one");
    Server two = server("two");
    participants.script("http://bank/a1", participants.slowly(seconds(2), SUCCEEDS));
    one.ask(saga("g", 1).submit());
    run(A_MOMENT);

    Server.Answer answer = two.ask(saga("g", 1).waiting().submit());
    run(seconds(1));
    assertThat(answer.isThere()).isFalse();
    run(millis(1_200));

    assertThat(codeOf(answer)).isNull();
    assertThat(participants.received()).hasSize(1);
  }

  @Test
  void while_another_server_has_it_a_waiting_client_waits_no_longer_than_elsewhere() {
    Server one = server("one");
    Server two = server("two");
    for (int step = 1; step <= 4; step++) {
      participants.script("http://bank/a" + step, participants.slowly(seconds(2), SUCCEEDS));
    }
    one.ask(saga("g", 4).submit());
    run(A_MOMENT);
    Instant began = time.instant();

    Server.Answer answer = two.ask(saga("g", 4).waiting().submit());
    run(seconds(7));

    assertThat(codeOf(answer)).isEqualTo(ErrorCode.NOT_FINISHED);
    assertThat(Duration.between(began, answer.at())).isBetween(seconds(5), seconds(6));
  }

  @Test
  void a_submit_takes_over_from_a_check_back() {
    Server one = server("one");
    Server two = server("two");
    participants.script("http://shop/query", SILENT);
    one.ask(message("g", 1).timeoutToFail(2).prepare());
    run(seconds(3));
    assertThat(participants.urls()).containsExactly("http://shop/query");

    Server.Answer answer = two.ask(message("g", 1).waiting().submit());
    run(A_MOMENT);
    participants.received().getFirst().fail("rolled back");
    run(seconds(1));

    assertThat(codeOf(answer)).isNull();
    assertThat(world.status("g")).isEqualTo(SUCCEED);
    assertThat(participants.urls()).containsExactly("http://shop/query", "http://bank/m1");
    assertThat(one.passOf("g")).isNull();
  }

  @Test
  void a_check_back_that_was_claimed_just_before_does_not_end_the_pass_of_the_submit() {
    Server server = server("a");
    participants.script("http://bank/m1", participants.slowly(seconds(1), SUCCEEDS));

    // Somewhere here claim and submit are written together, and the claim begins last.
    for (int micros = 0; micros < 4_000; micros += 7) {
      String gid = "g-" + micros;
      server.ask(message(gid, 1).timeoutToFail(2).prepare());
      run(millis(1_996).plusNanos(micros * 1_000L));
      server.ask(message(gid, 1).submit());
      run(millis(1));
      server.ask(saga("other-" + micros, 1).submit()); // keeps the store busy meanwhile
      run(millis(1_500));
      assertThat(world.status(gid)).as(gid).isEqualTo(SUCCEED);
    }

    assertThat(participants.callsOf("http://bank/m1")).hasSize(572);
  }

  @Test
  void an_answer_that_comes_after_a_force_stop_changes_nothing() {
    Server server = server("a");
    participants.script("http://bank/a1", SILENT);
    Server.Answer waiting = server.ask(saga("g", 2).waiting().submit());
    run(A_MOMENT);

    Server.Answer stopped = server.ask(saga("g", 2).forceStop());
    run(A_MOMENT);
    participants.received().getFirst().succeed();
    run(seconds(30));

    assertThat(codeOf(stopped)).isNull();
    assertThat(codeOf(waiting)).isEqualTo(ErrorCode.ROLLED_BACK);
    assertThat(world.status("g")).isEqualTo(FAILED);
    assertThat(world.stored("g").transaction().branches()).allMatch(branch -> branch.isOpen());
    assertThat(participants.received()).hasSize(1);
    assertThat(server.coordinator.openPasses()).isZero();
  }

  @Test
  void what_is_over_refuses() {
    Server server = server("a");
    server.ask(saga("g", 1).submit());
    run(A_MOMENT);

    Server.Answer submit = server.ask(saga("g", 1).submit());
    Server.Answer stop = server.ask(saga("g", 1).forceStop());
    Server.Answer abort = server.ask(saga("g", 1).abort());
    Server.Answer unknown = server.ask(saga("h", 1).abort());
    run(A_MOMENT);

    assertThat(codeOf(submit)).isEqualTo(ErrorCode.STATUS_CONFLICT);
    assertThat(codeOf(stop)).isEqualTo(ErrorCode.STATUS_CONFLICT);
    assertThat(codeOf(abort)).isEqualTo(ErrorCode.STATUS_CONFLICT);
    assertThat(codeOf(unknown)).isEqualTo(ErrorCode.GID_NOT_FOUND);
  }

  @Test
  void submits_of_one_gid_that_come_together_call_once() {
    Server one = server("one");
    Server two = server("two");
    participants.script("http://bank/a1", participants.slowly(seconds(1), SUCCEEDS));

    Server.Answer[] answers = {
      one.ask(saga("g", 1).waiting().submit()),
      one.ask(saga("g", 1).waiting().submit()),
      two.ask(saga("g", 1).waiting().submit()),
      two.ask(saga("g", 1).submit())
    };
    run(seconds(2));

    for (Server.Answer answer : answers) {
      assertThat(codeOf(answer)).isNull();
    }
    assertThat(participants.received()).hasSize(1);
  }

  @Test
  void a_repeated_prepare_changes_nothing() {
    Server server = server("a");
    server.ask(message("g", 1).prepare());
    run(A_MOMENT);
    var before = world.stored("g");

    Server.Answer again = server.ask(message("g", 1).prepare());
    run(A_MOMENT);

    assertThat(codeOf(again)).isNull();
    assertThat(world.stored("g")).isEqualTo(before);
    server.ask(message("g", 1).submit());
    run(A_MOMENT);
    Server.Answer late = server.ask(message("g", 1).prepare());
    run(A_MOMENT);
    assertThat(codeOf(late)).isEqualTo(ErrorCode.STATUS_CONFLICT);
  }

  @Test
  void a_submit_of_a_transaction_that_this_server_is_about_to_begin_joins_it() {
    Server server = server("a");
    participants.script("http://bank/a1", ONGOING, SILENT);
    server.ask(saga("g", 1).submit());
    run(seconds(10).plus(A_MOMENT)); // claimed again, and called
    assertThat(participants.received()).hasSize(2);

    Server.Answer answer = server.ask(saga("g", 1).waiting().submit());
    run(A_MOMENT);
    participants.received().get(1).succeed();
    run(A_MOMENT);

    assertThat(codeOf(answer)).isNull();
    assertThat(world.status("g")).isNotEqualTo(SUBMITTED);
    assertThat(participants.received()).hasSize(2);
  }
}
