package io.dtm4j.store.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.model.Due;
import io.dtm4j.model.Stored;
import io.dtm4j.store.OutcomeUnknownException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("tidb")
class TiDbClaimsTest extends SqlClaimsTest {
  TiDbClaimsTest() {
    super(SharedServer.TIDB);
  }

  /** It waits for the lock, and then tries parts of what is due, by chance. */
  @Override
  Duration longestClaim() {
    return Duration.ofSeconds(60);
  }

  @Override
  List<Stored> claimInSpiteOfLocks(SqlStore store, List<Due> dues) {
    for (int i = 1; ; i++) {
      try {
        return super.claimInSpiteOfLocks(store, dues);
      } catch (OutcomeUnknownException e) {
        assertThat(i).isLessThan(3); // nine parts of one of two were the locked one
      }
    }
  }

  @Test
  void it_cannot_leave_out_what_is_locked_and_its_version_tells() throws Exception {
    SqlStoreConfig config = SharedServer.TIDB.newDatabase();
    Schema.Ready ready = new Schema(config, Dialect.of(config.url())).prepare();

    assertThat(ready.dialect().skipsLocked()).isFalse();
    assertThatExceptionOfType(SQLException.class)
        .isThrownBy(() -> execute(config, "select gid from trans_global for update skip locked"));
  }
}
