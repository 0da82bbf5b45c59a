package io.dtm4j.store.sql;

import static io.dtm4j.store.sql.Sagas.PAST;
import static io.dtm4j.store.sql.Sagas.claim;
import static io.dtm4j.store.sql.Sagas.saga;
import static io.dtm4j.store.sql.Sagas.saveNew;
import static io.dtm4j.store.sql.Sagas.withHeader;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.databases.DatabaseServer;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.StoreRejectedException;
import io.dtm4j.store.StoreUnavailableException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MariaDbStoreTest extends SqlStoreTest {
  MariaDbStoreTest() {
    super(SharedServer.MARIADB);
  }

  @Override
  String impatient(String session) {
    return session.replace(" idle_transaction_timeout = 10", " idle_transaction_timeout = 1");
  }

  @Test
  void a_server_that_takes_small_packets_only_is_refused() throws Exception {
    DatabaseServer server = SharedServer.MARIADB.newServer();
    try {
      server.execute("create database dtm", "set global max_allowed_packet = 1048576");

      assertThatExceptionOfType(StoreUnavailableException.class)
          .isThrownBy(() -> SqlStore.open(SharedServer.config(server, "dtm")))
          .withMessageContaining("max_allowed_packet is 1048576 (expected: >= 16777216)");
    } finally {
      server.stop();
    }
  }

  /** 4 MB of characters that JSON writes in six and MariaDB's driver in seven. */
  @Test
  void what_is_larger_than_a_packet_is_refused_and_not_sent_again_and_again() throws Exception {
    try (SqlStore store = SqlStore.open(SharedServer.MARIADB.newDatabase())) {
      Batch large = saveNew(withHeader(saga("large", PAST), "\u0001".repeat(4 << 20)), claim("c1"));
      Batch small = saveNew(saga("small", PAST), claim("c2"));

      assertThatExceptionOfType(StoreRejectedException.class)
          .isThrownBy(() -> store.commit(List.of(large, small)));
      assertThatExceptionOfType(StoreRejectedException.class)
          .isThrownBy(() -> store.createKeyValue("c", "k", "'".repeat(9 << 20)));

      assertThat(store.commit(List.of(small))).allMatch(result -> result instanceof Committed);
      assertThat(store.find(new Gid("large"))).isEmpty();
    }
  }

  /** TiDB, MySQL before 8 and MariaDB before 10.6 cannot leave out what is locked. */
  @Test
  void without_skipping_what_is_due_goes_to_one_of_two_servers_all_the_same() throws Exception {
    SqlStoreConfig config = SharedServer.MARIADB.newDatabase();
    Dialect dialect = MySqlDialect.withoutSkipping();
    SqlStore.open(config).close();
    int count = 200;
    List<SqlStore> stores =
        List.of(
            SqlStore.open(config, new Schema.Ready(dialect, Form.WIDE, false), System::nanoTime),
            SqlStore.open(config, new Schema.Ready(dialect, Form.WIDE, false), System::nanoTime));
    stores
        .getFirst()
        .commit(
            IntStream.range(0, count)
                .mapToObj(i -> saveNew(saga("g" + i, PAST), claim("a" + i)))
                .toList());

    List<List<Stored>> claimed =
        race(
            stores,
            store -> {
              var all = new ArrayList<Stored>();
              while (store.dueBefore(store.storeTime(), null, 1).size() > 0) {
                all.addAll(
                    store.claimDue(
                        Duration.ofHours(1),
                        gid -> claim("b" + stores.indexOf(store) + gid.value()),
                        7));
              }
              return all;
            });

    assertThat(claimed.stream().flatMap(List::stream).map(one -> one.transaction().gid()))
        .hasSize(count)
        .doesNotHaveDuplicates();
    assertThat(claimed).allMatch(some -> some.size() > 0);
    stores.forEach(SqlStore::close);
  }

  @Test
  void without_skipping_records_that_cannot_be_read_hold_up_no_others() throws Exception {
    SqlStoreConfig config = SharedServer.MARIADB.newDatabase();
    SqlStore.open(config).close();
    var ready = new Schema.Ready(MySqlDialect.withoutSkipping(), Form.WIDE, false);
    try (SqlStore store = SqlStore.open(config, ready, System::nanoTime)) {
      for (int i = 0; i < 9; i++) {
        store.commit(List.of(saveNew(saga("g" + i, PAST.plusMillis(i)), claim("a" + i))));
      }
      execute(config, "delete from trans_branch_op where ord = 0 and gid <> 'g8'");

      assertThat(store.claimDue(Duration.ofHours(1), gid -> claim("b" + gid), 1))
          .extracting(one -> one.transaction().gid())
          .containsExactly(new Gid("g8"));
    }
  }
}
