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
import static io.dtm4j.store.contract.Samples.saveNew;
import static io.dtm4j.store.contract.Samples.setStatus;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.model.Branch;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import io.dtm4j.store.BadCursorException;
import io.dtm4j.store.Counts;
import io.dtm4j.store.Filter;
import io.dtm4j.store.Listed;
import io.dtm4j.store.Page;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Transactions page by page (docs/spec/http-api.md 4.10), and how many there are. */
interface Lists extends OpenStore {
  @Test
  default void a_list_shows_the_newest_first_as_they_are_now() {
    Stored first = saved(saga("first", SUBMITTED, FUTURE), claim("c1"));
    saved(saga("second", PREPARED, FUTURE), claim("c2"));
    saved(saga("third", SUBMITTED, FUTURE), claim("c3"));
    committed(ofPass(first, setStatus(SUCCEED)));

    Page<Listed> page = store().list(Filter.ALL, "", 10);

    assertThat(gids(page.items())).containsExactly("third", "second", "first");
    assertThat(page.items())
        .containsExactly(
            Listed.of(found("third")), Listed.of(found("second")), Listed.of(found("first")));
    assertThat(page.next()).isEmpty();
  }

  @Test
  default void what_one_group_stores_is_listed_in_the_reverse_of_its_order() {
    var group =
        List.of("c", "a", "d", "b").stream()
            .map(gid -> saveNew(saga(gid, SUBMITTED, FUTURE), claim("claim of " + gid)))
            .toList();

    store().commit(group);

    assertThat(listed(Filter.ALL, 10)).containsExactly("b", "d", "a", "c");
  }

  @Test
  default void a_transaction_keeps_its_place_whatever_becomes_of_it() {
    Stored first = saved(saga("first", PREPARED, FUTURE), claim("c1"));
    saved(saga("second", SUBMITTED, FUTURE), claim("c2"));

    committed(command("first", PREPARED, addBranches(row("03", Op.ACTION))));
    committed(ofPass(first, setStatus(SUBMITTED)));
    committed(ofPass(found("first"), setStatus(FAILED)));

    assertThat(listed(Filter.ALL, 10)).containsExactly("second", "first");
  }

