package io.dtm4j.coordinator;

import static io.dtm4j.coordinator.Requests.message;
import static io.dtm4j.coordinator.Requests.saga;
import static io.dtm4j.coordinator.Requests.tcc;
import static io.dtm4j.coordinator.Requests.workflow;
import static io.dtm4j.coordinator.Requests.xa;
import static io.dtm4j.coordinator.ScriptedParticipants.ONGOING;
import static io.dtm4j.coordinator.ScriptedParticipants.SILENT;
import static io.dtm4j.coordinator.ScriptedParticipants.SUCCEEDS;
import static io.dtm4j.coordinator.ScriptedParticipants.UNKNOWN;
import static io.dtm4j.coordinator.ScriptedParticipants.fails;
import static io.dtm4j.protocol.GlobalStatus.ABORTING;
import static io.dtm4j.protocol.GlobalStatus.FAILED;
import static io.dtm4j.protocol.GlobalStatus.PREPARED;
import static io.dtm4j.protocol.GlobalStatus.SUBMITTED;
import static io.dtm4j.protocol.GlobalStatus.SUCCEED;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Branch;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.Reply;
import io.dtm4j.store.FaultyStore.Fault;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/**
 * TCC, XA and workflow by the rules of docs/architecture.md: branches that are registered while
 * somebody decides, and clients that decide against each other.
 */
@DisplayNameGeneration(ReplaceUnderscores.class)
class RegisteredBranchesTest extends InVirtualTime {
  private List<String> keys(String gid) {
    return world.stored(gid).transaction().branches().stream()
        .map(Branch::key)
        .map(Object::toString)
        .toList();
  }

  /** Prepares a transaction with so many branches. */
  private void begin(Server server, Requests transaction, int branches) {
    server.ask(transaction.prepare());
    run(A_MOMENT);
    for (int branch = 1; branch <= branches; branch++) {
      server.register(transaction.branch(branch));
      run(A_MOMENT);
    }
  }

  // ---- the second phase

  @Test
  void a_tcc_is_confirmed_from_last_to_first() {
    Server server = server("a");
    begin(server, tcc("g"), 2);

    Server.Answer answer = server.ask(tcc("g").submit());
    run(A_MOMENT);

    assertThat(codeOf(answer)).isNull();
    assertThat(participants.urls()).containsExactly("http://bank/k2", "http://bank/k1");
    assertThat(world.status("g")).isEqualTo(SUCCEED);
    server.checkIdle();
  }

  @Test
  void an_xa_is_rolled_back_from_first_to_last() {
    Server server = server("a");
    begin(server, xa("g"), 2);

    server.ask(xa("g").abort("branch 2 failed"));
    run(A_MOMENT);

    assertThat(participants.urls()).containsExactly("http://bank/b1", "http://bank/b2");
    assertThat(world.status("g")).isEqualTo(FAILED);
    assertThat(world.stored("g").transaction().state().reason()).isEqualTo("branch 2 failed");
  }

  /** docs/spec/sdk-matrix.md 5.8 and 5.22: ids say nothing about the order. */
  @Test
  void branches_are_taken_in_the_order_of_their_registration_whatever_their_ids_are() {
    List<String> ids = List.of("20", "10", "1010", "010", "2", "x y/ü&=?#%", "1".repeat(128));
    Server server = server("a");
    for (Requests transaction : List.of(tcc("t"), xa("x"))) {
      server.ask(transaction.prepare());
      run(A_MOMENT);
      for (int i = 0; i < ids.size(); i++) {
        Server.Answer answer = server.register(named(ids.get(i), transaction.branch(i)));
        run(A_MOMENT);
        assertThat(codeOf(answer)).isNull();
      }
      server.ask(transaction.submit());
      run(A_MOMENT);
    }

    List<String> urls = participants.urls();
    int count = ids.size();
    assertThat(urls.subList(0, count))
        .containsExactlyElementsOf(
            IntStream.range(0, count).mapToObj(i -> "http://bank/k" + (count - 1 - i)).toList());
    assertThat(urls.subList(count, urls.size()))
        .containsExactlyElementsOf(
            IntStream.range(0, count).mapToObj(i -> "http://bank/b" + i).toList());
    assertThat(world.stored("t").transaction().branches())
        .extracting(branch -> branch.key().branchId())
        .containsExactlyElementsOf(ids.stream().flatMap(id -> Stream.of(id, id)).toList());
  }

