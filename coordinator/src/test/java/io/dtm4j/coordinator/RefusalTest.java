package io.dtm4j.coordinator;

import static io.dtm4j.coordinator.Requests.message;
import static io.dtm4j.coordinator.Requests.saga;
import static io.dtm4j.coordinator.ScriptedParticipants.ONGOING;
import static io.dtm4j.coordinator.ScriptedParticipants.SILENT;
import static io.dtm4j.protocol.GlobalStatus.SUBMITTED;
import static io.dtm4j.protocol.GlobalStatus.SUCCEED;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Reply;
import io.dtm4j.store.FaultyStore.Fault;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** What a client hears when a server cannot do what it is asked for. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class RefusalTest extends InVirtualTime {
  @Test
  void after_three_seconds_without_an_outcome_a_client_hears_so() {
    Server server = server("a");
    weather.storeGoesAway();
    Instant began = time.instant();

    Server.Answer answer = server.ask(saga("g", 1).submit());
    run(seconds(3));
    assertThat(answer.isThere()).isFalse();
    run(millis(500));

    assertThat(codeOf(answer)).isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
    assertThat(Duration.between(began, answer.at())).isBetween(seconds(3), millis(3_500));
    assertThat(server.commands.open()).isZero();
    weather.storeComesBack();
    run(A_MOMENT);
    assertThat(world.status("g")).as("it goes on by itself").isEqualTo(SUCCEED);
  }

  @Test
  void nothing_is_taken_while_writes_are_repeated() {
    Server server = server("a");
    weather.storeGoesAway();
    server.ask(saga("g", 1).submit());
    run(A_MOMENT);

    Server.Answer refused = server.ask(saga("h", 1).submit());
    run(A_MOMENT);

    assertThat(codeOf(refused)).isEqualTo(ErrorCode.STORE_UNAVAILABLE);
    weather.storeComesBack();
    run(seconds(1));
    assertThat(world.find("h")).isNull();
  }

  @Test
  void nothing_is_taken_while_the_store_is_in_trouble() {
    Server server = server("a");
    world.store.trouble("disk full");

    Server.Answer refused = server.ask(saga("g", 1).submit());
    run(A_MOMENT);

    assertThat(codeOf(refused)).isEqualTo(ErrorCode.STORE_UNAVAILABLE);
    assertThat(world.find("g")).isNull();
  }

  @Test
  void a_store_that_cannot_be_read_refuses() {
    var blind =
        new Weather() {
          @Override
          boolean readFails() {
            return true;
          }
        };
    Server server = server("a", blind);
    List<Reply> trouble = new ArrayList<>();

    Server.Answer refused = server.ask(saga("g", 1).forceStop());
    server.query("g", _ -> {}, trouble::add);
    run(A_MOMENT);

    assertThat(codeOf(refused)).isEqualTo(ErrorCode.STORE_UNAVAILABLE);
    assertThat(trouble).hasSize(1);
  }

  @Test
  void a_query_shows_what_is_stored() {
    Server server = server("a");
    server.ask(saga("g", 1).submit());
    run(A_MOMENT);
    List<@Nullable Stored> found = new ArrayList<>();

    server.query("g", found::add, _ -> {});
    server.query("h", found::add, _ -> {});
    run(A_MOMENT);

    assertThat(found).containsExactly(world.stored("g"), null);
  }

  @Test
  void new_transactions_are_refused_first() {
    world.limits = new CoordinatorLimits(2, 1 << 20, 100, 100, 100);
    Server server = server("a");
    participants.script("http://bank/a1", SILENT);
    server.ask(message("known", 1).prepare());
    server.ask(saga("g", 1).submit());
    server.ask(saga("h", 1).submit());
    run(A_MOMENT);

    Server.Answer fresh = server.ask(saga("i", 1).submit());
    Server.Answer known = server.ask(message("known", 1).submit());
    run(A_MOMENT);

    assertThat(codeOf(fresh)).isEqualTo(ErrorCode.OVERLOADED);
    assertThat(world.find("i")).isNull();
    assertThat(codeOf(known)).isNull();
    assertThat(world.status("known")).isEqualTo(SUCCEED);
  }

  @Test
  void beyond_twice_the_limit_all_are_refused() {
    world.limits = new CoordinatorLimits(1, 1 << 20, 100, 100, 100);
    Server server = server("a");
    participants.script("http://bank/a1", SILENT);
    participants.script("http://bank/m1", SILENT);
    server.ask(message("known", 1).prepare());
    server.ask(message("other", 1).prepare());
    server.ask(saga("g", 1).submit());
    run(A_MOMENT);
    server.ask(message("known", 1).submit());
    run(A_MOMENT);
    assertThat(server.coordinator.openPasses()).isEqualTo(2);

    Server.Answer refused = server.ask(message("other", 1).submit());
    run(A_MOMENT);

    assertThat(codeOf(refused)).isEqualTo(ErrorCode.OVERLOADED);
  }

  @Test
  void payloads_and_waiting_writes_are_limited_too() {
    world.limits = new CoordinatorLimits(100, 60, 100, 100, 100);
    Server bytes = server("bytes");
    world.limits = new CoordinatorLimits(100, 1 << 20, 1, 100, 100);
    Server backlog = server("backlog");
    participants.script("http://bank/a1", SILENT);
    bytes.ask(saga("g", 2).submit());
    run(A_MOMENT);

    Server.Answer tooLarge = bytes.ask(saga("h", 1).submit());
    backlog.ask(saga("i", 1).submit());
    backlog.ask(saga("j", 1).submit());
    Server.Answer tooMany = backlog.ask(saga("k", 1).submit());
    run(A_MOMENT);

    assertThat(codeOf(tooLarge)).isEqualTo(ErrorCode.OVERLOADED);
    assertThat(codeOf(tooMany)).isEqualTo(ErrorCode.OVERLOADED);
    assertThat(world.find("h")).isNull();
    assertThat(world.find("k")).isNull();
  }

  @Test
  void while_a_write_waits_too_long_nothing_new_is_taken_and_what_is_known_goes_on() {
    Server server = server("a");
    server.ask(message("known", 1).prepare());
    run(A_MOMENT);
    weather.writesTake(millis(1_500));
    Server.Answer first = server.ask(saga("g", 1).submit());
    run(millis(1_100));

    Server.Answer fresh = server.ask(saga("h", 1).submit());
    Server.Answer known = server.ask(message("known", 1).submit());
    run(seconds(3));

    assertThat(codeOf(fresh)).isEqualTo(ErrorCode.OVERLOADED);
    assertThat(world.find("h")).isNull();
    assertThat(codeOf(first)).isNull();
    assertThat(codeOf(known)).isNull();
  }

  @Test
  void branch_headers_take_up_room() {
    world.limits = new CoordinatorLimits(100, 1_000, 100, 100, 100);
    Server server = server("a");
    participants.script("http://bank/a1", SILENT);
    server.ask(saga("g", 1).headers(Map.of("token", "x".repeat(1_000))).submit());
    run(A_MOMENT);

    Server.Answer fresh = server.ask(saga("h", 1).submit());
    run(A_MOMENT);

    assertThat(codeOf(fresh)).isEqualTo(ErrorCode.OVERLOADED);
  }

  @Test
  void records_on_their_way_to_the_store_take_up_room() {
    world.limits = new CoordinatorLimits(100, 60, 100, 100, 100);
    Server server = server("a");

    Server.Answer first = server.ask(saga("g", 2).submit());
    Server.Answer second = server.ask(saga("h", 1).submit());
    run(A_MOMENT);

    assertThat(codeOf(first)).isNull();
    assertThat(codeOf(second)).isEqualTo(ErrorCode.OVERLOADED);
    assertThat(world.find("h")).isNull();
    Server.Answer third = server.ask(saga("i", 1).submit());
    run(A_MOMENT);
    assertThat(codeOf(third)).as("the first ones are over").isNull();
  }

  @Test
  void what_is_known_may_take_up_twice_the_room() {
    world.limits = new CoordinatorLimits(100, 600, 100, 100, 100);
    Server server = server("a");
    participants.script("http://bank/a1", SILENT);
    server.ask(message("known", 1).prepare());
    server.ask(saga("g", 2).submit());
    run(A_MOMENT);
    assertThat(server.coordinator.openBytes()).isBetween(600L, 1_000L);

    Server.Answer fresh = server.ask(saga("i", 1).submit());
    Server.Answer known = server.ask(message("known", 1).submit());
    run(A_MOMENT);

    assertThat(codeOf(fresh)).isEqualTo(ErrorCode.OVERLOADED);
    assertThat(codeOf(known)).isNull();
    assertThat(world.status("known")).isEqualTo(SUCCEED);
  }

  @Test
  void records_that_commands_read_take_up_room() {
    Server one = server("one");
    one.ask(message("g", 1).prepare());
    one.ask(message("h", 1).prepare());
    run(A_MOMENT);
    world.limits = new CoordinatorLimits(100, 100, 100, 100, 100);
    Server two = server("two");

    Server.Answer first = two.ask(message("g", 1).abort());
    Server.Answer second = two.ask(message("h", 1).abort());
    run(A_MOMENT);

    assertThat(List.of(first, second))
        .extracting(RefusalTest::codeOf)
        .containsExactlyInAnyOrder(null, ErrorCode.OVERLOADED);
  }

  @Test
  void a_request_that_makes_no_transaction_is_refused() {
    Server server = server("a");

    Server.Answer noGid = server.ask(saga("", 1).submit());
    Server.Answer noHost = server.ask(saga("g").step("bank/a", "").submit());
    run(A_MOMENT);

    assertThat(codeOf(noGid)).isEqualTo(ErrorCode.BAD_REQUEST);
    assertThat(codeOf(noHost)).isEqualTo(ErrorCode.BAD_REQUEST);
    assertThat(server.commands.open()).isZero();
  }

  @Test
  void what_a_client_can_mend_of_what_the_store_rejects_is_said_with_its_code() {
    Server server = server("a");
    world.store.reject(new Gid("g"), ErrorCode.LIMIT_EXCEEDED);

    Server.Answer answer = server.ask(saga("g", 1).submit());
    run(A_MOMENT);

    assertThat(answer.reply())
        .isEqualTo(new Reply.Failed(ErrorCode.LIMIT_EXCEEDED, "rejected on purpose"));
  }

  @Test
  void what_the_store_rejects_is_said_to_the_client() {
    Server server = server("a");
    world.store.reject(new Gid("g"));

    Server.Answer answer = server.ask(saga("g", 1).submit());
    run(A_MOMENT);

    assertThat(codeOf(answer)).isEqualTo(ErrorCode.INTERNAL);
    assertThat(server.coordinator.openPasses()).isZero();
  }

  @Test
  void a_command_that_always_loses_gives_up() {
    var contended =
        new Weather() {
          @Override
          Fault nextWrite() {
            touch("g");
            return super.nextWrite();
          }
        };
    Server one = server("one");
    Server two = server("two", contended);
    participants.script("http://bank/a1", ONGOING);
    one.ask(saga("g", 1).submit());
    run(A_MOMENT);

    Server.Answer answer = two.ask(saga("g", 1).submit());
    run(A_MOMENT);

    assertThat(codeOf(answer)).isEqualTo(ErrorCode.CONTENDED);
    assertThat(world.status("g")).isEqualTo(SUBMITTED);
  }

  /** Somebody else writes to a record that rests. */
  private void touch(String gid) {
    Stored stored = world.find(gid);
    if (stored != null) {
      var schedule = new Schedule(seconds(10), time.instant().plusSeconds(60));
      world.commit(
          new Batch(
              new Gid(gid),
              new Guard.HeldBy(stored.transaction().status(), stored.owner()),
              stored.owner().next(Owner.Mark.RESTING),
              List.of(new Write.SetSchedule(schedule, time.instant()))));
    }
  }
}
