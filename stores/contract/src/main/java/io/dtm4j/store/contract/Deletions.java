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
import static io.dtm4j.store.contract.Samples.setStatus;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Definition;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.TransType;
import io.dtm4j.store.Counts;
import io.dtm4j.store.Filter;
import io.dtm4j.store.Listed;
import io.dtm4j.store.Page;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What has ended long ago is deleted, and nothing else. */
interface Deletions extends OpenStore {
  @Test
  default void what_ended_before_the_time_is_gone_and_all_others_stay() {
    ended("old", SUCCEED, PAST.plusSeconds(1));
    ended("failed", FAILED, PAST.plusSeconds(2));
    Stored sameTime = ended("same time", SUCCEED, PAST.plusSeconds(3));
    Stored later = ended("later", FAILED, PAST.plusSeconds(4));
    var open = new ArrayList<Stored>();
    for (GlobalStatus status : List.of(PREPARED, SUBMITTED, ABORTING)) {
      open.add(saved(saga("open " + status, status, PAST), claim("c" + status)));
    }

    assertThat(store().endedBefore(PAST.plusSeconds(3), "", 10).items())
        .containsExactlyInAnyOrder(new Gid("old"), new Gid("failed"));
    assertThat(deleteAll(PAST.plusSeconds(3), 10)).isEqualTo(2);

    assertThat(store().find(new Gid("old"))).isEmpty();
    assertThat(store().find(new Gid("failed"))).isEmpty();
    assertThat(found("same time")).isEqualTo(sameTime);
    assertThat(found("later")).isEqualTo(later);
    for (Stored stored : open) {
      assertThat(store().find(stored.transaction().gid())).hasValue(stored);
    }
    assertThat(store().list(Filter.ALL, "", 10).items()).hasSize(5);
    assertThat(store().list(new Filter(FAILED, null, null, null), "", 10).items())
        .containsExactly(Listed.of(later));
    assertThat(store().counts()).isEqualTo(new Counts(3, PAST));
  }

  @Test
  default void the_end_counts_not_the_creation() {
    Stored running = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));
    for (int i = 0; i < 20; i++) {
      ended("younger" + i, SUCCEED, PAST.plusSeconds(10 + i));
    }
    assertThat(deleteAll(PAST.plusSeconds(15), 3)).isEqualTo(5);

    committed(ofPass(running, new Write.SetStatus(SUCCEED, null, null, PAST.plusSeconds(3_600))));

    assertThat(deleteAll(PAST.plusSeconds(3_600), 3)).isEqualTo(15);
    assertThat(found("g").transaction().status()).isEqualTo(SUCCEED);
    assertThat(deleteAll(PAST.plusSeconds(3_601), 3)).isEqualTo(1);
    assertThat(store().find(new Gid("g"))).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 100})
  default void steps_of_any_size_delete_all_of_every_type(int limit) {
    for (int i = 0; i < 30; i++) {
      TransType type = List.of(TransType.values()).get(i % 5);
      var definition = new Definition(type, "", "", "", Options.DEFAULTS, PAST.minus(ticks(i)));
      var transaction =
          new Transaction(
              new Gid("g" + i),
              definition,
              Samples.state(i % 3 == 0 ? SUBMITTED : SUCCEED, FUTURE),
              List.of(row("01", Op.ACTION)));
      saved(transaction, claim("c" + i));
    }

    assertThat(deleteAll(PAST.plus(ticks(1)), limit)).isEqualTo(20);

    Page<Listed> left = store().list(Filter.ALL, "", 100);
    assertThat(left.items()).hasSize(10).allMatch(one -> one.state().status() == SUBMITTED);
  }

  @Test
  default void later_rows_go_too_and_the_gid_may_come_again() {
    saved(Samples.empty("g", PREPARED, FUTURE), claim("c1"));
    committed(command("g", PREPARED, addBranches(row("01", Op.ACTION), row("02", Op.ACTION))));
    committed(command("g", PREPARED, addBranches(row("03", Op.ACTION))));
    committed(ofPass(found("g"), new Write.SetStatus(FAILED, "", null, PAST)));

    assertThat(deleteAll(FUTURE, 10)).isEqualTo(1);
    assertThat(store().find(new Gid("g"))).isEmpty();

    Stored again = saved(Samples.empty("g", PREPARED, FUTURE), claim("c2"));
    assertThat(found("g")).isEqualTo(again);
    committed(command("g", PREPARED, addBranches(row("04", Op.ACTION))));
    assertThat(found("g").transaction().branches()).containsExactly(row("04", Op.ACTION));
    assertThat(store().list(Filter.ALL, "", 10).items()).containsExactly(Listed.of(found("g")));
  }

  @Test
  default void a_list_goes_on_behind_what_was_deleted() {
    for (int i = 0; i < 6; i++) {
      ended("g" + i, SUCCEED, PAST.plusSeconds(i % 2));
    }
    String next = store().list(Filter.ALL, "", 2).next();

    assertThat(deleteAll(PAST.plusSeconds(1), 10)).isEqualTo(3);

    assertThat(store().list(Filter.ALL, next, 10).items())
        .extracting(one -> one.gid().value())
        .containsExactly("g3", "g1");
  }

  @Test
  default void only_what_ended_is_deleted_even_when_others_are_named() {
    Stored open = saved(saga("open", SUBMITTED, PAST), claim("c1"));
    Stored later = ended("later", SUCCEED, PAST.plusSeconds(5));
    ended("old", SUCCEED, PAST);
    var gids = List.of(new Gid("open"), new Gid("later"), new Gid("old"), new Gid("unknown"));

    assertThat(store().delete(gids, PAST.plusSeconds(5))).isEqualTo(1);
    assertThat(store().delete(gids, PAST.plusSeconds(5))).isZero();

    assertThat(found("open")).isEqualTo(open);
    assertThat(found("later")).isEqualTo(later);
    assertThat(store().find(new Gid("old"))).isEmpty();
    committed(ofPass(open, setStatus(SUCCEED)));
  }

  @Test
  default void nothing_has_ended_in_an_empty_store() {
    assertThat(store().endedBefore(FUTURE, "", 10)).isEqualTo(new Page<>(List.of(), ""));
    assertThat(store().delete(List.of(), FUTURE)).isZero();
  }

  /** A saga that was created and ended at that time. */
  private Stored ended(String gid, GlobalStatus status, Instant at) {
    Transaction saga = saga(gid, SUBMITTED, FUTURE);
    var definition = new Definition(TransType.SAGA, "http", "", "", Options.DEFAULTS, at);
    Stored stored =
        saved(
            new Transaction(saga.gid(), definition, saga.state(), saga.branches()),
            claim("claim of " + gid));
    committed(ofPass(stored, new Write.SetStatus(status, null, null, at)));
    return found(gid);
  }

  /** Deletes page by page; how many all together. */
  private int deleteAll(Instant time, int limit) {
    int count = 0;
    String cursor = "";
    do {
      Page<Gid> page = store().endedBefore(time, cursor, limit);
      assertThat(page.items()).hasSizeLessThanOrEqualTo(limit);
      assertThat(page.next()).isNotEqualTo(cursor.isEmpty() ? null : cursor);
      count += store().delete(page.items(), time);
      cursor = page.next();
    } while (!cursor.isEmpty());
    return count;
  }
}