  private static BranchRequest named(String id, BranchRequest branch) {
    return new BranchRequest(
        branch.gid(),
        branch.transType(),
        id,
        branch.data(),
        branch.confirm(),
        branch.cancel(),
        branch.url(),
        branch.op(),
        branch.status());
  }

  // ---- docs/decisions/0011

  @Test
  void a_server_that_has_seen_a_transaction_last_reads_nothing() {
    Server server = server("a", new WithoutReads());

    begin(server, tcc("g"), 2);
    Server.Answer answer = server.ask(tcc("g").submit());
    run(A_MOMENT);

    assertThat(codeOf(answer)).isNull();
    assertThat(world.status("g")).isEqualTo(SUCCEED);
  }

  @Test
  void what_a_server_saw_last_is_no_reason_to_answer() {
    Server one = server("one");
    Server two = server("two");
    begin(one, tcc("g"), 1);
    two.ask(tcc("g").forceStop());
    run(A_MOMENT);

    Server.Answer prepared = one.ask(tcc("g").prepare());
    Server.Answer registered = one.register(tcc("g").branch(2));
    Server.Answer submitted = one.ask(tcc("g").submit());
    run(A_MOMENT);

    assertThat(List.of(codes(prepared, registered, submitted)))
        .containsOnly(ErrorCode.STATUS_CONFLICT);
    assertThat(keys("g")).as("rows").hasSize(2);
    assertThat(participants.received()).isEmpty();
    one.checkIdle();
  }

  @Test
  void what_a_pass_wrote_since_is_not_forgotten() {
    Server server = server("a");
    participants.script("http://shop/query", UNKNOWN);
    participants.script("http://bank/m1", UNKNOWN);
    Requests message = message("g", 1).timeoutToFail(1).retryInterval(1);
    server.ask(message.prepare());
    run(seconds(5)); // checked back after 1 s and 2 s more
    Duration before = world.stored("g").transaction().state().schedule().interval();

    server.ask(message.submit());
    run(A_MOMENT);

    assertThat(before).hasSeconds(4);
    assertThat(world.stored("g").transaction().state().schedule().interval()).hasSeconds(8);
  }

  @Test
  void what_another_server_wrote_since_is_not_forgotten() {
    Server one = server("one");
    one.recovery.stop(); // the other one checks back
    participants.script("http://shop/query", UNKNOWN);
    participants.script("http://bank/m1", UNKNOWN);
    Requests message = message("g", 1).timeoutToFail(1).retryInterval(1);
    one.ask(message.prepare());
    run(A_MOMENT);
    server("two");
    run(seconds(5)); // checked back after 1 s and 2 s more
    Duration before = world.stored("g").transaction().state().schedule().interval();

    one.ask(message.submit());
    run(A_MOMENT);

    assertThat(before).hasSeconds(4);
    assertThat(world.stored("g").transaction().state().schedule().interval()).hasSeconds(8);
  }

  @Test
  void what_was_seen_last_is_not_taken_for_another_transaction_of_that_gid() {
    Server one = server("one");
    Server two = server("two");
    one.ask(tcc("g").prepare());
    run(A_MOMENT);
    two.ask(tcc("g").forceStop());
    run(A_MOMENT);
    world.deleteEnded("g");
    two.ask(xa("g").prepare());
    run(A_MOMENT);

    Server.Answer registered = one.register(tcc("g").branch(1));
    Server.Answer aborted = one.ask(tcc("g").abort("of the first one"));
    run(A_MOMENT);

    assertThat(codeOf(registered)).isEqualTo(ErrorCode.BAD_REQUEST);
    assertThat(world.rows("g")).isEmpty();
    assertThat(codeOf(aborted)).as("what counts is what is stored now").isNull();
  }

  private static ErrorCode[] codes(Server.Answer... answers) {
    return Stream.of(answers)
        .map(answer -> requireNonNull(codeOf(answer)))
        .toArray(ErrorCode[]::new);
  }

