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
import static io.dtm4j.store.contract.Samples.ofPass;
import static io.dtm4j.store.contract.Samples.row;
import static io.dtm4j.store.contract.Samples.saga;
import static io.dtm4j.store.contract.Samples.setSchedule;
import static io.dtm4j.store.contract.Samples.setStatus;
import static io.dtm4j.store.contract.Samples.takeOver;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Op;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.CommitResult.Lost;
import io.dtm4j.store.Lease;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Who may work on what, and until when: claims, renewals, releases, and the marks of the token. */
interface Leases extends OpenStore {
  Duration LEASE = Duration.ofHours(1);

  @Test
  default void due_is_what_is_unfinished_and_earlier_in_the_order_of_time() {
    saved(saga("third", PREPARED, PAST.plus(ticks(3))), claim("c1").marked(Owner.Mark.RESTING));
    saved(saga("first", SUBMITTED, PAST.plus(ticks(1))), claim("c2"));
    saved(saga("second", ABORTING, PAST.plus(ticks(2))), claim("c3"));
    saved(saga("succeeded", SUCCEED, PAST), claim("c4"));
    saved(saga("failed", FAILED, PAST), claim("c5"));
    saved(saga("later", SUBMITTED, PAST.plus(ticks(4))), claim("c6"));

    List<Due> dues = store().dueBefore(PAST.plus(ticks(4)), null, 10);

    assertThat(dues)
        .containsExactly(
            new Due(new Gid("first"), claim("c2"), PAST.plus(ticks(1))),
            new Due(new Gid("second"), claim("c3"), PAST.plus(ticks(2))),
            new Due(new Gid("third"), claim("c1").marked(Owner.Mark.RESTING), PAST.plus(ticks(3))));
    assertThat(store().dueBefore(PAST.plus(ticks(1)), null, 10)).isEmpty();
    assertThat(store().dueBefore(PAST.plus(ticks(4)), null, 2)).isEqualTo(dues.subList(0, 2));
    assertThat(store().dueBefore(PAST.plus(ticks(4)), null, 0)).isEmpty();
    var before =
        new Due(new Gid("\u0000"), claim("c"), PAST.plus(ticks(2))); // any gid is behind it
    assertThat(store().dueBefore(PAST.plus(ticks(4)), before, 10)).isEqualTo(dues.subList(1, 3));
  }

  @Test
  default void what_is_due_is_read_page_by_page() {
    for (int i = 0; i < 60; i++) {
      saved(saga("g" + i % 10 + "-" + i, SUBMITTED, PAST.plus(ticks(i / 7))), claim("c" + i));
    }
    List<Due> all = store().dueBefore(FUTURE, null, 100);

    var paged = new ArrayList<Due>();
    Due after = null;
    while (true) {
      List<Due> page = store().dueBefore(FUTURE, after, 8);
      paged.addAll(page);
      if (page.size() < 8) {
        break;
      }
      after = page.getLast();
    }

    assertThat(all).hasSize(60).isSortedAccordingTo((a, b) -> a.nextTime().compareTo(b.nextTime()));
    assertThat(paged).isEqualTo(all);
  }

  @Test
  default void a_page_goes_on_behind_what_is_not_there_any_more() {
    Stored first = saved(saga("first", SUBMITTED, PAST.plus(ticks(1))), claim("c1"));
    saved(saga("second", SUBMITTED, PAST.plus(ticks(2))), claim("c2"));
    Due after = Due.of(first);
    committed(ofPass(first, setStatus(SUCCEED)));

    assertThat(store().dueBefore(FUTURE, after, 10))
        .extracting(due -> due.gid().value())
        .containsExactly("second");
  }

  @Test
  default void what_is_due_follows_every_change_of_the_time() {
    Stored stored = saved(saga("g", SUBMITTED, PAST), claim("c1"));

    committed(ofPass(stored, setSchedule(FUTURE)));

    assertThat(store().dueBefore(FUTURE, null, 10)).isEmpty();
    Stored moved = found("g");
    assertThat(store().dueBefore(FUTURE.plus(ticks(1)), null, 10)).containsExactly(Due.of(moved));

    committed(ofPass(moved, moved.owner().next(Owner.Mark.RESTING), setSchedule(PAST)));

    assertThat(store().dueBefore(FUTURE.plus(ticks(1)), null, 10))
        .containsExactly(Due.of(found("g")));
    committed(ofPass(found("g"), setStatus(ABORTING)));
    assertThat(store().dueBefore(FUTURE.plus(ticks(1)), null, 10))
        .containsExactly(Due.of(found("g")));
  }

