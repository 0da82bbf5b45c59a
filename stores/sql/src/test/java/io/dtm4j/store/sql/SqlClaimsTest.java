package io.dtm4j.store.sql;

import static io.dtm4j.store.sql.Sagas.FUTURE;
import static io.dtm4j.store.sql.Sagas.PAST;
import static io.dtm4j.store.sql.Sagas.claim;
import static io.dtm4j.store.sql.Sagas.end;
import static io.dtm4j.store.sql.Sagas.saga;
import static io.dtm4j.store.sql.Sagas.saveNew;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.store.Lease;
import io.dtm4j.store.TransactionStore;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Who gets what is due, of servers that share it. Each test runs on every database. */
@Tag("long")
@DisplayNameGeneration(ReplaceUnderscores.class)
abstract class SqlClaimsTest extends OnSharedServer {
  private static final int ROUNDS = 200;
  private static final Duration LEASE = Duration.ofHours(1);

  SqlClaimsTest(SharedServer server) {
    super(server);
  }

  /** How long a claim may take while somebody keeps one of two records locked. */
  Duration longestClaim() {
    return Duration.ofSeconds(1);
  }

  List<Stored> claimInSpiteOfLocks(SqlStore store, List<Due> dues) {
    return store.claim(dues, LEASE, gid -> claim("b" + gid));
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
}