  /** No read comes through. */
  private static final class WithoutReads extends Weather {
    @Override
    boolean readFails() {
      return true;
    }
  }

  @Test
  void R4a_a_branch_registered_while_the_submit_is_on_its_way_is_confirmed() {
    var ofOne = new Weather();
    Server one = server("one", ofOne);
    Server two = server("two");
    begin(one, tcc("g"), 1);
    ofOne.storeGoesAway();
    Server.Answer submit = one.ask(tcc("g").submit()); // has read one branch
    run(A_MOMENT);

    Server.Answer registered = two.register(tcc("g").branch(2));
    run(A_MOMENT);
    ofOne.storeComesBack();
    run(seconds(1));

    assertThat(codeOf(registered)).isNull();
    assertThat(codeOf(submit)).isNull();
    assertThat(participants.urls()).containsExactly("http://bank/k2", "http://bank/k1");
    assertThat(world.status("g")).isEqualTo(SUCCEED);
  }

  @Test
  void R4a_the_first_branch_registered_while_the_submit_is_on_its_way_is_confirmed() {
    var ofOne = new Weather();
    Server one = server("one", ofOne);
    Server two = server("two");
    begin(one, tcc("g"), 0);
    ofOne.storeGoesAway();
    one.ask(tcc("g").submit()); // has read no branch
    run(A_MOMENT);

    two.register(tcc("g").branch(1));
    run(A_MOMENT);
    ofOne.storeComesBack();
    run(seconds(1));

    assertThat(participants.urls()).containsExactly("http://bank/k1");
    assertThat(world.status("g")).isEqualTo(SUCCEED);
  }

  @Test
  void a_branch_that_comes_after_the_submit_is_refused() {
    var ofTwo = new Weather();
    Server one = server("one");
    Server two = server("two", ofTwo);
    begin(one, tcc("g"), 1);
    ofTwo.storeGoesAway();
    Server.Answer late = two.register(tcc("g").branch(2)); // has read that it is prepared
    run(A_MOMENT);

    one.ask(tcc("g").submit());
    run(A_MOMENT);
    ofTwo.storeComesBack();
    run(seconds(1));

    assertThat(codeOf(late)).isEqualTo(ErrorCode.STATUS_CONFLICT);
    assertThat(keys("g")).containsExactly("01 cancel", "01 confirm");
  }

  /** The pass that decides the timeout has read one branch. */
  @Test
  void R4a_a_branch_registered_while_a_timeout_is_on_its_way_is_cancelled() {
    var ofOne = new Weather();
    Server one = server("one", ofOne);
    Requests transaction = tcc("g").timeoutToFail(2);
    begin(one, transaction, 1);
    Instant due = world.stored("g").transaction().state().schedule().nextTime();
    run(Duration.between(time.instant(), due).minusMillis(1));
    ofOne.nextWrites(Fault.NONE, Fault.BEFORE_EFFECT, Fault.BEFORE_EFFECT);
    run(millis(6));
    assertThat(one.passOf("g")).as("has claimed it").isNotNull();
    assertThat(world.status("g")).as("its decision is not stored yet").isEqualTo(PREPARED);

    Server two = world.server("two", new Weather());
    Server.Answer registered = two.register(transaction.branch(2));
    run(millis(5));
    assertThat(codeOf(registered)).isNull();
    assertThat(world.status("g")).isEqualTo(PREPARED);
    run(seconds(1));

    assertThat(keys("g")).containsExactly("01 cancel", "01 confirm", "02 cancel", "02 confirm");
    assertThat(participants.urls()).containsExactly("http://bank/x2", "http://bank/x1");
    assertThat(world.status("g")).isEqualTo(FAILED);
    assertThat(world.stored("g").transaction().state().reason())
        .isEqualTo("Timeout after 2 seconds");
  }

