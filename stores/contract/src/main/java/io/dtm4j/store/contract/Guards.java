package io.dtm4j.store.contract;

import static io.dtm4j.protocol.GlobalStatus.ABORTING;
import static io.dtm4j.protocol.GlobalStatus.FAILED;
import static io.dtm4j.protocol.GlobalStatus.PREPARED;
import static io.dtm4j.protocol.GlobalStatus.SUBMITTED;
import static io.dtm4j.protocol.GlobalStatus.SUCCEED;
import static io.dtm4j.store.contract.Samples.FUTURE;
import static io.dtm4j.store.contract.Samples.INTERVAL;
import static io.dtm4j.store.contract.Samples.PAST;
import static io.dtm4j.store.contract.Samples.addBranches;
import static io.dtm4j.store.contract.Samples.claim;
import static io.dtm4j.store.contract.Samples.command;
import static io.dtm4j.store.contract.Samples.empty;
import static io.dtm4j.store.contract.Samples.ofPass;
import static io.dtm4j.store.contract.Samples.row;
import static io.dtm4j.store.contract.Samples.saga;
import static io.dtm4j.store.contract.Samples.saveNew;
import static io.dtm4j.store.contract.Samples.setSchedule;
import static io.dtm4j.store.contract.Samples.setStatus;
import static io.dtm4j.store.contract.Samples.takeOver;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Op;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.CommitResult.Lost;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Compare and set (R4): a batch takes effect as a whole, or its guard refuses it as a whole. */
interface Guards extends OpenStore {
  @Test
  default void a_gid_is_saved_once() {
    Stored first = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));

    assertThat(commit(saveNew(empty("g", PREPARED, FUTURE), claim("c2"))))
        .isEqualTo(new Lost(first));
    assertThat(found("g")).isEqualTo(first);
  }

  @Test
  default void the_very_same_save_again_is_committed_and_changes_nothing() {
    Stored first = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));

    committed(saveNew(saga("g", SUBMITTED, FUTURE), claim("c1")));

    assertThat(found("g")).isEqualTo(first);
  }

  @Test
  default void no_batch_but_a_save_makes_a_transaction() {
    var gid = new Gid("g");
    Owner owner = claim("c1");
    List<Guard> guards =
        List.of(
            new Guard.HeldBy(SUBMITTED, owner),
            new Guard.InStatus(SUBMITTED, null, PAST),
            new Guard.AsRead(new Due(gid, owner, FUTURE)),
            new Guard.LeasedTo("c1"),
            Guard.Known.INSTANCE);

    for (Guard guard : guards) {
      var batch = new Batch(gid, guard, owner.next(Owner.Mark.LEASED), List.of(setStatus(SUCCEED)));
      assertThat(commit(batch)).isEqualTo(new Lost(null));
    }

    assertThat(store().find(gid)).isEmpty();
    assertThat(store().dueBefore(FUTURE.plusSeconds(1), null, 10)).isEmpty();
  }

  @Test
  default void a_pass_writes_while_nobody_else_does() {
    Stored stored = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));

    committed(ofPass(stored, setStatus(ABORTING)));

    assertThat(found("g").transaction().status()).isEqualTo(ABORTING);
    assertThat(found("g").owner()).isEqualTo(stored.owner().next(Owner.Mark.LEASED));
  }

  @Test
  default void a_batch_of_a_pass_that_expects_another_status_is_lost() {
    Stored stored = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));

    refused(stored, new Guard.HeldBy(PREPARED, stored.owner()));
  }

  @Test
  default void a_batch_of_a_pass_that_expects_another_claim_is_lost() {
    Stored stored = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));

    refused(stored, new Guard.HeldBy(SUBMITTED, claim("c2")));
  }

  @Test
  default void a_batch_of_a_pass_that_expects_another_revision_is_lost() {
    Stored stored = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));

    refused(stored, new Guard.HeldBy(SUBMITTED, stored.owner().next(Owner.Mark.LEASED)));
    refused(stored, new Guard.HeldBy(SUBMITTED, new Owner(Owner.Mark.LEASED, "server-1", "c1", 0)));
  }

  @Test
  default void mark_and_server_of_the_expected_token_do_not_matter() {
    Stored stored = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));
    var other = new Owner(Owner.Mark.LOOK_AGAIN, "renamed", "c1", 1);

    committed(
        new Batch(
            new Gid("g"),
            new Guard.HeldBy(SUBMITTED, other),
            stored.owner().next(Owner.Mark.LEASED),
            List.of(setStatus(ABORTING))));

    assertThat(found("g").transaction().status()).isEqualTo(ABORTING);
  }

  @Test
  default void a_server_that_claims_again_loses_the_batches_of_its_old_pass() {
    Stored old = saved(saga("g", SUBMITTED, PAST), claim("c1"));
    List<Stored> claimed = store().claim(List.of(Due.of(old)), INTERVAL, _ -> claim("c2"));
    assertThat(claimed).hasSize(1);

    CommitResult late = commit(ofPass(old, setStatus(SUCCEED)));

    assertThat(late).isEqualTo(new Lost(claimed.getFirst()));
    assertThat(found("g")).isEqualTo(claimed.getFirst());
  }

  @Test
  default void the_very_same_batch_of_a_pass_again_is_committed_and_changes_nothing() {
    Stored stored = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));
    Batch batch = ofPass(stored, setStatus(ABORTING), addBranches(row("03", Op.ACTION)));
    committed(batch);
    Stored first = found("g");

    committed(batch);

    assertThat(found("g")).isEqualTo(first);
  }

  @Test
  default void a_command_compares_the_status_and_not_the_claim() {
    saved(empty("g", PREPARED, FUTURE), claim("c1"));

    assertThat(commit(command("g", SUBMITTED, addBranches(row("01", Op.ACTION)))))
        .isInstanceOf(Lost.class);
    committed(command("g", PREPARED, addBranches(row("01", Op.ACTION))));

    assertThat(found("g").transaction().branches()).containsExactly(row("01", Op.ACTION));
  }

  @Test
  default void a_command_means_the_transaction_that_was_created_then() {
    saved(empty("g", PREPARED, FUTURE), claim("c1"));
    Stored other = found("g");

    refused(other, new Guard.InStatus(PREPARED, null, PAST.minus(ticks(1))));
  }

  @Test
  default void a_command_without_a_token_leaves_the_pass_its_claim() {
    Stored stored = saved(empty("g", PREPARED, FUTURE), claim("c1"));
    committed(command("g", PREPARED, addBranches(row("01", Op.ACTION))));

    assertThat(found("g").owner()).isEqualTo(stored.owner());
    committed(ofPass(stored, setStatus(ABORTING)));
  }

  @Test
  default void a_command_that_takes_over_fences_the_pass() {
    Stored stored = saved(empty("g", PREPARED, FUTURE), claim("c1"));
    committed(takeOver("g", PREPARED, claim("c2"), setStatus(SUBMITTED)));

    assertThat(commit(ofPass(stored, setStatus(ABORTING)))).isInstanceOf(Lost.class);

    assertThat(found("g").transaction().status()).isEqualTo(SUBMITTED);
    assertThat(found("g").owner()).isEqualTo(claim("c2"));
  }

  @Test
  default void of_two_commands_that_change_the_status_one_wins() {
    saved(empty("g", PREPARED, FUTURE), claim("c1"));

    committed(takeOver("g", PREPARED, claim("c2"), setStatus(SUBMITTED)));
    CommitResult late = commit(takeOver("g", PREPARED, claim("c3"), setStatus(ABORTING)));

    assertThat(late).isEqualTo(new Lost(found("g")));
    assertThat(found("g").owner()).isEqualTo(claim("c2"));
  }

  @Test
  default void a_decision_is_refused_by_a_row_of_the_other_direction() {
    var commit = new Op("commit");
    var rollback = new Op("rollback");
    saved(empty("g", PREPARED, FUTURE), claim("c1"));
    var wantsNoRollback = new Guard.InStatus(PREPARED, rollback, PAST);
    var wantsNoCommit = new Guard.InStatus(PREPARED, commit, PAST);
    var gid = new Gid("g");

    committed(new Batch(gid, wantsNoCommit, null, List.of(addBranches(row("01", rollback)))));
    Stored decided = found("g");
    var late = new Batch(gid, wantsNoRollback, null, List.of(addBranches(row("01", commit))));

    assertThat(commit(late)).isEqualTo(new Lost(decided));
    assertThat(found("g")).isEqualTo(decided);
    committed(new Batch(gid, wantsNoCommit, null, List.of(addBranches(row("02", rollback)))));
  }

  @Test
  default void a_claim_of_what_was_read_compares_claim_revision_and_next_time() {
    Stored stored = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));
    var gid = new Gid("g");

    refused(stored, new Guard.AsRead(new Due(gid, stored.owner(), FUTURE.plus(ticks(1)))));
    refused(stored, new Guard.AsRead(new Due(gid, claim("c2"), FUTURE)));
    refused(stored, new Guard.AsRead(new Due(gid, stored.owner().next(Owner.Mark.LEASED), FUTURE)));
    committed(
        new Batch(
            gid,
            new Guard.AsRead(new Due(gid, stored.owner(), FUTURE)),
            claim("c9"),
            List.of(setSchedule(PAST))));

    assertThat(found("g").owner()).isEqualTo(claim("c9"));
    assertThat(found("g").transaction().state().schedule().nextTime()).isEqualTo(PAST);
  }

  @Test
  default void what_is_finished_is_never_claimed() {
    Stored done = saved(saga("done", SUCCEED, PAST), claim("c1"));
    Stored undone = saved(saga("undone", FAILED, PAST), claim("c2"));

    refused(done, new Guard.AsRead(Due.of(done)));
    refused(undone, new Guard.AsRead(Due.of(undone)));
  }

  @Test
  default void a_note_for_whoever_holds_the_lease_compares_the_claim_and_the_lease() {
    Stored stored = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));
    committed(ofPass(stored, setStatus(ABORTING)));
    Stored later = found("g");

    refused(later, new Guard.LeasedTo("c2"));
    committed(note("g", "c1"));
    assertThat(found("g").owner().mark()).isEqualTo(Owner.Mark.LOOK_AGAIN);
    committed(note("g", "c1"));

    saved(saga("resting", SUBMITTED, FUTURE), claim("c3").marked(Owner.Mark.RESTING));
    assertThat(commit(note("resting", "c3"))).isInstanceOf(Lost.class);
    assertThat(found("resting").owner().mark()).isEqualTo(Owner.Mark.RESTING);
  }

  @Test
  default void a_batch_that_leaves_prepared_returns_the_rows_of_that_very_moment() {
    Stored read = saved(empty("g", PREPARED, FUTURE), claim("c1"));
    committed(command("g", PREPARED, addBranches(row("01", Op.ACTION))));
    committed(command("g", PREPARED, addBranches(row("02", Op.ACTION))));

    Batch leaving = ofPass(read, setStatus(ABORTING));

    assertThat(commit(leaving)).isEqualTo(new Committed(found("g")));
    assertThat(found("g").transaction().branches())
        .containsExactly(row("01", Op.ACTION), row("02", Op.ACTION));
    assertThat(commit(leaving)).as("repeated").isEqualTo(new Committed(found("g")));
  }

  @Test
  default void a_take_over_returns_the_record_of_that_very_moment() {
    Stored read = saved(empty("g", SUBMITTED, FUTURE), claim("c1"));
    committed(command("g", SUBMITTED, addBranches(row("01", Op.ACTION))));

    Batch byCommand = takeOver("g", SUBMITTED, claim("c2"), setStatus(ABORTING));
    assertThat(commit(byCommand)).isEqualTo(new Committed(found("g")));
    assertThat(commit(byCommand)).as("repeated").isEqualTo(new Committed(found("g")));
    assertThat(found("g").transaction().branches()).hasSize(1);

    Stored now = found("g");
    assertThat(now.transaction().state().schedule())
        .isEqualTo(read.transaction().state().schedule());
    var byClaim =
        new Batch(
            new Gid("g"),
            new Guard.AsRead(Due.of(now)),
            claim("c3"),
            List.of(setSchedule(FUTURE.plusSeconds(9))));
    assertThat(commit(byClaim)).isEqualTo(new Committed(found("g")));
    assertThat(found("g").owner()).isEqualTo(claim("c3"));
  }

  /** A batch with that guard is lost, and the record stays as it is. */
  private void refused(Stored stored, Guard guard) {
    var writes = List.<Write>of(setStatus(FAILED), setSchedule(PAST), Write.LookAgain.INSTANCE);
    Gid gid = stored.transaction().gid();

    assertThat(commit(new Batch(gid, guard, claim("other").next(Owner.Mark.RESTING), writes)))
        .isEqualTo(new Lost(stored));
    assertThat(store().find(gid)).hasValue(stored);
  }

  private static Batch note(String gid, String claim) {
    return new Batch(
        new Gid(gid), new Guard.LeasedTo(claim), null, List.of(Write.LookAgain.INSTANCE));
  }
}
