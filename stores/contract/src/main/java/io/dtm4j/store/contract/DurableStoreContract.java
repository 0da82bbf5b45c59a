package io.dtm4j.store.contract;

import static io.dtm4j.protocol.GlobalStatus.ABORTING;
import static io.dtm4j.protocol.GlobalStatus.FAILED;
import static io.dtm4j.protocol.GlobalStatus.PREPARED;
import static io.dtm4j.protocol.GlobalStatus.SUBMITTED;
import static io.dtm4j.protocol.GlobalStatus.SUCCEED;
import static io.dtm4j.store.contract.Samples.FUTURE;
import static io.dtm4j.store.contract.Samples.PAST;
import static io.dtm4j.store.contract.Samples.addBranches;
import static io.dtm4j.store.contract.Samples.claim;
import static io.dtm4j.store.contract.Samples.command;
import static io.dtm4j.store.contract.Samples.empty;
import static io.dtm4j.store.contract.Samples.ofPass;
import static io.dtm4j.store.contract.Samples.row;
import static io.dtm4j.store.contract.Samples.rows;
import static io.dtm4j.store.contract.Samples.saga;
import static io.dtm4j.store.contract.Samples.saveNew;
import static io.dtm4j.store.contract.Samples.setStatus;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.store.CommitResult.Lost;
import io.dtm4j.store.Counts;
import io.dtm4j.store.Filter;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.Listed;
import io.dtm4j.store.Page;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a store does that still has everything after a restart. */
public abstract class DurableStoreContract extends TransactionStoreContract {
  /** Closes the store and opens it again, over the same data. */
  protected abstract TransactionStore reopen(TransactionStore store) throws Exception;

  private void restart() throws Exception {
    use(reopen(store()));
  }

  @Test
  void a_record_at_rest_and_a_finished_one_are_as_they_were() throws Exception {
    Owner atRest = claim("c1").marked(Owner.Mark.RESTING);
    Stored resting = saved(saga("resting", SUBMITTED, FUTURE), atRest);
    Stored overdue = saved(saga("overdue", ABORTING, PAST), atRest);
    Stored running = saved(saga("succeeded", SUBMITTED, FUTURE), claim("c2"));
    committed(ofPass(running, setStatus(SUCCEED)));
    Stored succeeded = found("succeeded");
    Stored failed = saved(saga("failed", FAILED, PAST), claim("c3"));

    restart();

    assertThat(found("resting")).isEqualTo(resting);
    assertThat(found("overdue")).isEqualTo(overdue);
    assertThat(found("succeeded")).isEqualTo(succeeded);
    assertThat(found("failed")).isEqualTo(failed);
    assertThat(store().dueBefore(FUTURE.plusSeconds(1), null, 10))
        .containsExactly(Due.of(overdue), Due.of(resting));
  }

  @Test
  void a_leased_record_is_as_it_was_but_may_be_due_earlier() throws Exception {
    Stored leased = saved(saga("leased", SUBMITTED, FUTURE), claim("c1"));
    Stored noted =
        saved(saga("noted", PREPARED, FUTURE), claim("c2").marked(Owner.Mark.LOOK_AGAIN));

    restart();

    for (Stored before : List.of(leased, noted)) {
      Stored after = store().find(before.transaction().gid()).orElseThrow();
      State was = before.transaction().state();
      State is = after.transaction().state();
      assertThat(is.schedule().nextTime()).isBeforeOrEqualTo(was.schedule().nextTime());
      assertThat(is.status()).isEqualTo(was.status());
      assertThat(after.transaction().branches()).isEqualTo(before.transaction().branches());
      assertThat(after.owner().isSameWriteAs(before.owner())).isTrue();
    }
    committed(ofPass(leased, setStatus(ABORTING)));
  }

  @Test
  void a_saga_whose_holder_is_gone_is_dirty_for_who_claims_it() throws Exception {
    saved(saga("leased", SUBMITTED, PAST), claim("c1"));
    saved(saga("noted", SUBMITTED, PAST), claim("c2").marked(Owner.Mark.LOOK_AGAIN));
    saved(saga("resting", SUBMITTED, PAST), claim("c3").marked(Owner.Mark.RESTING));
    saved(saga("rolls back", ABORTING, PAST), claim("c4"));

    restart();

    List<Stored> claimed =
        store().claimDue(Duration.ofMinutes(1), gid -> claim("by " + gid.value()), 10);
    assertThat(claimed).hasSize(4);
    assertThat(claimed)
        .filteredOn(stored -> stored.transaction().state().extra().dirty())
        .extracting(stored -> stored.transaction().gid().value())
        .containsExactlyInAnyOrder("leased", "noted");
  }