  @Test
  void R4_of_submit_and_abort_at_the_same_time_one_wins() {
    Server one = server("one");
    Server two = server("two");
    begin(one, tcc("g"), 2);

    Server.Answer abort = two.ask(tcc("g").abort("changed my mind"));
    Server.Answer submit = one.ask(tcc("g").submit());
    run(A_MOMENT);

    boolean aborted = world.status("g") == FAILED;
    assertThat(codeOf(aborted ? submit : abort)).isEqualTo(ErrorCode.STATUS_CONFLICT);
    assertThat(codeOf(aborted ? abort : submit)).isNull();
    assertThat(participants.urls())
        .containsExactly(
            aborted ? "http://bank/x2" : "http://bank/k2",
            aborted ? "http://bank/x1" : "http://bank/k1");
  }

  @Test
  void R2_the_direction_is_durable_before_anything_is_called() {
    Server server = server("a");
    begin(server, tcc("g"), 1);
    weather.storeGoesAway();

    Server.Answer abort = server.ask(tcc("g").abort());
    run(seconds(1));

    assertThat(participants.received()).isEmpty();
    assertThat(abort.isThere()).isFalse();
    weather.storeComesBack();
    run(seconds(1));
    assertThat(participants.urls()).containsExactly("http://bank/x1");
  }

  @Test
  void R5_a_repeated_abort_joins_the_calls_in_flight() {
    Server server = server("a");
    begin(server, tcc("g").waiting(), 1);
    participants.script("http://bank/x1", SILENT);
    Server.Answer first = server.ask(tcc("g").abort("one"));
    run(A_MOMENT);

    Server.Answer again = server.ask(tcc("g").abort("two"));
    run(A_MOMENT);
    assertThat(first.isThere()).isFalse();
    assertThat(again.isThere()).isFalse();
    participants.received().getFirst().succeed();
    run(A_MOMENT);

    assertThat(codeOf(first)).isNull();
    assertThat(codeOf(again)).isNull();
    assertThat(participants.urls()).containsExactly("http://bank/x1");
    assertThat(world.stored("g").transaction().state().reason()).isEqualTo("two");
  }

  @Test
  void R4_a_new_reason_leaves_another_server_its_pass() {
    Server one = server("one");
    Server two = server("two");
    begin(one, xa("g"), 1);
    participants.script("http://bank/b1", SILENT);
    one.ask(xa("g").abort("one"));
    run(A_MOMENT);
    String claim = world.stored("g").owner().claim();

    Server.Answer again = two.ask(xa("g").abort("two"));
    run(A_MOMENT);

    assertThat(codeOf(again)).isNull();
    assertThat(world.stored("g").owner().claim()).isEqualTo(claim);
    participants.received().getFirst().succeed();
    run(A_MOMENT);
    assertThat(world.status("g")).isEqualTo(FAILED);
    assertThat(world.stored("g").transaction().state().reason()).isEqualTo("two");
    assertThat(participants.urls()).hasSize(1);
  }

  @Test
  void an_abort_calls_again_what_rests() {
    Server server = server("a");
    begin(server, tcc("g").retryInterval(600), 1);
    participants.script("http://bank/x1", ONGOING, SUCCEEDS);
    server.ask(tcc("g").abort());
    run(A_MOMENT);
    assertThat(world.status("g")).isEqualTo(ABORTING);

    server.ask(tcc("g").abort("again"));
    run(A_MOMENT);

    assertThat(world.status("g")).isEqualTo(FAILED);
    assertThat(participants.urls()).hasSize(2);
  }

  @Test
  void a_tcc_whose_client_is_gone_is_cancelled_by_whichever_server_lives() {
    Server one = server("one");
    begin(one, tcc("g").timeoutToFail(5), 1);
    one.crash();
    Server two = server("two");

    run(seconds(6));

    assertThat(participants.urls()).containsExactly("http://bank/x1");
    assertThat(world.status("g")).isEqualTo(FAILED);
    two.checkIdle();
  }

  // ---- waiting (docs/spec/transactions.md 9)

