package io.dtm4j.store.contract;

import static io.dtm4j.protocol.GlobalStatus.ABORTING;
import static io.dtm4j.protocol.GlobalStatus.FAILED;
import static io.dtm4j.protocol.GlobalStatus.PREPARED;
import static io.dtm4j.protocol.GlobalStatus.SUBMITTED;
import static io.dtm4j.protocol.GlobalStatus.SUCCEED;
import static io.dtm4j.store.contract.Samples.FUTURE;
import static io.dtm4j.store.contract.Samples.PAST;
import static io.dtm4j.store.contract.Samples.claim;
import static io.dtm4j.store.contract.Samples.ofPass;
import static io.dtm4j.store.contract.Samples.saga;
import static io.dtm4j.store.contract.Samples.setSchedule;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.Reset;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What waits for later is made due now (docs/spec/http-api.md 4.11). */
interface Resets extends OpenStore {
  Duration TIMEOUT = Duration.ofSeconds(105);

  @Test
  default void ten_that_are_late_are_reset_in_two_steps() {
    for (int i = 0; i < 10; i++) {
      saved(saga("g" + i, SUBMITTED, FUTURE), resting("c" + i));
    }

    assertThat(store().resetDue(TIMEOUT, 9)).isEqualTo(new Reset(9, true));
    assertThat(store().resetDue(TIMEOUT, 10)).isEqualTo(new Reset(1, false));
    assertThat(store().resetDue(TIMEOUT, 10)).isEqualTo(new Reset(0, false));
    assertThat(store().dueBefore(store().storeTime().plusMillis(1), null, 20)).hasSize(10);
  }

  @Test
  default void as_many_as_the_limit_leave_nothing() {
    for (int i = 0; i < 10; i++) {
      saved(saga("g" + i, SUBMITTED, FUTURE), resting("c" + i));
    }

    assertThat(store().resetDue(TIMEOUT, 10)).isEqualTo(new Reset(10, false));
  }

  @Test
  default void what_rests_late_is_due_now_and_nothing_else_of_it_changes() {
    Stored late = saved(saga("late", ABORTING, FUTURE), resting("c1"));
    Instant start = store().storeTime();

    assertThat(store().resetDue(TIMEOUT, 10)).isEqualTo(new Reset(1, false));

    Stored now = found("late");
    Instant due = now.transaction().state().schedule().nextTime();
    assertThat(due).isBetween(earliest(start), latest());
    assertThat(now).isEqualTo(late.withNextTime(due));
    assertThat(now.owner().mark()).isEqualTo(Owner.Mark.RESTING);
    assertThat(store().claim(List.of(Due.of(late)), Duration.ofHours(1), _ -> claim("x")))
        .as("a timer that was armed for the old time")
        .isEmpty();
    assertThat(store().claimDue(Duration.ofHours(1), _ -> claim("y"), 10)).hasSize(1);
  }

  @Test
  default void what_is_due_soon_or_finished_stays() {
    Instant soon = earliest(store().storeTime()).plus(TIMEOUT.minusSeconds(30));
    List<Stored> others =
        List.of(
            saved(saga("overdue", SUBMITTED, PAST), resting("c1")),
            saved(saga("soon", PREPARED, soon), resting("c2")),
            saved(saga("succeeded", SUCCEED, FUTURE), resting("c3")),
            saved(saga("failed", FAILED, FUTURE), resting("c4")));

    assertThat(store().resetDue(TIMEOUT, 10)).isEqualTo(new Reset(0, false));

    for (Stored other : others) {
      assertThat(store().find(other.transaction().gid())).hasValue(other);
    }
  }

  @Test
  default void the_earliest_come_first() {
    saved(saga("third", SUBMITTED, FUTURE.plus(ticks(3))), resting("c1"));
    saved(saga("first", SUBMITTED, FUTURE.plus(ticks(1))), resting("c2"));
    saved(saga("second", SUBMITTED, FUTURE.plus(ticks(2))), resting("c3"));

    assertThat(store().resetDue(TIMEOUT, 2)).isEqualTo(new Reset(2, true));

    assertThat(store().dueBefore(FUTURE, null, 10))
        .extracting(due -> due.gid().value())
        .containsExactlyInAnyOrder("first", "second");
  }

  @Test
  default void what_is_leased_for_long_is_marked_once_and_keeps_its_lease() {
    Stored held = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));

    assertThat(store().resetDue(TIMEOUT, 10)).isEqualTo(new Reset(1, false));

    assertThat(found("g"))
        .isEqualTo(new Stored(held.transaction(), held.owner().marked(Owner.Mark.LOOK_AGAIN)));
    assertThat(store().resetDue(TIMEOUT, 10)).isEqualTo(new Reset(0, false));
    Owner atRest = held.owner().next(Owner.Mark.RESTING);
    assertThat(commit(ofPass(held, atRest, setSchedule(FUTURE))))
        .isEqualTo(new Committed(found("g")));
    assertThat(found("g").transaction().state().schedule().nextTime())
        .as("it is looked at again when it comes to rest")
        .isBefore(FUTURE);
  }

  @Test
  default void marked_ones_do_not_stand_in_the_way() {
    for (int i = 0; i < 5; i++) {
      saved(saga("held" + i, SUBMITTED, FUTURE), claim("h" + i).marked(Owner.Mark.LOOK_AGAIN));
    }
    saved(saga("g", SUBMITTED, FUTURE.plusSeconds(1)), resting("c1"));

    assertThat(store().resetDue(TIMEOUT, 1)).isEqualTo(new Reset(1, false));

    assertThat(store().dueBefore(FUTURE, null, 10))
        .extracting(Due::gid)
        .containsExactly(new Gid("g"));
  }

  private static Owner resting(String claim) {
    return claim(claim).marked(Owner.Mark.RESTING);
  }
}
