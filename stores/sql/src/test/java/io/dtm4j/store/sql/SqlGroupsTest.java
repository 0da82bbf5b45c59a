package io.dtm4j.store.sql;

import static io.dtm4j.store.sql.Sagas.FUTURE;
import static io.dtm4j.store.sql.Sagas.PAST;
import static io.dtm4j.store.sql.Sagas.claim;
import static io.dtm4j.store.sql.Sagas.end;
import static io.dtm4j.store.sql.Sagas.saga;
import static io.dtm4j.store.sql.Sagas.saveNew;
import static io.dtm4j.store.sql.Sagas.step;
import static io.dtm4j.store.sql.Sagas.withHeader;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.CommitResult.Lost;
import io.dtm4j.store.StoreRejectedException;
import io.dtm4j.store.TransactionStore;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Groups that get into the way of others, or are large. Each test runs on every database. */
@Tag("long")
@DisplayNameGeneration(ReplaceUnderscores.class)
abstract class SqlGroupsTest extends OnSharedServer {
  private static final int ROUNDS = 200;

  SqlGroupsTest(SharedServer server) {
    super(server);
  }

  /** What a session is told, but that a transaction may hang for a second only. */
  abstract String impatient(String session);

  @Test
  void of_two_servers_that_save_one_gid_in_groups_one_wins_each() throws Exception {
    List<SqlStore> stores = two();
    for (int round = 0; round < ROUNDS / 10; round++) {
      String prefix = "g" + round + "-";
      List<List<CommitResult>> results =
          race(
              stores,
              store -> {
                List<Batch> group =
                    IntStream.range(0, 10)
                        .mapToObj(
                            i ->
                                saveNew(
                                    saga(prefix + i, PAST),
                                    claim("c" + stores.indexOf(store) + prefix + i)))
                        .collect(Collectors.toCollection(ArrayList::new));
                if (stores.indexOf(store) == 1) {
                  Collections.reverse(group); // so that they get into each other's way
                }
                List<CommitResult> got = new ArrayList<>(store.commit(group));
                if (stores.indexOf(store) == 1) {
                  Collections.reverse(got);
                }
                return got;
              });
      for (int i = 0; i < 10; i++) {
        Stored stored = stores.getFirst().find(new Gid(prefix + i)).orElseThrow();
        int winner = stored.owner().claim().startsWith("c0") ? 0 : 1;
        assertThat(results.get(winner).get(i)).isInstanceOf(Committed.class);
        assertThat(results.get(1 - winner).get(i)).isEqualTo(new Lost(stored));
        assertThat(stored.transaction().branches()).hasSize(2);
      }
    }
  }

  @Test
  void groups_that_lock_the_same_rows_in_any_order_all_come_to_their_end() throws Exception {
    List<SqlStore> stores = two();
    int count = 20;
    stores
        .getFirst()
        .commit(
            IntStream.range(0, count)
                .mapToObj(i -> saveNew(saga("g" + i, FUTURE), claim("a" + i)))
                .toList());

    race(
        stores,
        store -> {
          int number = stores.indexOf(store);
          for (int round = 0; round < ROUNDS / 4; round++) {
            int step = round;
            var group =
                new ArrayList<Batch>(
                    IntStream.range(0, count)
                        .mapToObj(i -> step("g" + i, "s" + number + "-" + step))
                        .toList());
            for (int i = 0; i < 3; i++) { // new ones have no order
              group.add(
                  saveNew(
                      saga("n" + round + "-" + i, FUTURE),
                      claim("n" + number + "-" + round + "-" + i)));
            }
            Collections.shuffle(group, new Random(31L * round + number));
            store.commit(group);
          }
          return true;
        });

    for (int i = 0; i < count; i++) {
      assertThat(stores.getFirst().find(new Gid("g" + i)).orElseThrow().transaction().branches())
          .hasSize(2 + 2 * (ROUNDS / 4));
    }
  }