  @Test
  void guards_hold_against_what_was_stored_before() throws Exception {
    Stored stored = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));
    Batch first = ofPass(stored, setStatus(ABORTING));
    committed(first);

    restart();

    Stored now = found("g");
    assertThat(commit(saveNew(saga("g", SUBMITTED, FUTURE), claim("c2")))).isEqualTo(new Lost(now));
    assertThat(
            commit(
                ofPass(
                    stored,
                    stored.owner().next(Owner.Mark.LEASED).next(Owner.Mark.LEASED),
                    setStatus(SUCCEED))))
        .isEqualTo(new Lost(now));
    committed(first); // the very same again
    assertThat(found("g").owner()).isEqualTo(now.owner());
    committed(ofPass(now, setStatus(FAILED)));
  }

  @Test
  void rows_added_before_and_after_a_restart_are_one_list() throws Exception {
    saved(empty("g", PREPARED, FUTURE), claim("c1"));
    committed(command("g", PREPARED, addBranches(row("01", Op.ACTION), row("02", Op.ACTION))));
    restart();
    committed(command("g", PREPARED, addBranches(row("02", Op.ACTION), row("03", Op.ACTION))));
    restart();

    assertThat(found("g").transaction().branches())
        .containsExactly(row("01", Op.ACTION), row("02", Op.ACTION), row("03", Op.ACTION));
  }

  @Test
  void large_records_are_there() throws Exception {
    Payload payload = Payload.of(new byte[longestPayload()]);
    Owner atRest = claim("c1").marked(Owner.Mark.RESTING);
    Stored heavy =
        saved(Samples.withRows(empty("heavy", SUBMITTED, FUTURE), rows(2, payload)), atRest);
    Stored wide =
        saved(
            Samples.withRows(
                empty("wide", SUBMITTED, FUTURE), rows(SavedRecords.MAX_BRANCHES, Payload.of("x"))),
            atRest);

    restart();

    assertThat(found("heavy")).isEqualTo(heavy);
    assertThat(found("wide")).isEqualTo(wide);
  }

  @Test
  void values_keep_their_versions_and_times() throws Exception {
    store().createKeyValue("topics", "t", "one");
    store().updateKeyValue("topics", "t", "two", 1);
    store().createKeyValue("topics", "gone", "x");
    store().deleteKeyValue("topics", "gone");
    KeyValue before = store().findKeyValue("topics", "t").orElseThrow();

    restart();

    assertThat(store().findKeyValues("topics", null)).containsExactly(before);
    assertThat(store().updateKeyValue("topics", "t", "three", 2)).isTrue();
  }

  @Test
  void time_does_not_go_back() throws Exception {
    saved(saga("g", SUBMITTED, PAST), claim("c1"));
    Stored claimed = store().claimDue(Duration.ofHours(1), _ -> claim("c2"), 1).getFirst();
    Instant before = latest();

    restart();

    assertThat(claimed.transaction().state().updateTime()).isBeforeOrEqualTo(before);
    assertThat(latest()).isAfterOrEqualTo(claimed.transaction().state().updateTime());
  }

  @Test
  void lists_and_counts_are_as_they_were_and_what_comes_is_newer() throws Exception {
    Owner atRest = claim("c1").marked(Owner.Mark.RESTING);
    saved(saga("a", SUBMITTED, FUTURE), atRest);
    saved(saga("c", FAILED, FUTURE), claim("c2"));
    saved(saga("b", ABORTING, FUTURE), claim("c3").marked(Owner.Mark.RESTING));
    saved(saga("old", SUCCEED, FUTURE), claim("c4"));
    Page<Listed> before = store().list(Filter.ALL, "", 2);
    store().delete(List.of(new Gid("old")), FUTURE);

    restart();

    assertThat(store().counts()).isEqualTo(new Counts(2, FUTURE));
    assertThat(gids(Filter.ALL, before.next())).containsExactly("c", "a");
    saved(saga("0", FAILED, FUTURE), claim("c5"));
    assertThat(gids(Filter.ALL, "")).containsExactly("0", "b", "c", "a");
    assertThat(gids(new Filter(FAILED, null, null, null), "")).containsExactly("0", "c");
    assertThat(gids(new Filter(ABORTING, null, null, null), "")).containsExactly("b");
  }

  private List<String> gids(Filter filter, String cursor) {
    return store().list(filter, cursor, 10).items().stream().map(one -> one.gid().value()).toList();
  }

  @Test
  void many_restarts_lose_nothing() throws Exception {
    var resting = new ArrayList<Stored>();
    for (int i = 0; i < 5; i++) {
      for (int j = 0; j < 20; j++) {
        Owner atRest = claim("c" + i + "-" + j).marked(Owner.Mark.RESTING);
        resting.add(saved(saga("g" + i + "-" + j, SUBMITTED, FUTURE.plusSeconds(j)), atRest));
      }
      restart();
    }

    for (Stored stored : resting) {
      Gid gid = stored.transaction().gid();
      assertThat(store().find(gid)).hasValue(stored);
    }
    assertThat(store().dueBefore(FUTURE.plusSeconds(100), null, 200)).hasSize(100);
  }
}
