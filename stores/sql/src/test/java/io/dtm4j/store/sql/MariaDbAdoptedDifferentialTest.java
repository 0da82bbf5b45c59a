package io.dtm4j.store.sql;

import io.dtm4j.store.TransactionStore;
import io.dtm4j.store.contract.StoreDifferential;
import java.time.Duration;
import java.time.ZoneId;
import org.junit.jupiter.api.Tag;

/** The same on tables that a DTM in Go has made. */
@Tag("long")
class MariaDbAdoptedDifferentialTest extends StoreDifferential {
  @Override
  protected int sequences() {
    return 400;
  }

  @Override
  protected Duration tick() {
    return Duration.ofSeconds(1);
  }

  @Override
  protected TransactionStore emptyStore() throws Exception {
    return SqlStore.open(SharedServer.MARIADB.newAdopted(false, ZoneId.of("America/New_York")));
  }
}
