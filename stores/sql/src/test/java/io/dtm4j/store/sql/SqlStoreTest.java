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
import io.dtm4j.model.Due;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.CommitResult.Lost;
import io.dtm4j.store.Counts;
import io.dtm4j.store.Filter;
import io.dtm4j.store.Lease;
import io.dtm4j.store.StoreRejectedException;
import io.dtm4j.store.StoreUnavailableException;
import io.dtm4j.store.TransactionStore;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What a store does that several servers share. Each test runs on every database. */
@Tag("long")
@DisplayNameGeneration(ReplaceUnderscores.class)
abstract class SqlStoreTest {
  private static final int ROUNDS = 200;
  private static final Duration LEASE = Duration.ofHours(1);

  private static final String LOCK_WAIT = "select concat(@@innodb_lock_wait_timeout)";

  private final SharedServer server;
  private final List<SqlStore> open = new ArrayList<>();

  SqlStoreTest(SharedServer server) {
    this.server = server;
  }

  /** What a session is told, but that a transaction may hang for a second only. */
  abstract String impatient(String session);

  /** Whether the database takes names for different that differ in spaces at their ends only. */
  boolean tellsSpacesApart() {
    return true;
  }

  /** How long a claim may take while somebody keeps one of two records locked. */
  Duration longestClaim() {
    return Duration.ofSeconds(1);
  }

  List<Stored> claimInSpiteOfLocks(SqlStore store, List<Due> dues) {
    return store.claim(dues, LEASE, gid -> claim("b" + gid));
  }

  /** Two servers on one database. */
  private List<SqlStore> two() throws Exception {
    SqlStoreConfig config = server.newDatabase();
    return List.of(opened(config), opened(config));
  }

  private SqlStore opened(SqlStoreConfig config) {
    SqlStore store = SqlStore.open(config);
    open.add(store);
    return store;
  }

  @AfterEach
  void close() {
    open.forEach(SqlStore::close);
  }

  static void execute(SqlStoreConfig config, String... statements) throws SQLException {
    try (Connection connection =
            DriverManager.getConnection(config.url(), config.user(), config.password());
        Statement statement = connection.createStatement()) {
      for (String one : statements) {
        statement.execute(one);
      }
    }
  }

  /** Both do the same at the same time. */
  static <T> List<T> race(List<SqlStore> stores, Function<SqlStore, T> work) throws Exception {
    var start = new CyclicBarrier(stores.size());
    try (var threads = Executors.newFixedThreadPool(stores.size())) {
      List<Future<T>> results =
          stores.stream()
              .map(
                  store ->
                      threads.submit(
                          () -> {
                            start.await();
                            return work.apply(store);
                          }))
              .toList();
      return results.stream().map(SqlStoreTest::get).toList();
    }
  }

  private static <T> T get(Future<T> future) {
    try {
      return future.get();
    } catch (InterruptedException | ExecutionException e) {
      throw new AssertionError(e);
    }
  }

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
  void what_is_due_goes_to_one_of_two_servers() throws Exception {
    List<SqlStore> stores = two();
    stores
        .getFirst()
        .commit(
            IntStream.range(0, ROUNDS)
                .mapToObj(i -> saveNew(saga("g" + i, PAST), claim("a" + i)))
                .toList());

    List<List<Stored>> claimed =
        race(
            stores,
            store -> {
              var all = new ArrayList<Stored>();
              List<Stored> some;
              do {
                some =
                    store.claimDue(
                        LEASE, gid -> claim("b" + stores.indexOf(store) + gid.value()), 7);
                all.addAll(some);
              } while (!some.isEmpty());
              return all;
            });

    assertThat(claimed.stream().flatMap(List::stream).map(one -> one.transaction().gid()))
        .hasSize(ROUNDS)
        .doesNotHaveDuplicates();
  }

  @Test
  void of_two_servers_that_claim_what_they_have_read_one_wins() throws Exception {
    List<SqlStore> stores = two();
    for (int round = 0; round < ROUNDS / 4; round++) {
      Batch save = saveNew(saga("g" + round, FUTURE), claim("a" + round));
      stores.getFirst().commit(List.of(save));
      Due due = Due.of(stores.getFirst().find(save.gid()).orElseThrow());

      List<Integer> counts =
          race(
              stores,
              store ->
                  store
                      .claim(List.of(due), LEASE, gid -> claim("b" + stores.indexOf(store) + gid))
                      .size());

      assertThat(counts.get(0) + counts.get(1)).isEqualTo(1);
    }
  }

