package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.crash.Api.Known;
import io.dtm4j.crash.Load.Submission;
import io.dtm4j.crash.ServerProcess.Setup;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Writes fail as on a full disk: what clients are told stays true. */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Execution(ExecutionMode.CONCURRENT)
class FailingDiskTest {
  @TempDir Path folder;

  @Test
  void a_write_that_fails_leaves_nothing_half_written() {
    Setup setup = Setup.in(folder).impatient();
    Api api = new Api(setup.url());
    List<Submission> submissions;
    try (var bank = new BankParticipants()) {
      try (var server = setup.withMaxFile(1_024).serve();
          var load = new Load(api, bank, 8, 20, 4_000, 3)) {
        Await.until(
            "a write fails",
            Duration.ofSeconds(20),
            () -> server.output().contains("File too large"));
        Await.pass(Duration.ofSeconds(4));
        submissions = load.end();
      }

      try (var _ = setup.serve()) {
        Verdict.passOn(submissions, api, bank);
      }
    }
    assertThat(submissions).anyMatch(one -> one.known() == Known.ACCEPTED);
  }
}
