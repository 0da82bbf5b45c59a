package io.dtm4j.store.sql;

import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.databases.DatabaseServer;
import io.dtm4j.store.StoreUnavailableException;
import org.junit.jupiter.api.Test;

class MariaDbStoreTest extends SqlStoreTest {
  MariaDbStoreTest() {
    super(SharedServer.MARIADB);
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
}
