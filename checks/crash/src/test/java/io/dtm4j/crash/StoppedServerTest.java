package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.crash.Load.Submission;
import io.dtm4j.crash.ServerProcess.Setup;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;

/** A server that stands still for a while, as a virtual machine that is moved, goes on. */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Isolated
class StoppedServerTest {
  /** Of a request timeout of one second a lease of six follows (docs/architecture.md, R7). */
  private static final Duration LOAD_WITHIN = Duration.ofSeconds(60);

  private static final Map<String, String> SHORT_LEASES =
      Map.of("RETRY_INTERVAL", "3", "TIMEOUT_TO_FAIL", "3", "REQUEST_TIMEOUT", "1");

  /** Within the leases and beyond them. */
  private static final List<Duration> STANDSTILLS =
      List.of(Duration.ofSeconds(3), Duration.ofSeconds(8));

  private static final int SOME = 200;

  @TempDir Path folder;

  @Test
  void what_was_accepted_comes_to_its_end_when_the_server_stands_still() {
    Setup setup = Setup.in(folder).with(SHORT_LEASES);
    Api api = new Api(setup.url());
    List<Submission> submissions;
    try (var bank = new BankParticipants();
        var server = setup.serve()) {
      try (var load = new Load(api, bank, 12, 400, 0, 11)) {
        load.awaitMore(SOME, LOAD_WITHIN);
        for (Duration standstill : STANDSTILLS) {
          server.standStill();
          Await.pass(standstill);
          server.goOn();
          load.awaitMore(SOME, LOAD_WITHIN);
        }
        submissions = load.end();
        assertThat(load.lost()).as("recorded steps that were missing later").isEmpty();
      }
      Verdict.passOn(submissions, api, bank);
      assertThat(server.output()).doesNotContain("pass dropped");
    }
    assertThat(submissions).anyMatch(Submission::mustBeStored);
  }
}
