package io.dtm4j.store.sql;

import static io.dtm4j.store.sql.Sagas.PAST;
import static io.dtm4j.store.sql.Sagas.claim;
import static io.dtm4j.store.sql.Sagas.saga;
import static io.dtm4j.store.sql.Sagas.saveNew;
import static io.dtm4j.store.sql.Sagas.withHeader;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.model.Batch;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.StoreRejectedException;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("tidb")
class TiDbGroupsTest extends SqlGroupsTest {
  TiDbGroupsTest() {
    super(SharedServer.TIDB);
  }

  @Override
  String impatient(String session) {
    return session.replace(
        "tidb_idle_transaction_timeout = 10", "tidb_idle_transaction_timeout = 1");
  }

  /** A row has 6 MB; what JSON writes in six characters each is more. */
  @Test
  void what_is_larger_than_a_row_is_refused_and_not_sent_again_and_again() throws Exception {
    try (SqlStore store = SqlStore.open(SharedServer.TIDB.newDatabase())) {
      Batch large = saveNew(withHeader(saga("large", PAST), "\u0001".repeat(5 << 18)), claim("c1"));
      Batch small = saveNew(saga("small", PAST), claim("c2"));

      assertThatExceptionOfType(StoreRejectedException.class)
          .isThrownBy(() -> store.commit(List.of(large, small)));

      assertThat(store.commit(List.of(small))).allMatch(result -> result instanceof Committed);
      assertThat(store.find(new Gid("large"))).isEmpty();
    }
  }
}
