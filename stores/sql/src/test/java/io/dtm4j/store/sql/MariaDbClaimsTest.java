package io.dtm4j.store.sql;

import static io.dtm4j.store.sql.Sagas.PAST;
import static io.dtm4j.store.sql.Sagas.claim;
import static io.dtm4j.store.sql.Sagas.saga;
import static io.dtm4j.store.sql.Sagas.saveNew;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MariaDbClaimsTest extends SqlClaimsTest {
  MariaDbClaimsTest() {
    super(SharedServer.MARIADB);
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