  @Test
  void whoever_a_deadlock_undoes_the_group_is_stored() throws Exception {
    SqlStoreConfig config = server.newDatabase();
    SqlStore store = opened(config);
    store.commit(
        List.of(
            saveNew(saga("g1", FUTURE), claim("c1")), saveNew(saga("g2", FUTURE), claim("c2"))));
    String touch = "update trans_global set rollback_reason = 'x' where gid = ";
    try (Connection other =
            DriverManager.getConnection(config.url(), config.user(), config.password());
        Statement statement = other.createStatement();
        var thread = Executors.newSingleThreadExecutor()) {
      other.setAutoCommit(false);
      statement.execute(touch + "'g2'");
      Future<List<CommitResult>> results =
          thread.submit(
              () -> store.commit(List.of(end("g1", claim("c1")), end("g2", claim("c2")))));
      TimeUnit.MILLISECONDS.sleep(300); // until it has g1 and waits for g2
      try {
        statement.execute(touch + "'g1'");
        other.commit();
      } catch (SQLException _) {
        other.rollback(); // it was this one
      }

      assertThat(get(results)).hasSize(2).allMatch(result -> result instanceof Committed);
    }
    for (String gid : List.of("g1", "g2")) {
      assertThat(store.find(new Gid(gid)).orElseThrow().transaction().status())
          .isEqualTo(GlobalStatus.SUCCEED);
    }
  }

  /** They are written with one statement. */
  @Test
  void what_passes_write_at_different_moments_keeps_its_own_time() throws Exception {
    TransactionStore store = opened(server.newDatabase());
    Map<String, Instant> moments =
        Map.of("g1", PAST.plusMillis(1), "g2", PAST.plusMillis(2), "g3", PAST.plusMillis(3));
    var ends = new ArrayList<Batch>();
    moments.forEach(
        (gid, moment) -> {
          store.commit(List.of(saveNew(saga(gid, FUTURE), claim("c" + gid))));
          ends.add(
              new Batch(
                  new Gid(gid),
                  new Guard.HeldBy(GlobalStatus.SUBMITTED, claim("c" + gid)),
                  claim("c" + gid).next(Owner.Mark.RESTING),
                  List.of(
                      new Write.SetBranch(
                          1, new BranchKey("01", Op.ACTION), BranchStatus.SUCCEED, moment),
                      new Write.SetStatus(GlobalStatus.SUCCEED, null, null, moment))));
        });

    assertThat(store.commit(ends)).hasOnlyElementsOfType(Committed.class);

    moments.forEach(
        (gid, moment) -> {
          Transaction stored = store.find(new Gid(gid)).orElseThrow().transaction();
          assertThat(stored.state().updateTime()).isEqualTo(moment);
          assertThat(stored.state().endTime()).isEqualTo(moment);
          assertThat(stored.branches().get(1).finishTime()).isEqualTo(moment);
        });
  }

  @Test
  void what_no_column_can_hold_is_refused_with_its_group_and_not_found() throws Exception {
    TransactionStore store = opened(server.newDatabase());
    Batch good = saveNew(saga("good", PAST), claim("c1"));
    for (String gid : List.of("half \uD83D", "\uDE42 half", "nul \u0000")) {
      Batch broken = saveNew(saga(gid, PAST), claim("c2"));

      assertThatExceptionOfType(StoreRejectedException.class)
          .isThrownBy(() -> store.commit(List.of(good, broken)));
      assertThat(store.find(new Gid(gid))).isEmpty();
    }
    String tooLong = "x".repeat(200);
    Batch broken = step("good", tooLong);

    assertThat(store.commit(List.of(good))).allMatch(result -> result instanceof Committed);
    assertThatExceptionOfType(StoreRejectedException.class)
        .isThrownBy(() -> store.commit(List.of(step("good", "fits"), broken)));
    assertThat(store.find(new Gid("good")).orElseThrow().transaction().branches()).hasSize(2);
  }

  /** A quote in a header is escaped in the JSON, and both its characters on the way to MariaDB. */
  @Test
  void a_group_of_large_headers_takes_as_many_statements_as_it_needs() throws Exception {
    TransactionStore store = opened(server.newDatabase());
    List<Batch> group =
        IntStream.range(0, 6)
            .mapToObj(
                i -> saveNew(withHeader(saga("g" + i, PAST), "\"".repeat(1 << 20)), claim("c" + i)))
            .toList();

    assertThat(store.commit(group)).allMatch(result -> result instanceof Committed);

    for (Batch saved : group) {
      assertThat(store.find(saved.gid()).orElseThrow().transaction())
          .isEqualTo(((Write.SaveNew) saved.writes().getFirst()).transaction());
    }
  }