  /** As of a server that stands still in the middle of a transaction. */
  @Test
  void a_record_that_somebody_keeps_locked_holds_up_no_claim_of_others() throws Exception {
    SqlStoreConfig config = server.newDatabase();
    SqlStore store = opened(config);
    store.commit(
        List.of(saveNew(saga("g1", PAST), claim("a1")), saveNew(saga("g2", PAST), claim("a2"))));
    List<Due> dues = store.dueBefore(FUTURE, null, 10);
    try (Connection other =
            DriverManager.getConnection(config.url(), config.user(), config.password());
        Statement statement = other.createStatement()) {
      other.setAutoCommit(false);
      statement.execute("update trans_global set rollback_reason = 'x' where gid = 'g1'");
      long began = System.nanoTime();

      List<Stored> claimed = claimInSpiteOfLocks(store, dues);

      assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(longestClaim());
      assertThat(claimed).extracting(one -> one.transaction().gid()).containsExactly(new Gid("g2"));
      other.rollback();
    }
    assertThat(store.claim(dues, LEASE, gid -> claim("c" + gid)))
        .extracting(one -> one.transaction().gid())
        .containsExactly(new Gid("g1"));
  }

  @Test
  void of_two_servers_that_create_or_update_a_value_one_wins() throws Exception {
    List<SqlStore> stores = two();
    for (int round = 0; round < ROUNDS / 4; round++) {
      String key = "k" + round;

      assertThat(race(stores, store -> store.createKeyValue("c", key, "v")))
          .containsExactlyInAnyOrder(true, false);
      assertThat(race(stores, store -> store.updateKeyValue("c", key, "w", 1)))
          .containsExactlyInAnyOrder(true, false);
      assertThat(race(stores, store -> store.deleteKeyValue("c", key)))
          .containsExactlyInAnyOrder(true, false);
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

  @Test
  void tables_of_a_newer_version_are_refused() throws Exception {
    SqlStoreConfig config = server.newDatabase();
    SqlStore.open(config).close();
    noteMigration(config, "2");

    assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(() -> SqlStore.open(config))
        .withMessageContaining("a newer version of dtm4j has made them (format 2)");
  }

  /** Its second number says that older servers can go on. */
  @Test
  void tables_with_an_addition_of_a_newer_version_are_used() throws Exception {
    SqlStoreConfig config = server.newDatabase();
    SqlStore.open(config).close();
    noteMigration(config, "1.1");
    noteMigration(config, "1.20");

    SqlStore store = opened(config);

    store.commit(List.of(saveNew(saga("g", PAST), claim("a"))));
    assertThat(store.find(new Gid("g"))).isPresent();
  }

  /** As if a newer version had made it. */
  private static void noteMigration(SqlStoreConfig config, String version) throws SQLException {
    try (Connection connection =
            DriverManager.getConnection(config.url(), config.user(), config.password());
        Statement statement = connection.createStatement()) {
      String rank = "" + (int) (100 * Double.parseDouble(version));
      statement.execute(
          "insert into dtm4j_schema_history (installed_rank, version, description, type, script,"
              + " checksum, installed_by, installed_on, execution_time, success) values ("
              + rank
              + ", '"
              + version
              + "', 'newer', 'SQL', 'V__newer.sql', 1, 'x', now(), 1, true)");
    }
  }

  /** What a session is told outlasts a write that comes to nothing. */
  @Test
  void a_rollback_takes_no_setting_back() throws Exception {
    SqlStoreConfig any = server.newDatabase();
    var config = new SqlStoreConfig(any.url(), any.user(), any.password(), 1);
    Dialect dialect = Dialect.of(config.url());
    try (var connections = new Connections(config, dialect, Form.WIDE)) {
      assertThatExceptionOfType(StoreRejectedException.class)
          .isThrownBy(
              () ->
                  connections.write(
                      _ -> {
                        throw new StoreRejectedException("on purpose", new RuntimeException());
                      }));

      String asked = dialect == PostgresDialect.INSTANCE ? "show lock_timeout" : LOCK_WAIT;
      String set =
          connections.write(
              session -> {
                try (Prepared select = session.prepare(asked);
                    Columns rows = select.query()) {
                  rows.next();
                  return rows.text();
                }
              });
      assertThat(set).isIn("2s", "2");
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
  void gids_are_compared_exactly() throws Exception {
    TransactionStore store = opened(server.newDatabase());
    List<String> gids =
        List.of("g", "G", "g ", "g  ", " g", "g\u00a0", "ｇ", "gé", "ge\u0301", "🙂");
    var taken = new ArrayList<String>();
    for (String gid : gids) {
      Batch save = saveNew(saga(gid, PAST), claim("c" + gid.hashCode()));
      if (gid.equals("g") || tellsSpacesApart() || !gid.stripTrailing().equals("g")) {
        assertThat(store.commit(List.of(save))).allMatch(result -> result instanceof Committed);
        taken.add(gid);
      } else {
        assertThatExceptionOfType(StoreRejectedException.class)
            .isThrownBy(() -> store.commit(List.of(save)))
            .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.BAD_REQUEST));
        assertThat(store.find(new Gid(gid))).isEmpty();
      }
    }

    for (String gid : taken) {
      Stored stored = store.find(new Gid(gid)).orElseThrow();
      assertThat(stored.transaction().gid().value()).isEqualTo(gid);
      assertThat(stored.owner().claim()).isEqualTo("c" + gid.hashCode());
    }
    assertThat(store.find(new Gid("g   "))).isEmpty();
    assertThat(store.delete(List.of(new Gid("g   "), new Gid("É")), FUTURE)).isZero();
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

  @Test
  void a_payload_of_which_every_byte_is_escaped_is_stored() throws Exception {
    TransactionStore store = opened(server.newDatabase());
    byte[] quotes = new byte[4 << 20];
    Arrays.fill(quotes, (byte) '\'');
    Branch row =
        Branch.open(new BranchKey("01", Op.ACTION), "http://host", Payload.of(quotes), PAST);

    store.commit(List.of(saveNew(Sagas.withRows(saga("g", PAST), List.of(row)), claim("a"))));

    assertThat(store.find(new Gid("g")).orElseThrow().transaction().branches())
        .containsExactly(row);
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
  void a_claim_of_many_is_stored_as_it_is_told() throws Exception {
    TransactionStore store = opened(server.newDatabase());
    store.commit(
        IntStream.range(0, 150)
            .mapToObj(
                i ->
                    saveNew(
                        saga("g" + i, PAST),
                        // Who takes the latter over changes more of them.
                        claim("a" + i).marked(i % 3 > 0 ? Owner.Mark.RESTING : Owner.Mark.LEASED)))
            .toList());

    List<Stored> claimed = store.claimDue(LEASE, gid -> claim("b" + gid), ROUNDS);

    assertThat(claimed)
        .hasSize(150)
        .allSatisfy(
            one -> {
              assertThat(one.owner()).isEqualTo(claim("b" + one.transaction().gid()));
              assertThat(one.transaction().state().updateTime()).isAfter(PAST);
              assertThat(store.find(one.transaction().gid())).hasValue(one);
            });
    assertThat(store.claimDue(LEASE, gid -> claim("c" + gid), ROUNDS)).isEmpty();
  }

  @Test
  void renewals_and_releases_of_many_reach_each_of_them() throws Exception {
    TransactionStore store = opened(server.newDatabase());
    store.commit(
        IntStream.range(0, ROUNDS)
            .mapToObj(i -> saveNew(saga("g" + i, PAST), claim("a" + i)))
            .toList());
    List<Lease> leases =
        IntStream.range(0, ROUNDS).mapToObj(i -> new Lease(new Gid("g" + i), "a" + i)).toList();
    var twice = new ArrayList<>(leases);
    twice.addAll(leases);

    List<Lease> lost = store.renew(twice, LEASE);
    List<Due> renewed = store.dueBefore(FUTURE, null, 2 * ROUNDS);
    store.release(twice);
    List<Due> released = store.dueBefore(FUTURE, null, 2 * ROUNDS);

    assertThat(lost).isEmpty();
    assertThat(renewed)
        .hasSize(ROUNDS)
        .allSatisfy(
            due -> {
              assertThat(due.owner()).isEqualTo(claim("a" + due.gid().value().substring(1)));
              assertThat(due.nextTime()).isAfter(store.storeTime());
            });
    assertThat(released)
        .hasSize(ROUNDS)
        .allSatisfy(
            due -> {
              assertThat(due.owner())
                  .isEqualTo(
                      claim("a" + due.gid().value().substring(1)).marked(Owner.Mark.RESTING));
              assertThat(due.nextTime()).isBeforeOrEqualTo(store.storeTime());
            });
  }

  @Test
  void a_claim_of_large_records_takes_some_at_a_time() throws Exception {
    TransactionStore store = opened(server.newDatabase());
    for (int i = 0; i < 5; i++) {
      Branch large =
          Branch.open(
              new BranchKey("01", Op.ACTION), "http://host", Payload.of(new byte[4 << 20]), PAST);
      store.commit(
          List.of(saveNew(Sagas.withRows(saga("g" + i, PAST), List.of(large)), claim("a" + i))));
    }
    List<Due> dues = store.dueBefore(FUTURE, null, 10);

    List<Stored> claimed = store.claimDue(LEASE, gid -> claim("b" + gid), 10);
    List<Stored> rest = store.claim(dues, LEASE, gid -> claim("c" + gid));

    assertThat(claimed).hasSize(2);
    assertThat(rest).isNotEmpty().hasSizeLessThan(3);
    assertThat(claimed).extracting(one -> one.transaction().gid()).contains(new Gid("g0"));
  }

  @Test
  void a_page_that_looks_at_too_much_is_shorterand_goes_on() throws Exception {
    TransactionStore store = opened(server.newDatabase());
    for (int i = 0; i < 6; i++) {
      store.commit(List.of(saveNew(Sagas.withData(saga("g" + i, PAST), 2 << 20), claim("a" + i))));
    }

    var gids = new ArrayList<String>();
    String cursor = "";
    int pages = 0;
    do {
      var page = store.list(Filter.ALL, cursor, 100);
      page.items().forEach(one -> gids.add(one.gid().value()));
      cursor = page.next();
      pages++;
    } while (!cursor.isEmpty());

    assertThat(gids).containsExactly("g5", "g4", "g3", "g2", "g1", "g0");
    assertThat(pages).isEqualTo(2);
  }

  /** Servers of a TiDB take ids from blocks of their own. */
  @Test
  void rows_are_in_the_order_of_storing_whatever_their_ids() throws Exception {
    SqlStoreConfig config = server.newDatabase();
    TransactionStore store = opened(config);
    store.commit(List.of(saveNew(saga("g", PAST), claim("c"))));
    execute(config, "update trans_branch_op set id = id + 1000000 where ord = 0");

    store.commit(List.of(step("g", "02")));

    assertThat(store.find(new Gid("g")).orElseThrow().transaction().branches())
        .extracting(row -> row.key().toString())
        .containsExactly("01 compensate", "01 action", "02 action");
    assertThat(store.claimDue(LEASE, gid -> claim("d"), 1))
        .extracting(one -> one.transaction().branches().getLast().key().toString())
        .containsExactly("02 action");
  }

  @Test
  void a_record_whose_first_row_is_missing_is_broken_and_not_absent() throws Exception {
    SqlStoreConfig config = server.newDatabase();
    SqlStore store = opened(config);
    store.commit(List.of(saveNew(saga("g", PAST), claim("c"))));
    execute(config, "delete from trans_branch_op where ord = 0");

    assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(() -> store.find(new Gid("g")))
        .withMessageContaining("row of g is missing");
    assertThatExceptionOfType(StoreRejectedException.class)
        .isThrownBy(() -> store.commit(List.of(step("g", "02"))))
        .withMessageContaining("row 0 is missing");
    assertThat(store.claimDue(LEASE, gid -> claim("d"), 10)).isEmpty();
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

  @Test
  void what_is_deleted_at_a_time_has_a_bound_in_rows() throws Exception {
    SqlStoreConfig config = server.newDatabase();
    SqlStore store = opened(config);
    int rows = 9_000;
    var gids = new ArrayList<Gid>();
    for (int i = 0; i < 5; i++) {
      var many = new ArrayList<Branch>();
      for (int row = 0; row < rows; row++) {
        many.add(Sagas.row("r" + row, Op.ACTION));
      }
      gids.add(new Gid("g" + i));
      store.commit(List.of(saveNew(Sagas.withRows(saga("g" + i, FUTURE), many), claim("c" + i))));
      store.commit(List.of(end("g" + i, claim("c" + i))));
    }
    gids.add(new Gid("absent"));
    try (var connections = new Connections(config, Dialect.of(config.url()), Form.WIDE)) {
      List<List<Gid>> parts = connections.read(session -> new Listings(session).deletable(gids));
      assertThat(parts).extracting(List::size).containsExactly(2, 2, 2);
    }

    assertThat(store.delete(gids, FUTURE)).isEqualTo(5);
    assertThat(store.find(gids.getFirst())).isEmpty();
  }

  @Test
  void nothing_is_claimed_while_the_time_of_the_database_is_not_known() throws Exception {
    SqlStoreConfig config = server.newDatabase();
    SqlStore.open(config).close();
    var lasts = new AtomicBoolean();
    var nanos = new AtomicLong();
    LongSupplier nanoTime =
        () -> nanos.addAndGet(lasts.get() ? TimeUnit.SECONDS.toNanos(31) : 1_000);
    try (SqlStore store =
        SqlStore.open(
            config, new Schema.Ready(Dialect.of(config.url()), Form.WIDE, false), nanoTime)) {
      store.commit(List.of(saveNew(saga("g", PAST), claim("c"))));
      List<Due> dues = store.dueBefore(FUTURE, null, 1);

      lasts.set(true); // each answer takes longer than it counts
      assertThat(store.claimDue(LEASE, gid -> claim("d"), 10)).isEmpty();
      assertThat(store.claim(dues, LEASE, gid -> claim("e"))).isEmpty();

      lasts.set(false);
      nanos.addAndGet(TimeUnit.SECONDS.toNanos(10));
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
      List<Stored> claimed = List.of();
      while (claimed.isEmpty() && System.nanoTime() < end) {
        TimeUnit.MILLISECONDS.sleep(100);
        claimed = store.claimDue(LEASE, gid -> claim("d"), 10);
      }
      assertThat(claimed).hasSize(1);
    }
  }

  @Test
  void where_much_is_unfinished_the_number_is_kept_for_fifty_times_what_counting_took()
      throws Exception {
    SqlStoreConfig config = server.newDatabase();
    var nanos = new AtomicLong();
    LongSupplier nanoTime = () -> nanos.addAndGet(TimeUnit.MILLISECONDS.toNanos(100));
    try (SqlStore store = opened(config);
        var connections = new Connections(config, Dialect.of(config.url()), Form.WIDE)) {
      var backlog = new Backlog(connections, nanoTime, 1);
      store.commit(List.of(saveNew(saga("g", FUTURE), claim("c"))));
      assertThat(backlog.counts()).isEqualTo(new Counts(1, FUTURE));
      store.commit(List.of(saveNew(saga("h", PAST), claim("d"))));
      assertThat(backlog.counts()).as("few are counted anew").isEqualTo(new Counts(2, PAST));
      store.commit(List.of(end("h", claim("d"))));

      assertThat(backlog.counts()).isEqualTo(new Counts(2, FUTURE));
      nanos.addAndGet(TimeUnit.SECONDS.toNanos(5));
      assertThat(backlog.counts()).isEqualTo(new Counts(1, FUTURE));
    }
  }

  @Test
  void migrations_have_the_same_time_outs_but_for_what_rewrites_tables() throws Exception {
    SqlStoreConfig config = server.newDatabase();
    var history = new History(config, Dialect.of(config.url()));
    try (Connection any =
            DriverManager.getConnection(config.url(), config.user(), config.password());
        Connection own = history.own(any).getConfiguration().getDataSource().getConnection();
        Connection patient =
            history.widening(any).getConfiguration().getDataSource().getConnection()) {
      assertThat(own.getNetworkTimeout()).isEqualTo(30_000);
      assertThat(patient.getNetworkTimeout()).isZero();
    }
  }
}