  @Test
  void a_submit_that_waits_hears_what_the_confirms_answer() {
    Server server = server("a");
    begin(server, tcc("g"), 1);
    participants.script("http://bank/k1", ONGOING, fails("no"), UNKNOWN, SUCCEEDS);

    assertThat(waited(server, tcc("g").waiting().submit()))
        .isEqualTo(
            new Reply.Unfinished(
                ErrorCode.NOT_FINISHED,
                "not finished yet; it goes on, query tells how it ends",
                SUBMITTED));
    assertThat(waited(server, tcc("g").waiting().submit()))
        .isEqualTo(new Reply.Refused(ErrorCode.BRANCH_REFUSED, "a branch refused: no", SUBMITTED));
    assertThat(waited(server, tcc("g").waiting().submit()))
        .isEqualTo(
            new Reply.Failed(
                ErrorCode.BRANCH_UNREACHABLE, "a branch gave no definite answer: oops"));
    assertThat(waited(server, tcc("g").waiting().submit())).isEqualTo(Reply.Success.INSTANCE);
  }

  private Reply waited(Server server, Command command) {
    Server.Answer answer = server.ask(command);
    run(A_MOMENT);
    return answer.reply();
  }

  @Test
  void whether_an_abort_waits_was_said_at_prepare() {
    Server server = server("a");
    begin(server, tcc("waits").waiting(), 1);
    begin(server, tcc("not"), 1);
    participants.script("http://bank/x1", SILENT);

    Server.Answer waits = server.ask(tcc("waits").abort());
    Server.Answer not = server.ask(tcc("not").waiting().abort());
    run(A_MOMENT);

    assertThat(waits.isThere()).isFalse();
    assertThat(codeOf(not)).isNull();
    participants.received().forEach(Participants.Received::succeed);
    run(A_MOMENT);
    assertThat(codeOf(waits)).isNull();
  }

  @Test
  void an_abort_that_waits_hears_that_a_cancel_is_not_finished() {
    Server server = server("a");
    begin(server, tcc("g").waiting(), 1);
    participants.script("http://bank/x1", ONGOING);

    assertThat(waited(server, tcc("g").abort("because")))
        .isInstanceOfSatisfying(
            Reply.Unfinished.class,
            unfinished -> assertThat(unfinished.status()).isEqualTo(ABORTING));
  }

  @Test
  void an_abort_that_waits_for_another_server_hears_of_its_end() {
    Server one = server("one");
    Server two = server("two");
    begin(one, tcc("g").waiting(), 1);
    participants.script("http://bank/x1", participants.slowly(millis(700), SUCCEEDS));
    one.ask(tcc("g").abort());
    run(A_MOMENT);

    Server.Answer answer = two.ask(tcc("g").abort());
    run(seconds(1));

    assertThat(codeOf(answer)).isNull();
    assertThat(world.status("g")).isEqualTo(FAILED);
  }

  // ---- registerBranch

  @Test
  void R6_a_registration_whose_outcome_is_unknown_is_sent_again_until_it_is_definite() {
    for (Fault fault : Fault.values()) {
      String gid = "g-" + fault;
      Server server = server("a");
      begin(server, tcc(gid), 0);
      weather.nextWrites(fault, fault);

      Server.Answer answer = server.register(tcc(gid).branch(1));
      run(seconds(2));

      assertThat(codeOf(answer)).as(gid).isNull();
      assertThat(keys(gid)).containsExactly("01 cancel", "01 confirm");
      server.crash();
    }
  }

  @Test
  void a_registration_again_is_taken_with_the_same_content_only() {
    Server server = server("a");
    begin(server, xa("g"), 1);
    Requests other = tcc("h");
    begin(server, other, 1);

    Server.Answer same = server.register(xa("g").branch(1));
    var changed = other.branch(1);
    Server.Answer different =
        server.register(
            new BranchRequest(
                "h",
                "tcc",
                "01",
                Payload.of("other"),
                changed.confirm(),
                changed.cancel(),
                "",
                "",
                ""));
    run(A_MOMENT);

    assertThat(codeOf(same)).isNull();
    assertThat(different.reply())
        .isEqualTo(
            new Reply.Failed(
                ErrorCode.BRANCH_EXISTS, "branch 01 cancel is registered with other content"));
    assertThat(keys("g")).containsExactly("01 rollback", "01 commit");
  }