  @Test
  default void with_a_limit_of_one_every_page_has_another_cursor() {
    for (int i = 0; i < 4; i++) {
      saved(saga("g" + i, SUBMITTED, FUTURE), claim("c" + i));
    }

    Page<Listed> first = store().list(Filter.ALL, "", 1);
    Page<Listed> second = store().list(Filter.ALL, first.next(), 1);
    Page<Listed> rest = store().list(Filter.ALL, second.next(), 1_000);

    assertThat(gids(first.items())).containsExactly("g3");
    assertThat(gids(second.items())).containsExactly("g2");
    assertThat(gids(rest.items())).containsExactly("g1", "g0");
    assertThat(first.next()).isNotEmpty();
    assertThat(second.next()).isNotEmpty().isNotEqualTo(first.next());
    assertThat(rest.next()).isEmpty();
    assertThat(store().list(Filter.ALL, first.next(), 1)).isEqualTo(second);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 7, 100})
  default void pages_show_everything_once_whatever_their_size(int limit) {
    var expected = new ArrayList<String>();
    for (int i = 0; i < 40; i++) {
      saved(
          ofType("g" + i, List.of(TransType.values()).get(i % 5), SUBMITTED, PAST), claim("c" + i));
      expected.addFirst("g" + i);
    }

    assertThat(listed(Filter.ALL, limit)).isEqualTo(expected);
  }

  @Test
  default void what_is_stored_while_somebody_pages_does_not_move_what_follows() {
    for (int i = 0; i < 6; i++) {
      saved(saga("g" + i, SUBMITTED, FUTURE), claim("c" + i));
    }
    Page<Listed> first = store().list(Filter.ALL, "", 2);

    saved(saga("new", SUBMITTED, FUTURE), claim("c9"));
    committed(ofPass(found("g3"), setStatus(SUCCEED)));

    assertThat(gids(store().list(Filter.ALL, first.next(), 10).items()))
        .containsExactly("g3", "g2", "g1", "g0");
  }

  @ParameterizedTest
  @EnumSource(GlobalStatus.class)
  default void a_status_shows_those_that_have_it_now(GlobalStatus status) {
    var born = new ArrayList<String>();
    var become = new ArrayList<String>();
    for (GlobalStatus other : GlobalStatus.values()) {
      saved(saga("born " + other, other, FUTURE), claim("c" + other));
      if (other == status) {
        born.add("born " + other);
      }
    }
    for (GlobalStatus from : List.of(PREPARED, SUBMITTED, ABORTING)) {
      Stored stored = saved(saga("from " + from, from, FUTURE), claim("f" + from));
      committed(ofPass(stored, setStatus(status)));
      become.addFirst("from " + from);
    }
    become.addAll(born);

    assertThat(listed(new Filter(status, null, null, null), 2)).isEqualTo(become);
  }

  @Test
  default void a_status_that_was_left_shows_it_no_more() {
    saved(saga("g", PREPARED, FUTURE), claim("c1"));

    for (GlobalStatus next : List.of(SUBMITTED, ABORTING, FAILED)) {
      GlobalStatus before = found("g").transaction().status();
      committed(ofPass(found("g"), setStatus(next)));

      assertThat(listed(new Filter(before, null, null, null), 10)).isEmpty();
      assertThat(listed(new Filter(next, null, null, null), 10)).containsExactly("g");
    }
  }

  @ParameterizedTest
  @EnumSource(TransType.class)
  default void a_type_shows_its_own(TransType type) {
    for (int i = 0; i < 3; i++) {
      for (TransType other : TransType.values()) {
        saved(ofType(other + "-" + i, other, SUBMITTED, PAST), claim("c" + other + i));
      }
    }

    assertThat(listed(new Filter(null, type, null, null), 2))
        .containsExactly(type + "-2", type + "-1", type + "-0");
  }

  @Test
  default void bounds_of_time_are_inclusive() {
    for (int i = 0; i < 10; i++) {
      saved(ofType("g" + i, TransType.SAGA, SUBMITTED, PAST.plus(ticks(i))), claim("c" + i));
    }

    assertThat(listed(created(PAST.plus(ticks(3)), PAST.plus(ticks(5))), 2))
        .containsExactly("g5", "g4", "g3");
    assertThat(listed(created(PAST.plus(ticks(8)), null), 2)).containsExactly("g9", "g8");
    assertThat(listed(created(null, PAST.plus(ticks(1))), 2)).containsExactly("g1", "g0");
    assertThat(listed(created(null, PAST.minus(ticks(1))), 2)).isEmpty();
    assertThat(listed(created(PAST.plus(ticks(10)), null), 2)).isEmpty();
    assertThat(listed(created(PAST.plus(ticks(5)), PAST.plus(ticks(3))), 2)).isEmpty();
    assertThat(listed(created(Instant.MIN, Instant.MAX), 100)).hasSize(10);
  }

  @Test
  default void bounds_of_time_hold_for_what_was_stored_late() {
    long[] millis = {500_000, 3, 900_000, 4, 2, 900_001, 0, 700_000};
    for (int i = 0; i < millis.length; i++) {
      TransType type = List.of(TransType.values()).get(i % 3);
      saved(ofType("g" + i, type, SUBMITTED, PAST.plus(ticks(millis[i]))), claim("c" + i));
    }

    assertThat(listed(created(null, PAST.plus(ticks(4))), 2))
        .containsExactly("g6", "g4", "g3", "g1");
    assertThat(listed(created(PAST.plus(ticks(600_000)), null), 2))
        .containsExactly("g7", "g5", "g2");
    assertThat(listed(created(PAST.plus(ticks(3)), PAST.plus(ticks(500_000))), 2))
        .containsExactly("g3", "g1", "g0");
  }

  @Test
  default void times_of_any_age_are_listed() {
    List<Instant> times =
        List.of(
            Instant.parse("1883-11-18T12:00:00Z"),
            Instant.parse("2263-04-11T23:47:16Z"),
            Instant.EPOCH,
            Instant.parse("2120-01-01T00:00:00.000000001Z"));
    for (int i = 0; i < times.size(); i++) {
      saved(ofType("g" + i, TransType.MSG, SUBMITTED, times.get(i)), claim("c" + i));
    }

    assertThat(listed(Filter.ALL, 3)).containsExactly("g3", "g2", "g1", "g0");
    for (int i = 0; i < times.size(); i++) {
      assertThat(listed(created(times.get(i), times.get(i)), 3)).containsExactly("g" + i);
    }
    assertThat(listed(created(null, Instant.EPOCH), 3)).containsExactly("g2", "g0");
  }

  @Test
  default void filters_hold_together() {
    int i = 0;
    var expected = new ArrayList<String>();
    for (GlobalStatus status : GlobalStatus.values()) {
      for (TransType type : TransType.values()) {
        for (int day = 0; day < 4; day++) {
          String gid = "g" + i++;
          saved(ofType(gid, type, status, PAST.plusSeconds(day * 86_400L)), claim("c" + i));
          if (status == FAILED && type == TransType.TCC && (day == 1 || day == 2)) {
            expected.addFirst(gid);
          }
        }
      }
    }
    var filter =
        new Filter(FAILED, TransType.TCC, PAST.plusSeconds(86_400), PAST.plusSeconds(2 * 86_400));

    assertThat(listed(filter, 1)).isEqualTo(expected).hasSize(2);
    assertThat(listed(filter, 100)).isEqualTo(expected);
  }

  @Test
  default void a_list_of_nothing_is_empty() {
    assertThat(store().list(Filter.ALL, "", 10)).isEqualTo(new Page<>(List.of(), ""));
    for (GlobalStatus status : GlobalStatus.values()) {
      assertThat(store().list(new Filter(status, null, null, null), "", 10))
          .isEqualTo(new Page<>(List.of(), ""));
    }
  }

  @Test
  default void large_transactions_are_listed_without_their_payloads() {
    Payload payload = Payload.of(new byte[longestPayload()]);
    for (int i = 0; i < 6; i++) {
      List<Branch> rows = Samples.rows(2, payload);
      Transaction heavy = Samples.withRows(saga("g" + i, SUBMITTED, FUTURE), rows);
      saved(heavy, claim("c" + i));
    }

    assertThat(listed(Filter.ALL, 10)).containsExactly("g5", "g4", "g3", "g2", "g1", "g0");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"x", "1x", " 1", "-1", "+1", "1.0", "99999999999999999999", "01", "ü", "null"})
  default void a_cursor_that_no_page_gave_is_refused(String cursor) {
    saved(saga("g", SUBMITTED, FUTURE), claim("c1"));

    assertThatExceptionOfType(BadCursorException.class)
        .isThrownBy(() -> store().list(Filter.ALL, cursor, 10))
        .withMessageContaining(cursor);
    assertThatExceptionOfType(BadCursorException.class)
        .isThrownBy(() -> store().endedBefore(PAST, cursor, 10))
        .withMessageContaining(cursor);
  }

  @ParameterizedTest
  @ValueSource(ints = {Integer.MIN_VALUE, -1, 0, Page.MAX_LIMIT + 1, Integer.MAX_VALUE})
  default void an_impossible_limit_is_refused(int limit) {
    assertThatExceptionOfType(IllegalArgumentException.class)
        .isThrownBy(() -> store().list(Filter.ALL, "", limit))
        .withMessage("limit: " + limit + " (expected: 1 to 10000)");
    assertThatExceptionOfType(IllegalArgumentException.class)
        .isThrownBy(() -> store().listKeyValues(null, "", limit));
    assertThatExceptionOfType(IllegalArgumentException.class)
        .isThrownBy(() -> store().resetDue(Duration.ZERO, limit));
    assertThatExceptionOfType(IllegalArgumentException.class)
        .isThrownBy(() -> store().endedBefore(PAST, "", limit));
  }

  @Test
  default void counts_follow_every_change() {
    assertThat(store().counts()).isEqualTo(new Counts(0, null));

    Stored first = saved(saga("first", PREPARED, FUTURE), claim("c1"));
    saved(saga("second", SUBMITTED, PAST.plus(ticks(7))), claim("c2"));
    saved(saga("done", SUCCEED, PAST), claim("c3"));
    assertThat(store().counts()).isEqualTo(new Counts(2, PAST.plus(ticks(7))));

    committed(ofPass(found("second"), setStatus(FAILED)));
    assertThat(store().counts()).isEqualTo(new Counts(1, FUTURE));

    committed(ofPass(first, setStatus(SUBMITTED)));
    store().commit(List.of(saveNew(saga("first", SUBMITTED, FUTURE), claim("c4"))));
    assertThat(store().counts()).isEqualTo(new Counts(1, FUTURE));

    committed(ofPass(found("first"), setStatus(ABORTING)));
    committed(ofPass(found("first"), setStatus(FAILED)));
    assertThat(store().counts()).isEqualTo(new Counts(0, null));
  }

  @Test
  default void the_oldest_unfinished_is_the_one_that_was_stored_first() {
    saved(ofType("done", TransType.SAGA, SUCCEED, PAST), claim("c1"));
    assertThat(store().oldestUnfinished()).isNull();

    Stored first =
        saved(ofType("first", TransType.TCC, SUBMITTED, PAST.plus(ticks(7))), claim("c2"));
    saved(ofType("second", TransType.MSG, SUBMITTED, PAST.plus(ticks(8))), claim("c3"));
    assertThat(store().oldestUnfinished()).isEqualTo(PAST.plus(ticks(7)));

    committed(ofPass(first, setStatus(SUCCEED)));
    assertThat(store().oldestUnfinished()).isEqualTo(PAST.plus(ticks(8)));
  }

  private static Filter created(@Nullable Instant from, @Nullable Instant to) {
    return new Filter(null, null, from, to);
  }

  private static Transaction ofType(
      String gid, TransType type, GlobalStatus status, Instant createTime) {
    var definition = new Definition(type, "http", "", "", Options.DEFAULTS, createTime);
    return new Transaction(
        new Gid(gid), definition, Samples.state(status, FUTURE), List.of(row("01", Op.ACTION)));
  }

  /** The gids of all pages. */
  private List<String> listed(Filter filter, int limit) {
    var gids = new ArrayList<String>();
    var cursors = new HashSet<String>();
    String cursor = "";
    do {
      assertThat(cursors.add(cursor)).as("a cursor that was not there before").isTrue();
      Page<Listed> page = store().list(filter, cursor, limit);
      assertThat(page.items()).hasSizeLessThanOrEqualTo(limit);
      assertThat(page.items()).allMatch(filter::matches);
      gids.addAll(gids(page.items()));
      cursor = page.next();
    } while (!cursor.isEmpty());
    return gids;
  }

  private static List<String> gids(List<Listed> items) {
    return items.stream().map(one -> one.gid().value()).toList();
  }
}
