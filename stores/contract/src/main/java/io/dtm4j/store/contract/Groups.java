package io.dtm4j.store.contract;

import static io.dtm4j.protocol.GlobalStatus.ABORTING;
import static io.dtm4j.protocol.GlobalStatus.FAILED;
import static io.dtm4j.protocol.GlobalStatus.PREPARED;
import static io.dtm4j.protocol.GlobalStatus.SUBMITTED;
import static io.dtm4j.protocol.GlobalStatus.SUCCEED;
import static io.dtm4j.store.contract.Samples.FUTURE;
import static io.dtm4j.store.contract.Samples.addBranches;
import static io.dtm4j.store.contract.Samples.claim;
import static io.dtm4j.store.contract.Samples.command;
import static io.dtm4j.store.contract.Samples.empty;
import static io.dtm4j.store.contract.Samples.ofPass;
import static io.dtm4j.store.contract.Samples.row;
import static io.dtm4j.store.contract.Samples.saga;
import static io.dtm4j.store.contract.Samples.saveNew;
import static io.dtm4j.store.contract.Samples.setStatus;
import static io.dtm4j.store.contract.Samples.takeOver;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Op;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.CommitResult.Lost;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Many batches in one commit: as if one after another, in their order. */
interface Groups extends OpenStore {
  @Test
  default void an_empty_group_does_nothing() {
    assertThat(store().commit(List.of())).isEmpty();
  }

  @Test
  default void each_batch_has_its_result_in_the_order_of_the_group() {
    Stored there = saved(saga("there", SUBMITTED, FUTURE), claim("c0"));
    Batch lost = saveNew(saga("there", SUBMITTED, FUTURE), claim("c1"));
    var other = row("01", Op.ACTION, "other content");

    List<CommitResult> results =
        store()
            .commit(
                List.of(
                    saveNew(saga("new", SUBMITTED, FUTURE), claim("c2")),
                    lost,
                    command("absent", SUBMITTED, addBranches(other)),
                    command("there", SUBMITTED, addBranches(other)),
                    ofPass(there, setStatus(SUCCEED))));

    assertThat(results).hasSize(5);
    assertThat(results.get(0)).isInstanceOf(Committed.class);
    assertThat(results.get(1)).isEqualTo(new Lost(there));
    assertThat(results.get(2)).isEqualTo(new Lost(null));
    assertThat(results.get(3)).isEqualTo(new CommitResult.Conflict(new BranchKey("01", Op.ACTION)));
    assertThat(results.get(4)).isInstanceOf(Committed.class);
    assertThat(found("new").transaction()).isEqualTo(saga("new", SUBMITTED, FUTURE));
    assertThat(found("there").transaction().status()).isEqualTo(SUCCEED);
  }

  @Test
  default void batches_of_one_gid_see_each_other() {
    Stored created = new Stored(empty("g", PREPARED, FUTURE), claim("c1"));
    Stored submitted =
        new Stored(
            Samples.withState(created.transaction(), Samples.state(SUBMITTED, FUTURE)),
            claim("c2"));

    List<CommitResult> results =
        store()
            .commit(
                List.of(
                    saveNew(created.transaction(), created.owner()),
                    command("g", PREPARED, addBranches(row("01", Op.ACTION))),
                    saveNew(created.transaction(), claim("late")),
                    command("g", PREPARED, addBranches(row("02", Op.ACTION))),
                    takeOver("g", PREPARED, claim("c2"), setStatus(SUBMITTED)),
                    command("g", PREPARED, addBranches(row("03", Op.ACTION))),
                    ofPass(created, setStatus(FAILED)),
                    ofPass(submitted, setStatus(ABORTING))));

    assertThat(results)
        .extracting(result -> result instanceof Committed)
        .containsExactly(true, true, false, true, true, false, false, true);
    var rows = List.of(row("01", Op.ACTION), row("02", Op.ACTION));
    assertThat(((Lost) results.get(2)).stored())
        .isEqualTo(
            new Stored(
                Samples.withRows(created.transaction(), rows.subList(0, 1)), created.owner()));
    Stored left = requireNonNull(((Committed) results.get(4)).stored());
    assertThat(left.transaction().branches()).isEqualTo(rows);
    assertThat(left.transaction().status()).isEqualTo(SUBMITTED);
    assertThat(((Lost) results.get(5)).stored()).isEqualTo(left);
    assertThat(((Lost) results.get(6)).stored()).isEqualTo(left);
    assertThat(found("g").transaction().status()).isEqualTo(ABORTING);
    assertThat(found("g").transaction().branches()).isEqualTo(rows);
    assertThat(found("g").owner()).isEqualTo(claim("c2").next(Owner.Mark.LEASED));
  }

  @Test
  default void a_whole_transaction_fits_into_one_group() {
    Stored stored = new Stored(empty("g", SUBMITTED, FUTURE), claim("c1"));
    var group = new ArrayList<Batch>();
    group.add(saveNew(stored.transaction(), stored.owner()));
    for (int i = 0; i < 50; i++) {
      group.add(ofPass(stored, addBranches(row("b" + i, Op.ACTION))));
      stored = new Stored(stored.transaction(), stored.owner().next(Owner.Mark.LEASED));
    }
    group.add(ofPass(stored, setStatus(SUCCEED)));

    assertThat(store().commit(group)).allMatch(result -> result instanceof Committed);

    assertThat(found("g").transaction().branches()).hasSize(50);
    assertThat(found("g").transaction().status()).isEqualTo(SUCCEED);
    assertThat(store().dueBefore(FUTURE.plusSeconds(1), null, 10)).isEmpty();
  }

  @Test
  default void a_group_may_be_large() {
    var group = new ArrayList<Batch>();
    for (int i = 0; i < 1_024; i++) {
      group.add(saveNew(saga("g" + i, SUBMITTED, FUTURE), claim("claim" + i)));
    }

    assertThat(store().commit(group)).allMatch(result -> result instanceof Committed);

    assertThat(found("g1023").owner()).isEqualTo(claim("claim1023"));
    assertThat(store().dueBefore(FUTURE.plusSeconds(1), null, 2_000)).hasSize(1_024);
  }

  @Test
  default void the_same_group_again_changes_nothing() {
    Stored there = saved(empty("there", PREPARED, FUTURE), claim("c0"));
    var group =
        List.of(
            saveNew(saga("new", SUBMITTED, FUTURE), claim("c2")),
            command("there", PREPARED, addBranches(row("01", Op.ACTION))),
            ofPass(there, setStatus(PREPARED)));
    store().commit(group);
    Stored first = found("there");

    assertThat(store().commit(group)).allMatch(result -> result instanceof Committed);

    assertThat(found("there")).isEqualTo(first);
    assertThat(found("new").transaction()).isEqualTo(saga("new", SUBMITTED, FUTURE));
  }
}