  @Test
  void a_registration_leaves_claim_and_revision_alone() {
    Server server = server("a");
    begin(server, tcc("g"), 0);
    var owner = world.stored("g").owner();

    server.register(tcc("g").branch(1));
    run(A_MOMENT);

    assertThat(world.stored("g").owner()).isEqualTo(owner);
  }

  @Test
  void nothing_is_registered_at_an_unknown_gid() {
    Server server = server("a");

    Server.Answer answer = server.register(tcc("g").branch(1));
    run(A_MOMENT);

    assertThat(answer.reply())
        .isEqualTo(new Reply.Refused(ErrorCode.GID_NOT_FOUND, "no transaction has this gid", null));
  }

  // ---- workflows

  @Test
  void a_workflow_is_created_once_and_found_with_its_steps() {
    Server one = server("one");
    Server two = server("two");
    List<Stored> found = new ArrayList<>();
    Server.Answer first = one.prepareWorkflow(workflow("g"), found::add);
    Server.Answer second = two.prepareWorkflow(workflow("g"), found::add);
    run(A_MOMENT);
    one.register(workflow("g").step(1, "action"));
    run(A_MOMENT);

    two.prepareWorkflow(workflow("g"), found::add);
    run(A_MOMENT);

    assertThat(codeOf(first)).isNull();
    assertThat(codeOf(second)).isNull();
    assertThat(found).hasSize(3);
    assertThat(found.get(0)).isEqualTo(found.get(1));
    assertThat(found.get(0).transaction().branches()).isEmpty();
    assertThat(found.get(2)).isEqualTo(world.stored("g"));
    assertThat(found.get(2).transaction().branches()).hasSize(1);
  }

  @Test
  void R6_a_workflow_whose_creation_was_not_confirmed_is_found() {
    for (Fault fault : Fault.values()) {
      String gid = "g-" + fault;
      Server server = server("a");
      weather.nextWrites(fault, fault);
      List<Stored> found = new ArrayList<>();

      server.prepareWorkflow(workflow(gid), found::add);
      run(seconds(2));

      assertThat(found).as(gid).containsExactly(world.stored(gid));
      server.crash();
    }
  }

  /** Both have read that nothing is decided. */
  @Test
  void R2_of_two_opposite_decisions_the_first_row_counts() {
    var ofOne = new Weather();
    Server one = server("one", ofOne);
    Server two = server("two");
    one.prepareWorkflow(workflow("g"), _ -> {});
    run(A_MOMENT);
    ofOne.storeGoesAway();
    Server.Answer commit = one.register(workflow("g").step(1, "commit"));
    run(A_MOMENT);

    Server.Answer rollback = two.register(workflow("g").step(1, "rollback"));
    run(A_MOMENT);
    ofOne.storeComesBack();
    run(seconds(1));

    assertThat(codeOf(rollback)).isNull();
    assertThat(codeOf(commit)).isEqualTo(ErrorCode.WORKFLOW_DECIDED);
    assertThat(keys("g")).containsExactly("01 rollback");
  }

  @Test
  void R2_a_workflow_does_not_succeed_when_a_rollback_came_first() {
    var ofOne = new Weather();
    Server one = server("one", ofOne);
    Server two = server("two");
    one.prepareWorkflow(workflow("g"), _ -> {});
    run(A_MOMENT);
    ofOne.storeGoesAway();
    Server.Answer succeed = one.ask(workflow("g").end("succeed"));
    run(A_MOMENT);

    two.register(workflow("g").step(1, "rollback"));
    run(A_MOMENT);
    ofOne.storeComesBack();
    run(seconds(1));

    assertThat(codeOf(succeed)).isEqualTo(ErrorCode.WORKFLOW_DECIDED);
    assertThat(world.status("g")).isEqualTo(PREPARED);
    Server.Answer failed = two.ask(workflow("g").end("failed"));
    run(A_MOMENT);
    assertThat(codeOf(failed)).isNull();
    assertThat(world.status("g")).isEqualTo(FAILED);
  }