  @Test
  default void what_is_due_is_claimed_most_overdue_first() {
    saved(saga("c", SUBMITTED, PAST.plus(ticks(2))), claim("c1"));
    saved(saga("b", PREPARED, PAST.plus(ticks(3))), claim("c2").marked(Owner.Mark.RESTING));
    saved(saga("a", ABORTING, PAST.plus(ticks(1))), claim("c3").marked(Owner.Mark.LOOK_AGAIN));
    saved(saga("not due", SUBMITTED, FUTURE), claim("c4"));
    saved(saga("done", SUCCEED, PAST), claim("c5"));

    List<Stored> two = store().claimDue(LEASE, claims("x"), 2);
    List<Stored> rest = store().claimDue(LEASE, claims("y"), 10);

    assertThat(gids(two)).containsExactly("a", "c");
    assertThat(gids(rest)).containsExactly("b");
    assertThat(store().claimDue(LEASE, claims("z"), 10)).isEmpty();
    assertThat(found("a")).isEqualTo(two.getFirst());
    assertThat(found("not due").owner()).isEqualTo(claim("c4"));
    assertThat(found("done").owner()).isEqualTo(claim("c5"));
  }

  @Test
  default void a_claim_changes_token_next_time_and_update_time_only() {
    Stored before = saved(saga("g", ABORTING, PAST), claim("c1").marked(Owner.Mark.RESTING));
    Instant start = store().storeTime();

    Stored claimed = store().claimDue(LEASE, _ -> claim("c2"), 1).getFirst();

    Instant now = claimed.transaction().state().updateTime();
    assertThat(now).isBetween(start, latest());
    assertThat(claimed.owner()).isEqualTo(claim("c2"));
    assertThat(claimed.owner().mark()).isEqualTo(Owner.Mark.LEASED);
    assertThat(claimed.transaction()).isEqualTo(moved(before.transaction(), now, now.plus(LEASE)));
    assertThat(found("g")).isEqualTo(claimed);
  }

  @Test
  default void what_was_read_is_claimed_if_it_is_still_so() {
    Stored same = saved(saga("same", SUBMITTED, FUTURE), claim("c1"));
    Stored moved = saved(saga("moved", SUBMITTED, FUTURE), claim("c2"));
    Stored written = saved(saga("written", SUBMITTED, FUTURE), claim("c3"));
    Stored finished = saved(saga("finished", SUBMITTED, FUTURE), claim("c4"));
    Stored also = saved(saga("also", PREPARED, PAST), claim("c5"));
    Stored gone = new Stored(saga("gone", SUBMITTED, PAST), claim("c6"));
    committed(takeOver("moved", SUBMITTED, claim("c9"), setSchedule(FUTURE.plusSeconds(1))));
    committed(ofPass(written, addBranches(row("03", Op.ACTION))));
    committed(ofPass(finished, setStatus(SUCCEED)));
    List<Due> dues =
        List.of(
            Due.of(same),
            Due.of(moved),
            Due.of(written),
            Due.of(finished),
            Due.of(gone),
            Due.of(also));

    List<Stored> claimed = store().claim(dues, LEASE, claims("x"));

    assertThat(gids(claimed)).containsExactly("same", "also");
    assertThat(claimed).extracting(stored -> stored.owner().claim()).doesNotHaveDuplicates();
    assertThat(found("same")).isEqualTo(claimed.getFirst());
    assertThat(found("same").transaction().state().schedule().nextTime()).isBefore(FUTURE);
    assertThat(found("moved").owner()).isEqualTo(claim("c9"));
    assertThat(store().claim(dues, LEASE, claims("y"))).isEmpty();
  }

  @Test
  default void a_row_registered_meanwhile_does_not_stop_a_claim_and_is_returned() {
    Stored read = saved(Samples.empty("g", PREPARED, PAST), claim("c1"));
    committed(command("g", PREPARED, addBranches(row("01", Op.ACTION))));

    List<Stored> claimed = store().claim(List.of(Due.of(read)), LEASE, claims("x"));

    assertThat(claimed.getFirst().transaction().branches()).containsExactly(row("01", Op.ACTION));
  }

  @Test
  default void a_claim_ends_the_wish_to_look_again() {
    Stored noted = saved(saga("g", SUBMITTED, PAST), claim("c1").marked(Owner.Mark.LOOK_AGAIN));

    Stored claimed = store().claim(List.of(Due.of(noted)), LEASE, claims("x")).getFirst();

    assertThat(claimed.owner().mark()).isEqualTo(Owner.Mark.LEASED);
    assertThat(found("g").owner().mark()).isEqualTo(Owner.Mark.LEASED);
  }

