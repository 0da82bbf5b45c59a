package io.dtm4j.store.sql;

import static io.dtm4j.store.sql.Sagas.PAST;
import static io.dtm4j.store.sql.Sagas.claim;
import static io.dtm4j.store.sql.Sagas.saga;
import static io.dtm4j.store.sql.Sagas.saveNew;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.State;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.store.CommitResult;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What MariaDB gets in one packet: many statements, with whatever clients send in them. */
class PacketTest {
  private static final int KINDS = 10;

  /** Of each of these something could end a text, a statement or a parameter. */
  private static final List<String> TEXTS =
      List.of(
          "'; drop table kv; -- ",
          "\\'; drop table kv; -- ",
          "\\",
          "a\\",
          "?",
          "??;?",
          "\"",
          "`",
          "-- x",
          "# x",
          "/* x",
          "*/",
          "/*! drop table kv */",
          "\u00bf'",
          "\u00bf\\",
          "\ud83d\ude00'",
          "a\u001ab",
          "a\nb",
          "{fn now()}",
          "{d '2020-01-01'}",
          ":x",
          "$1",
          "%s",
          "''",
          "\\\\'");

  private SqlStore store;

  @BeforeEach
  void open() throws Exception {
    store = SqlStore.open(SharedServer.MARIADB.newDatabase());
  }

  @AfterEach
  void close() {
    store.close();
  }

  private static Batch end(
      String gid, BranchKey row, int at, Owner held, String text, Instant time) {
    return new Batch(
        new Gid(gid),
        new Guard.HeldBy(GlobalStatus.SUBMITTED, held),
        held.next(Owner.Mark.RESTING),
        List.of(
            new Write.SetBranch(at, row, BranchStatus.SUCCEED, time),
            new Write.SetStatus(GlobalStatus.SUCCEED, text, text, time)));
  }

  @Test
  void the_one_of_many_statements_that_misses_its_row_is_lost_and_no_other() {
    for (int lost = 0; lost < KINDS; lost++) {
      String name = "m" + lost + "-";
      store.commit(
          IntStream.range(0, KINDS)
              .mapToObj(i -> saveNew(saga(name + i, PAST), claim("c" + name + i)))
              .toList());
      var group = new ArrayList<Batch>();
      for (int i = 0; i < KINDS; i++) {
        Owner held = claim(i == lost ? "of another" : "c" + name + i);
        // Reasons differ, so each is a statement of its own.
        group.add(end(name + i, new BranchKey("01", Op.ACTION), 1, held, "r" + i, PAST));
        group.add(saveNew(saga(name + "new" + i, PAST), claim("n" + name + i)));
      }

      List<CommitResult> results = store.commit(group);

      for (int i = 0; i < results.size(); i++) {
        assertThat(results.get(i))
            .isInstanceOf(i == 2 * lost ? CommitResult.Lost.class : CommitResult.Committed.class);
      }
      for (int i = 0; i < KINDS; i++) {
        assertThat(store.find(new Gid(name + i)).orElseThrow().transaction().status())
            .isEqualTo(i == lost ? GlobalStatus.SUBMITTED : GlobalStatus.SUCCEED);
      }
    }
  }

  @Test
  void whatever_clients_send_is_stored_as_it_is() {
    var begun = new ArrayList<Batch>();
    var ended = new ArrayList<Batch>();
    for (int i = 0; i < TEXTS.size(); i++) {
      String text = TEXTS.get(i);
      var row =
          Branch.open(new BranchKey(text, Op.ACTION), "http://h/" + text, Payload.of(text), PAST);
      begun.add(
          saveNew(
              Sagas.withHeader(Sagas.withRows(saga(text + i, PAST), List.of(row)), text),
              claim("c" + i)));
      ended.add(end(text + i, row.key(), 0, claim("c" + i), text, PAST.plusMillis(i)));
    }

    assertThat(store.commit(begun)).allMatch(CommitResult.Committed.class::isInstance);
    assertThat(store.commit(ended)).allMatch(CommitResult.Committed.class::isInstance);

    for (int i = 0; i < TEXTS.size(); i++) {
      String text = TEXTS.get(i);
      var found = store.find(new Gid(text + i)).orElseThrow().transaction();
      State state = found.state();
      assertThat(state.reason()).isEqualTo(text);
      assertThat(state.result()).isEqualTo(text);
      assertThat(state.updateTime()).isEqualTo(PAST.plusMillis(i));
      Branch row = found.branches().getFirst();
      assertThat(row.key().branchId()).isEqualTo(text);
      assertThat(row.payload()).isEqualTo(Payload.of(text));
      assertThat(row.finishTime()).isEqualTo(PAST.plusMillis(i));
    }
  }
}