  @Test
  void a_workflow_is_called_back_until_it_is_ended() {
    Server server = server("a");
    participants.script("http://shop/resume", SUCCEEDS, SILENT);
    Instant began = time.instant();
    server.prepareWorkflow(workflow("g").retryInterval(2), _ -> {});
    run(millis(1_900));
    assertThat(participants.received()).isEmpty();
    run(millis(2_300));

    assertThat(participants.received()).hasSize(2);
    assertThat(Duration.between(began, participants.received().getFirst().at()))
        .isBetween(seconds(2), millis(2_100));
    assertThat(server.passOf("g")).as("the second call is in flight").isNotNull();
    Server.Answer ended = server.ask(workflow("g").end("succeed"));
    run(seconds(20));

    assertThat(codeOf(ended)).isNull();
    assertThat(participants.received()).hasSize(2);
    assertThat(world.status("g")).isEqualTo(SUCCEED);
    server.checkIdle();
  }

  @Test
  void a_living_workflow_is_not_called_back() {
    Server server = server("a");
    server.prepareWorkflow(workflow("g").retryInterval(2), _ -> {});
    for (int step = 1; step <= 8; step++) {
      run(millis(1_500));
      server.register(workflow("g").step(step, "action"));
    }
    run(millis(1_900));
    assertThat(participants.received()).isEmpty();

    run(millis(300));

    assertThat(participants.urls()).containsExactly("http://shop/resume");
  }

  // ---- resetNextCronTime

  @Test
  void a_reset_retries_what_rests_at_once() {
    Server server = server("a");
    participants.script("http://bank/a1", ONGOING, SUCCEEDS);
    server.ask(saga("g", 1).retryInterval(600).submit());
    run(seconds(1));

    Server.Answer answer = server.ask(saga("g", 1).reset());
    run(A_MOMENT);

    assertThat(codeOf(answer)).isNull();
    assertThat(world.status("g")).isEqualTo(SUCCEED);
  }

  @Test
  void a_reset_of_what_is_being_worked_on_is_looked_at_when_that_is_over() {
    Server one = server("one");
    Server two = server("two");
    participants.script("http://bank/a1", participants.slowly(seconds(1), ONGOING), SUCCEEDS);
    one.ask(saga("g", 1).retryInterval(600).submit());
    run(A_MOMENT);

    Server.Answer answer = two.ask(saga("g", 1).reset());
    run(A_MOMENT);
    assertThat(codeOf(answer)).isNull();
    assertThat(participants.received()).hasSize(1);
    run(seconds(2));

    assertThat(world.status("g")).isEqualTo(SUCCEED);
    assertThat(participants.received()).hasSize(2);
  }

  @Test
  void any_number_of_resets_at_a_time_all_succeed() {
    Server server = server("a");
    participants.script("http://bank/a1", ONGOING, SUCCEEDS);
    server.ask(saga("g", 1).retryInterval(600).submit());
    run(seconds(1));

    List<Server.Answer> answers =
        Stream.generate(() -> server.ask(saga("g", 1).reset())).limit(64).toList();
    run(seconds(1));

    assertThat(answers).allMatch(answer -> codeOf(answer) == null);
    assertThat(world.status("g")).isEqualTo(SUCCEED);
  }

  // ---- topics

  @Test
  void a_prepared_message_needs_no_topic_any_more() {
    Server server = server("a");
    world.store.createKeyValue(
        "topics", "orders", "[{\"url\":\"http://bank/s1\"},{\"url\":\"http://bank/s2\"}]");
    Requests message = message("g", 0).step("topic://orders", "");
    server.ask(message.prepare());
    run(A_MOMENT);
    world.store.deleteKeyValue("topics", "orders");

    Server.Answer submit = server.ask(message.submit());
    run(A_MOMENT);

    assertThat(codeOf(submit)).isNull();
    assertThat(participants.urls()).containsExactly("http://bank/s1", "http://bank/s2");
    assertThat(world.status("g")).isEqualTo(GlobalStatus.SUCCEED);
  }

  @Test
  void a_new_message_needs_its_topic() {
    Server server = server("a");

    Server.Answer answer = server.ask(message("g", 0).step("topic://orders", "").submit());
    run(A_MOMENT);

    assertThat(codeOf(answer)).isEqualTo(ErrorCode.TOPIC_NOT_FOUND);
    assertThat(world.find("g")).isNull();
    server.checkIdle();
  }
}
