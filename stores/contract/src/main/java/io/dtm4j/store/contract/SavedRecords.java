package io.dtm4j.store.contract;

import static io.dtm4j.store.contract.Samples.FUTURE;
import static io.dtm4j.store.contract.Samples.PAST;
import static io.dtm4j.store.contract.Samples.TRACE;
import static io.dtm4j.store.contract.Samples.claim;
import static io.dtm4j.store.contract.Samples.command;
import static io.dtm4j.store.contract.Samples.empty;
import static io.dtm4j.store.contract.Samples.row;
import static io.dtm4j.store.contract.Samples.rows;
import static io.dtm4j.store.contract.Samples.saga;
import static io.dtm4j.store.contract.Samples.saveNew;
import static io.dtm4j.store.contract.Samples.state;
import static io.dtm4j.store.contract.Samples.withRows;
import static io.dtm4j.store.contract.Samples.withState;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Attempt;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.StoreRejectedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What was saved is found again, to the last byte. */
interface SavedRecords extends OpenStore {
  int MAX_BRANCHES = 10_000;
  int MAX_BYTES = 4 << 20;

  @Test
  default void a_gid_that_nobody_saved_is_not_found() {
    saved(saga("g", GlobalStatus.SUBMITTED, FUTURE), claim("c1"));

    assertThat(store().find(new Gid("g1"))).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(TransType.class)
  default void every_member_is_found_as_it_was_saved(TransType type) {
    var options = new Options(true, 35, 7, 11, Map.of("X-Tenant", "größe", "b", ""), true, 5);
    var definition =
        new Definition(
            type,
            "json-rpc",
            "http://host/back?a=1",
            "{\"delay\":10}",
            options,
            PAST.minus(ticks(7)));
    var attempts =
        Map.of(
            "01 action", new Attempt(3, PAST, Attempt.Kind.UNKNOWN, "connection refused"),
            "02 compensate", new Attempt(1, PAST.plus(ticks(1)), Attempt.Kind.FAILURE, ""));
    var extra =
        new Extra(
            FUTURE,
            4,
            2,
            attempts,
            List.of(0, 1, 2, 5),
            true,
            TRACE,
            Map.of("newer", "{\"a\":[1.50]}"));
    var state =
        new State(
            GlobalStatus.FAILED,
            "no \"money\"\nleft",
            "{\"result\":\"ü\"}",
            PAST.plus(ticks(999)),
            PAST.plus(ticks(998)),
            new Schedule(Duration.ofSeconds(20), FUTURE.plus(ticks(1))),
            extra);
    var settled =
        new Branch(
            new BranchKey("01", Op.ACTION),
            "grpc://host:1/service/Method",
            Payload.of("x"),
            BranchStatus.SUCCEED,
            PAST.minus(ticks(3)),
            PAST.plus(ticks(4)));
    var refused =
        new Branch(
            new BranchKey("02-01", new Op("own op")),
            "",
            Payload.EMPTY,
            BranchStatus.FAILED,
            PAST,
            PAST);
    var transaction =
        new Transaction(
            new Gid("g"), definition, state, List.of(refused, settled, row("02", Op.COMPENSATE)));

    var owner = new Owner(Owner.Mark.RESTING, "server_1.example", "claim-7", Long.MAX_VALUE);
    saved(transaction, owner);

    assertThat(found("g")).isEqualTo(new Stored(transaction, owner));
    assertThat(found("g").owner().mark()).isEqualTo(Owner.Mark.RESTING);
    assertThat(found("g").owner().server()).isEqualTo("server_1.example");
  }

  @Test
  default void what_is_not_there_stays_so() {
    var definition = new Definition(TransType.MSG, "", "", "", Options.DEFAULTS, PAST);
    var bare =
        new Transaction(new Gid("g"), definition, state(GlobalStatus.PREPARED, FUTURE), List.of());

    Stored stored = saved(bare, new Owner(Owner.Mark.LEASED, "", "c", 0));

    assertThat(found("g")).isEqualTo(stored);
  }

  @ParameterizedTest
  @EnumSource(GlobalStatus.class)
  default void every_status_is_found_as_it_was_saved(GlobalStatus status) {
    Stored stored = saved(saga("g", status, FUTURE), claim("c1"));

    assertThat(found("g")).isEqualTo(stored);
  }

  @ParameterizedTest
  @EnumSource(Owner.Mark.class)
  default void every_mark_is_found_as_it_was_saved(Owner.Mark mark) {
    saved(saga("g", GlobalStatus.SUBMITTED, FUTURE), claim("c1").marked(mark));

    assertThat(found("g").owner().mark()).isEqualTo(mark);
  }

  @Test
  default void payloads_keep_every_byte() {
    byte[] bytes = new byte[256];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) i;
    }
    Transaction saga = saga("g", GlobalStatus.SUBMITTED, FUTURE);
    Payload payload = Payload.of(bytes);
    var rows =
        List.of(
            Branch.open(new BranchKey("01", Op.ACTION), "u", payload, PAST),
            Branch.open(new BranchKey("02", Op.ACTION), "u", Payload.EMPTY, PAST),
            Branch.open(new BranchKey("03", Op.ACTION), "u", Payload.of("\0"), PAST));