  @Test
  default void a_saga_that_is_claimed_from_its_holder_is_dirty_until_its_pass_says_otherwise() {
    Stored due = saved(saga("due", SUBMITTED, PAST), claim("c1"));
    Stored read = saved(saga("read", SUBMITTED, FUTURE), claim("c2").marked(Owner.Mark.LOOK_AGAIN));
    saved(saga("resting", SUBMITTED, PAST), claim("c3").marked(Owner.Mark.RESTING));
    saved(saga("rolls back", ABORTING, PAST), claim("c4"));

    List<Stored> claimed = new ArrayList<>(store().claimDue(LEASE, claims("x"), 10));
    claimed.addAll(store().claim(List.of(Due.of(read)), LEASE, claims("y")));

    assertThat(claimed)
        .filteredOn(stored -> stored.transaction().state().extra().dirty())
        .extracting(stored -> stored.transaction().gid().value())
        .containsExactly("due", "read");
    assertThat(found("due")).isEqualTo(claimed.getFirst()).isNotEqualTo(due);
    store().release(List.of(lease("due", found("due").owner().claim())));
    assertThat(found("due").transaction().state().extra().dirty()).isTrue();
    claimed = store().claimDue(LEASE, claims("z"), 10);
    assertThat(claimed.getFirst().transaction().state().extra().dirty()).isTrue();
    Extra none = Extra.NONE;
    committed(ofPass(claimed.getFirst(), new Write.SetExtra(none)));
    assertThat(found("due").transaction().state().extra()).isEqualTo(none);
  }

  @Test
  default void a_renewal_moves_the_ends_of_its_own_leases_and_nothing_else() {
    Stored held = saved(saga("held", SUBMITTED, PAST), claim("c1"));
    Stored noted = saved(saga("noted", SUBMITTED, PAST), claim("c2").marked(Owner.Mark.LOOK_AGAIN));
    Stored resting =
        saved(saga("resting", SUBMITTED, PAST), claim("c3").marked(Owner.Mark.RESTING));
    Stored others = saved(saga("others", SUBMITTED, PAST), claim("c4"));
    Stored finished = saved(saga("finished", SUCCEED, PAST), claim("c5"));
    Stored longer = saved(saga("longer", SUBMITTED, FUTURE), claim("c6"));
    var lost =
        List.of(
            lease("resting", "c3"),
            lease("others", "c9"),
            lease("finished", "c5"),
            lease("gone", "c7"));
    var leases = new ArrayList<>(List.of(lease("held", "c1"), lease("noted", "c2")));
    leases.addAll(lost);
    leases.add(lease("longer", "c6"));
    Instant start = store().storeTime();

    assertThat(store().renew(leases, LEASE)).containsExactlyInAnyOrderElementsOf(lost);

    Instant until = found("held").transaction().state().schedule().nextTime();
    assertThat(until).isBetween(start.plus(LEASE), latest().plus(LEASE));
    assertThat(found("held")).isEqualTo(withNextTime(held, held.owner(), until));
    Instant notedUntil = found("noted").transaction().state().schedule().nextTime();
    assertThat(notedUntil).isBetween(start.plus(LEASE), latest().plus(LEASE));
    assertThat(found("noted")).isEqualTo(withNextTime(noted, noted.owner(), notedUntil));
    assertThat(found("noted").owner().mark()).isEqualTo(Owner.Mark.LOOK_AGAIN);
    for (Stored untouched : List.of(resting, others, finished, longer)) {
      Gid gid = untouched.transaction().gid();
      assertThat(store().find(gid)).hasValue(untouched);
      assertThat(store().find(gid).orElseThrow().owner().mark())
          .isEqualTo(untouched.owner().mark());
    }
    assertThat(store().dueBefore(start, null, 10)).hasSize(2);
    committed(ofPass(held, setStatus(ABORTING)));
  }

  @Test
  default void after_a_renewal_a_batch_with_an_older_end_leaves_the_later_one() {
    Stored held = saved(saga("g", SUBMITTED, PAST), claim("c1"));
    store().renew(List.of(lease("g", "c1")), LEASE);
    Instant until = found("g").transaction().state().schedule().nextTime();

    committed(ofPass(held, setSchedule(PAST.plusSeconds(9))));

    assertThat(found("g").transaction().state().schedule().nextTime()).isEqualTo(until);
  }

