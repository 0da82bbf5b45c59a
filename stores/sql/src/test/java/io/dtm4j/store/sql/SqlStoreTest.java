package io.dtm4j.store.sql;

import static io.dtm4j.store.sql.Sagas.FUTURE;
import static io.dtm4j.store.sql.Sagas.PAST;
import static io.dtm4j.store.sql.Sagas.claim;
import static io.dtm4j.store.sql.Sagas.end;
import static io.dtm4j.store.sql.Sagas.saga;
import static io.dtm4j.store.sql.Sagas.saveNew;
import static io.dtm4j.store.sql.Sagas.step;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.Counts;
import io.dtm4j.store.Filter;
import io.dtm4j.store.StoreRejectedException;
import io.dtm4j.store.StoreUnavailableException;
import io.dtm4j.store.TransactionStore;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Tables, and what is kept in them and found again. Each test runs on every database. */
@Tag("long")
@DisplayNameGeneration(ReplaceUnderscores.class)
abstract class SqlStoreTest extends OnSharedServer {
  private static final int ROUNDS = 200;
  private static final Duration LEASE = Duration.ofHours(1);

  private static final String LOCK_WAIT = "select concat(@@innodb_lock_wait_timeout)";

  SqlStoreTest(SharedServer server) {
    super(server);
  }

  /** Whether the database takes names for different that differ in spaces at their ends only. */
  boolean tellsSpacesApart() {
    return true;
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
