package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dtm4j.crash.Load.Submission;
import io.dtm4j.crash.Rounds.Progress;
import io.dtm4j.crash.ServerProcess.Setup;
import io.dtm4j.crash.Site.Harm;
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
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** What was not synced is gone after a power cut, and nothing of it was promised to anybody. */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Execution(ExecutionMode.CONCURRENT)
class PowerCutTest {
  /** More with {@code -Dcrash.rounds.power=500}, as before a release. */
  private static final int ROUNDS = Integer.getInteger("crash.rounds.power", 20);

  private static final long SEED = Long.getLong("crash.seed", 20_261_130);
  private static final Duration HALTS_WITHIN = Duration.ofMinutes(2);

  @TempDir Path folder;

  @Test
  @Timeout(value = 3, unit = TimeUnit.HOURS) // for many rounds; each wait in it has its own end
  void what_was_accepted_comes_to_its_end_however_often_power_is_cut() {
    Progress end = rounds(Setup.in(folder).impatient()).run(ROUNDS);

    assertThat(end.cut()).as("cut by a power cut").isPositive();
  }

  @Test
  void a_server_that_does_not_sync_is_found_out() {
    Setup asleep =
        Setup.in(folder)
            .with(Map.of("RETRY_INTERVAL", "3", "TIMEOUT_TO_FAIL", "3", "STORE_SYNC", "0"));

    assertThatThrownBy(() -> rounds(asleep).run(2))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("lost");
  }

  private static Rounds rounds(Setup setup) {
    return new Rounds(setup.shortLived(), List.of(Harm.POWER_CUT), SEED, _ -> {});
  }

  /** Of a write that nobody was told of, the power cut leaves a byte, a half, or all but a byte. */
  @Test
  void a_last_write_that_is_torn_is_as_if_it_had_not_been() {
    Setup setup = Setup.in(folder).impatient().shortLived();
    var power = new PowerCut(setup);
    var random = new Random(SEED);
    Api api = new Api(setup.url());
    List<Submission> submissions;
    try (var bank = new BankParticipants()) {
      ServerProcess server = halting(power.watching(setup), random).serve();
      try (var load = new Load(api, bank, List.of(Kind.SAGA), 4, 0, 0, SEED)) {
        for (double share : List.of(0.0, 0.5, 1.0)) {
          Await.until("it halts", HALTS_WITHIN, server::hasEnded);
          power.tear(share, random);
          server = halting(power.watching(setup), random).launch();
        }
        Await.until("it halts", HALTS_WITHIN, server::hasEnded);
        server = setup.serve();
        submissions = load.end();
        Verdict.passOn(submissions, api, bank);
      } finally {
        server.close();
      }
    }
    assertThat(submissions).anyMatch(Submission::mustBeStored).anyMatch(Submission::wasCut);
  }

  /** It ends when a group is durable and nobody has been told. */
  private static Setup halting(Setup setup, Random random) {
    int group = 20 + random.nextInt(50);
    return setup.withJvm("-Ddtm4j.test.halt=after-commit-before-result:" + group);
  }
}
