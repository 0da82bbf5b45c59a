package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.crash.Api.Known;
import io.dtm4j.crash.Load.Submission;
import io.dtm4j.crash.ServerProcess.Setup;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A server that is killed again and again loses nothing and does nothing twice. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class KillUnderLoadTest {
  /** More with {@code -Dcrash.rounds=1000}, as before a release. */
  private static final int ROUNDS = Integer.getInteger("crash.rounds", 30);

  private static final int MOST_PER_ROUND = 300;
  private static final long SEED = 20_261_124;

  @TempDir Path folder;

  @Test
  @Timeout(value = 3, unit = TimeUnit.HOURS) // for many rounds; each wait in it has its own end
  void what_was_accepted_comes_to_its_end_however_often_the_server_is_killed() {
    Setup setup = Setup.in(folder).with(Map.of("RETRY_INTERVAL", "3", "TIMEOUT_TO_FAIL", "3"));
    Api api = new Api(setup.url());
    var random = new Random(SEED);
    List<Submission> submissions;
    try (var bank = new BankParticipants()) {
      ServerProcess server = setup.serve();
      try {
        try (var load = new Load(api, bank, 6, 40, 0, SEED)) {
          for (int round = 1; round <= ROUNDS; round++) {
            int enough = load.answered() + random.nextInt(MOST_PER_ROUND);
            Await.until("load", Duration.ofSeconds(10), () -> load.answered() >= enough);
            server.kill();
            server = setup.serve();
          }
          submissions = load.end();
          assertThat(load.lost()).as("recorded steps that were missing later").isEmpty();
        }
        Verdict.passOn(submissions, api, bank);
      } finally {
        server.close();
      }
    }
    assertThat(submissions).as("cut by a kill").anyMatch(one -> one.known() == Known.NO_ANSWER);
  }
}