    Stored stored = saved(withRows(saga, rows), claim("c1"));

    assertThat(found("g")).isEqualTo(stored);
  }

  @Test
  default void rows_that_share_a_payload_and_rows_that_do_not_are_told_apart() {
    Payload shared = Payload.of("shared");
    var rows =
        List.of(
            Branch.open(new BranchKey("01", Op.COMPENSATE), "u", shared, PAST),
            Branch.open(new BranchKey("01", Op.ACTION), "u", shared, PAST),
            Branch.open(new BranchKey("02", Op.ACTION), "u", Payload.of("other"), PAST),
            Branch.open(new BranchKey("03", Op.ACTION), "u", Payload.of("shared"), PAST),
            Branch.open(new BranchKey("04", Op.ACTION), "u", shared, PAST),
            Branch.open(new BranchKey("05", Op.ACTION), "u", Payload.EMPTY, PAST));

    Stored stored = saved(withRows(saga("g", GlobalStatus.SUBMITTED, FUTURE), rows), claim("c1"));
    committed(command("g", GlobalStatus.SUBMITTED, new Write.AddBranches(rows(3, shared))));

    assertThat(found("g").transaction().branches())
        .startsWith(stored.transaction().branches().toArray(Branch[]::new))
        .endsWith(rows(3, shared).toArray(Branch[]::new))
        .hasSize(9);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "größe 数据 🙂 \u202E",
        "'; drop table trans_global; --",
        "\"quoted\" \\ back\\slash \\u0041",
        "line\r\nline\ttab \u0001\u001F\u007F",
        " spaces around ",
        "%_*?[]{}",
        "null",
        "\uFFFD\uE000\uD800\uDC00"
      })
  default void texts_are_kept_as_they_are(String text) {
    var options = new Options(false, 0, 0, 0, Map.of("header", text), false, 0);
    var definition = new Definition(TransType.WORKFLOW, "http", text, text, options, PAST);
    var extra =
        Extra.NONE.withAttempts(
            Map.of("01 action", new Attempt(1, PAST, Attempt.Kind.ONGOING, text)));
    var state =
        new State(
            GlobalStatus.SUBMITTED,
            text,
            text,
            PAST,
            null,
            new Schedule(Duration.ofSeconds(10), FUTURE),
            extra);
    var rows =
        List.of(
            Branch.open(new BranchKey(text, new Op("op" + text)), text, Payload.of(text), PAST));

    Stored stored = saved(new Transaction(new Gid("g"), definition, state, rows), claim("c1"));

    assertThat(found("g")).isEqualTo(stored);
  }

  @Test
  default void gids_that_look_alike_are_different_transactions() {
    String longest = "x".repeat(Gid.MAX_LENGTH - 1);
    var gids =
        List.of(
            "g1",
            "G1",
            "g",
            "g10",
            "g1 ",
            " g1",
            "g1\u0001",
            "g-1",
            "g_1",
            "g%",
            "g'1",
            "g\"1",
            "g\\1",
            "g:1",
            "g/1",
            "{g}1",
            "g\t1",
            "gé",
            "ge\u0301",
            "ß",
            "ss",
            "ﬀ",
            "ff",
            "数据",
            "🙂",
            "\uFFFF",
            longest + "a",
            longest + "A",
            "数".repeat(Gid.MAX_LENGTH));
    var taken = new ArrayList<String>();
    for (String gid : gids) {
      Batch save =
          saveNew(saga(gid, GlobalStatus.SUBMITTED, FUTURE), claim("claim of " + gid.hashCode()));
      if (tellsSpellingsApart() && tellsSpacesApart()) {
        committed(save);
        taken.add(gid);
      } else if (isTakenUnlessAlike(save)) {
        taken.add(gid);
      }
    }
    assertThat(taken).contains("g1", "g", "g10", "数据").hasSizeGreaterThan(10);

    committed(command("g1", GlobalStatus.SUBMITTED, Samples.addBranches(row("03", Op.ACTION))));

    for (String gid : taken) {
      Transaction transaction = saga(gid, GlobalStatus.SUBMITTED, FUTURE);
      assertThat(found(gid).owner()).isEqualTo(claim("claim of " + gid.hashCode()));
      assertThat(found(gid).transaction().gid().value()).isEqualTo(gid);
      assertThat(found(gid).transaction().branches())
          .hasSize(transaction.branches().size() + (gid.equals("g1") ? 1 : 0));
    }
    assertThat(store().dueBefore(FUTURE.plusSeconds(1), null, 100))
        .extracting(due -> due.gid().value())
        .containsExactlyInAnyOrderElementsOf(taken);
    if (!tellsSpellingsApart() || !tellsSpacesApart()) {
      assertThat(gids).hasSizeGreaterThan(taken.size());
    }
    assertThat(taken.contains("G1")).isEqualTo(tellsSpellingsApart());
  }

  /** Whether it is stored; refused with a code, and not found, when the store has one like it. */
  private boolean isTakenUnlessAlike(Batch save) {
    try {
      committed(save);
      return true;
    } catch (StoreRejectedException e) {
      assertThat(e.code()).isEqualTo(ErrorCode.BAD_REQUEST);
      assertThat(store().find(save.gid())).isEmpty();
      return false;
    }
  }

  @Test
  default void ten_thousand_rows_keep_their_order() {
    List<Branch> rows = rows(MAX_BRANCHES, Payload.of("the same for all"));

    Stored stored = saved(withRows(empty("g", GlobalStatus.SUBMITTED, FUTURE), rows), claim("c1"));

    assertThat(found("g").transaction().branches()).isEqualTo(rows);

    int last = MAX_BRANCHES - 1;
    BranchKey key = rows.get(last).key();
    committed(Samples.ofPass(stored, new Write.SetBranch(last, key, BranchStatus.SUCCEED, PAST)));

    assertThat(found("g").transaction().branches().get(last).isDone()).isTrue();
    assertThat(found("g").transaction().branches().subList(0, last))
        .isEqualTo(rows.subList(0, last));
  }

  @Test
  default void a_payload_may_have_four_megabytes() {
    byte[] bytes = new byte[longestPayload()];
    new SplittableRandom(1).nextBytes(bytes);
    Payload payload = Payload.of(bytes);
    var rows =
        List.of(
            Branch.open(new BranchKey("01", Op.COMPENSATE), "u", payload, PAST),
            Branch.open(new BranchKey("01", Op.ACTION), "u", payload, PAST));

    Stored stored = saved(withRows(empty("g", GlobalStatus.SUBMITTED, FUTURE), rows), claim("c1"));

    assertThat(found("g")).isEqualTo(stored);
  }

  @Test
  default void a_workflow_row_may_carry_four_megabytes_later() {
    byte[] bytes = new byte[longestPayload()];
    new SplittableRandom(2).nextBytes(bytes);
    saved(empty("g", GlobalStatus.PREPARED, FUTURE), claim("c1"));
    Branch row = Branch.open(new BranchKey("01", Op.ACTION), "", Payload.of(bytes), PAST);

    committed(command("g", GlobalStatus.PREPARED, Samples.addBranches(row)));

    assertThat(found("g").transaction().branches()).containsExactly(row);
  }

  @Test
  default void a_long_history_of_one_transaction_ends_in_its_last_state() {
    Stored stored = saved(saga("g", GlobalStatus.SUBMITTED, FUTURE), claim("c1"));

    for (int i = 0; i < 500; i++) {
      State state = stored.transaction().state();
      var next =
          new State(
              state.status(),
              state.reason(),
              state.result(),
              state.updateTime(),
              null,
              state.schedule(),
              Extra.NONE.withRetryCount(i));
      Stored after =
          new Stored(withState(stored.transaction(), next), stored.owner().next(Owner.Mark.LEASED));
      committed(Samples.ofPass(stored, new Write.SetExtra(next.extra())));
      stored = after;
    }

    assertThat(found("g")).isEqualTo(stored);
    assertThat(commit(saveNew(stored.transaction(), claim("c2"))))
        .isEqualTo(new CommitResult.Lost(stored));
  }
}
