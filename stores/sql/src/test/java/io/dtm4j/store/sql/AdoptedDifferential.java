package io.dtm4j.store.sql;

import java.time.Duration;
import java.time.ZoneId;

/** The same on tables that a DTM in Go has made. */
abstract class AdoptedDifferential extends SqlStoreDifferential {
  AdoptedDifferential(SharedServer server) {
    super(server);
  }

  @Override
  SqlStoreConfig newDatabase(SharedServer of) throws Exception {
    return of.newAdopted(false, ZoneId.of("America/New_York"));
  }

  @Override
  protected Duration tick() {
    return Duration.ofSeconds(1);
  }
}
