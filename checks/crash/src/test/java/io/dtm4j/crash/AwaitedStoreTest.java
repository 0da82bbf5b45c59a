package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.crash.Api.Known;
import io.dtm4j.crash.BankParticipants.Step;
import io.dtm4j.crash.ServerProcess.Setup;
import io.dtm4j.databases.DatabaseServer;
import io.dtm4j.databases.MariaDbServer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** A server whose database comes later, or goes away, says so and goes on by itself. */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Execution(ExecutionMode.CONCURRENT)
class AwaitedStoreTest {
  private static final Duration SOON = Duration.ofSeconds(30);

  @TempDir Path folder;

  @Test
  void a_database_that_is_away_is_waited_for() throws Exception {
    var database = new MariaDbServer();
    try {
      database.execute("create database dtm");
      database.kill();
      Setup setup = setup(database, "dtm");
      Api api = new Api(setup.url());
      try (var bank = new BankParticipants();
          var server = setup.serve()) {
        assertThat(api.readiness())
            .contains("STORE_UNAVAILABLE", database.url("dtm").replaceAll("[?].*", ""))
            .doesNotContain(DatabaseServer.PASSWORD);
        assertThat(api.post("submit", new Transactions(bank).saga("early", List.of())).known())
            .isEqualTo(Known.NOT_STORED);

        database.start();

        awaitReady(api);
        assertThat(transfer(api, bank, "first")).isEqualTo("succeed");

        database.kill();
        Await.until("red", SOON, () -> api.readiness().contains("STORE_UNAVAILABLE"));
        database.start();
        awaitReady(api);
        assertThat(transfer(api, bank, "second")).isEqualTo("succeed");
        assertThat(api.status("first")).isEqualTo("succeed");
        assertThat(server.output()).doesNotContain(DatabaseServer.PASSWORD);
      }
    } finally {
      database.stop();
    }
  }

  @Test
  void a_database_that_does_not_exist_is_named_until_it_is_made() throws Exception {
    var database = new MariaDbServer();
    try {
      Setup setup = setup(database, "later");
      Api api = new Api(setup.url());
      try (var _ = setup.serve()) {
        assertThat(api.readiness()).contains("later", "does not exist");

        database.execute("create database later");

        awaitReady(api);
      }
    } finally {
      database.stop();
    }
  }

  private Setup setup(DatabaseServer server, String database) {
    return Setup.in(folder)
        .with(
            Map.of(
                "STORE_URL", server.url(database),
                "STORE_USER", DatabaseServer.USER,
                "STORE_PASSWORD", DatabaseServer.PASSWORD))
        .shortLived();
  }

  private static void awaitReady(Api api) {
    Await.until("ready", SOON, () -> api.readiness().equals("{\"msg\":\"ready\"}"));
  }

  private static String transfer(Api api, BankParticipants bank, String gid) {
    List<Step> steps = List.of(Step.of("a", -1), Step.of("b", 1));
    api.post("submit", new Transactions(bank).saga(gid, steps).put("wait_result", true));
    return api.status(gid);
  }
}