  @Test
  default void what_is_released_rests_and_is_due_now() {
    Stored held = saved(saga("held", SUBMITTED, FUTURE), claim("c1"));
    saved(saga("noted", SUBMITTED, FUTURE), claim("c2").marked(Owner.Mark.LOOK_AGAIN));
    Stored resting =
        saved(saga("resting", SUBMITTED, FUTURE), claim("c3").marked(Owner.Mark.RESTING));
    Stored others = saved(saga("others", SUBMITTED, FUTURE), claim("c4"));
    Stored finished = saved(saga("finished", SUCCEED, FUTURE), claim("c5"));
    Instant start = store().storeTime();

    store()
        .release(
            List.of(
                lease("held", "c1"),
                lease("noted", "c2"),
                lease("resting", "c3"),
                lease("others", "c9"),
                lease("finished", "c5"),
                lease("gone", "c7")));

    Instant now = found("held").transaction().state().schedule().nextTime();
    assertThat(now).isBetween(earliest(start), latest());
    Owner atRest = held.owner().marked(Owner.Mark.RESTING);
    assertThat(found("held")).isEqualTo(withNextTime(held, atRest, now));
    assertThat(found("noted").owner().mark()).isEqualTo(Owner.Mark.RESTING);
    for (Stored untouched : List.of(resting, others, finished)) {
      assertThat(store().find(untouched.transaction().gid())).hasValue(untouched);
    }
    assertThat(found("others").owner().mark()).isEqualTo(Owner.Mark.LEASED);
    assertThat(gids(store().claimDue(LEASE, claims("x"), 10)))
        .containsExactlyInAnyOrder("held", "noted");
  }

  @Test
  default void a_note_stays_while_the_pass_works_and_makes_it_due_when_it_rests() {
    Stored held = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));
    committed(note("g", "c1"));

    Batch goesOn = ofPass(held, setStatus(ABORTING));
    committed(goesOn);
    assertThat(found("g").owner().mark()).isEqualTo(Owner.Mark.LOOK_AGAIN);
    Stored working = found("g");
    Instant at = PAST.plusSeconds(3);
    Batch rests = ofPass(working, working.owner().next(Owner.Mark.RESTING), setSchedule(FUTURE));

    assertThat(commit(rests)).isEqualTo(new Committed(found("g")));

    assertThat(found("g").owner().mark()).isEqualTo(Owner.Mark.RESTING);
    assertThat(found("g").transaction().state().schedule().nextTime()).isEqualTo(at);
    assertThat(store().dueBefore(at.plus(ticks(1)), null, 10)).containsExactly(Due.of(found("g")));
  }

  @Test
  default void a_pass_without_a_note_rests_until_its_time() {
    Stored held = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));

    committed(ofPass(held, held.owner().next(Owner.Mark.RESTING), setSchedule(FUTURE)));

    assertThat(found("g").transaction().state().schedule().nextTime()).isEqualTo(FUTURE);
  }

  @Test
  default void a_note_does_not_make_a_finished_transaction_due() {
    Stored held = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));
    committed(note("g", "c1"));

    committed(ofPass(held, held.owner().next(Owner.Mark.RESTING), setStatus(SUCCEED)));

    assertThat(store().dueBefore(FUTURE.plusSeconds(1), null, 10)).isEmpty();
  }

  @Test
  default void a_take_over_leaves_the_note_behind() {
    saved(saga("g", PREPARED, FUTURE), claim("c1").marked(Owner.Mark.LOOK_AGAIN));

    committed(takeOver("g", PREPARED, claim("c2"), setStatus(SUBMITTED)));

    assertThat(found("g").owner().mark()).isEqualTo(Owner.Mark.LEASED);
  }

  @Test
  default void a_record_found_at_rest_is_claimed_instead_of_noted() {
    Stored resting = saved(saga("g", SUBMITTED, FUTURE), claim("c1").marked(Owner.Mark.RESTING));

    CommitResult noted = commit(note("g", "c1"));
    List<Stored> claimed = store().claim(List.of(Due.of(resting)), LEASE, claims("x"));

    assertThat(noted).isEqualTo(new Lost(resting));
    assertThat(gids(claimed)).containsExactly("g");
  }

  private static Batch note(String gid, String claim) {
    return new Batch(
        new Gid(gid), new Guard.LeasedTo(claim), null, List.of(Write.LookAgain.INSTANCE));
  }

  private static Lease lease(String gid, String claim) {
    return new Lease(new Gid(gid), claim);
  }

  /** For each gid a token of a claim of its own. */
  private static Function<Gid, Owner> claims(String prefix) {
    return gid -> claim(prefix + gid);
  }

  private static List<String> gids(List<Stored> records) {
    return records.stream().map(stored -> stored.transaction().gid().value()).toList();
  }

  private static Stored withNextTime(Stored stored, Owner owner, Instant nextTime) {
    Transaction transaction = stored.transaction();
    return new Stored(moved(transaction, transaction.state().updateTime(), nextTime), owner);
  }

  private static Transaction moved(Transaction transaction, Instant updateTime, Instant nextTime) {
    State state = transaction.state();
    return Samples.withState(
        transaction,
        new State(
            state.status(),
            state.reason(),
            state.result(),
            updateTime,
            state.endTime(),
            new Schedule(state.schedule().interval(), nextTime),
            state.extra()));
  }
}