  @Test
  void a_hung_client_s_transaction_is_ended_by_the_server() throws Exception {
    SqlStoreConfig config = server.newDatabase();
    SqlStore store = opened(config);
    store.commit(List.of(saveNew(saga("g", FUTURE), claim("c"))));
    String session = Dialect.of(config.url()).session();
    String shorter = impatient(session);
    assertThat(shorter).isNotEqualTo(session);
    try (Connection hung =
            DriverManager.getConnection(config.url(), config.user(), config.password());
        Statement statement = hung.createStatement()) {
      statement.execute(shorter);
      hung.setAutoCommit(false);
      statement.execute("update trans_global set rollback_reason = 'hung' where gid = 'g'");

      assertThat(store.commit(List.of(end("g", claim("c")))))
          .allMatch(result -> result instanceof Committed);

      assertThatExceptionOfType(SQLException.class).isThrownBy(hung::commit);
    }
    assertThat(store.find(new Gid("g")).orElseThrow().transaction().state().reason()).isEmpty();
  }

  @Test
  void trouble_says_when_others_keep_rows_busy_for_long() throws Exception {
    SqlStoreConfig config = server.newDatabase();
    SqlStore store = opened(config);
    store.commit(List.of(saveNew(saga("g", FUTURE), claim("c"))));
    try (Connection other =
            DriverManager.getConnection(config.url(), config.user(), config.password());
        Statement statement = other.createStatement();
        var thread = Executors.newSingleThreadExecutor()) {
      other.setAutoCommit(false);
      statement.execute("update trans_global set rollback_reason = 'busy' where gid = 'g'");
      var writing = thread.submit(() -> store.commit(List.of(end("g", claim("c")))));

      TimeUnit.MILLISECONDS.sleep(3_500);
      assertThat(store.trouble()).as("not yet").isNull();
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
      while (store.trouble() == null && System.nanoTime() < end) {
        TimeUnit.MILLISECONDS.sleep(100);
      }
      assertThat(store.trouble()).contains("others keep rows busy", "since");
      other.commit();
      assertThat(get(writing)).allMatch(result -> result instanceof Committed);
      assertThat(store.trouble()).isNull();
    }
  }

  @Test
  void large_records_of_a_group_are_told_as_far_as_they_must_be() throws Exception {
    TransactionStore store = opened(server.newDatabase());
    int count = 40;
    for (int i = 0; i < count; i++) {
      Branch large =
          Branch.open(
              new BranchKey("01", Op.ACTION), "http://host", Payload.of(new byte[3 << 20]), PAST);
      store.commit(
          List.of(saveNew(Sagas.withRows(saga("g" + i, PAST), List.of(large)), claim("a" + i))));
    }
    List<Batch> steps = IntStream.range(0, count).mapToObj(i -> step("g" + i, "02")).toList();
    List<Batch> taking =
        IntStream.range(0, count)
            .mapToObj(
                i ->
                    new Batch(
                        new Gid("g" + i),
                        Guard.Known.INSTANCE,
                        claim("b" + i),
                        List.of(new Write.Lease(FUTURE, PAST))))
            .toList();

    List<CommitResult> stepped = store.commit(steps);
    assertThat(stepped).hasSize(count).allMatch(result -> result instanceof Committed);
    assertThat(stepped.getFirst()).isNotEqualTo(new Committed(null));
    assertThat(stepped.getLast()).isEqualTo(new Committed(null));
    assertThatExceptionOfType(StoreRejectedException.class)
        .isThrownBy(() -> store.commit(taking))
        .withMessageContaining("too much for one group");
    for (List<Batch> half : List.of(taking.subList(0, 20), taking.subList(20, 40))) {
      assertThat(store.commit(half))
          .allMatch(result -> result instanceof Committed(Stored stored) && stored != null);
    }
  }
}
