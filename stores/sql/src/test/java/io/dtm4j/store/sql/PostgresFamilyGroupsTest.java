package io.dtm4j.store.sql;

import static io.dtm4j.store.sql.Sagas.PAST;
import static io.dtm4j.store.sql.Sagas.claim;
import static io.dtm4j.store.sql.Sagas.saga;
import static io.dtm4j.store.sql.Sagas.saveNew;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.CommitResult.Committed;
import java.util.List;
import org.junit.jupiter.api.Test;

abstract class PostgresFamilyGroupsTest extends SqlGroupsTest {
  PostgresFamilyGroupsTest(SharedServer server) {
    super(server);
  }

  @Override
  String impatient(String session) {
    return session.replace(
        "idle_in_transaction_session_timeout = '10s'",
        "idle_in_transaction_session_timeout = '1s'");
  }

  /** The insert left a row alone, and when its token is looked at the row is gone. */
  @Test
  void a_row_that_is_deleted_between_insert_and_look_does_not_count_as_another_gid()
      throws Exception {
    SqlStoreConfig config = server.newDatabase();
    try (SqlStore store = SqlStore.open(config)) {
      execute(
          config,
          "create sequence tries",
          "create function leave_alone() returns trigger language plpgsql as"
              + " $$ begin if nextval('tries') = 1 then return null; end if; return new; end $$",
          "create trigger leave_alone before insert on trans_global"
              + " for each row execute function leave_alone()");
      Batch save = saveNew(saga("g", PAST), claim("c"));
      Batch again = saveNew(saga("g", PAST), claim("d"));

      assertThat(store.commit(List.of(save, again))).first().isInstanceOf(Committed.class);

      assertThat(store.find(new Gid("g")).orElseThrow().owner()).isEqualTo(claim("c"));
    }
  }
}
