package io.dtm4j.store.sql;

import java.time.Duration;
import java.time.ZoneId;

/** The suite on tables that a DTM in Go has made, when that DTM is gone. */
abstract class AdoptedContract extends SqlStoreContract {
  AdoptedContract(SharedServer server) {
    super(server);
  }

  @Override
  SqlStoreConfig newDatabase(SharedServer of) throws Exception {
    return of.newAdopted(false, ZoneId.of("Asia/Kolkata"));
  }

  @Override
  public Duration tick() {
    return Duration.ofSeconds(1);
  }
}
