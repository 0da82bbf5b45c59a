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

/** A disk whose syncs really fail, by strace, under a server with load. */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Execution(ExecutionMode.CONCURRENT)
class FailedSyncsTest {
  private static final int SOME = 50;
  private static final Duration SOON = Duration.ofSeconds(60);

  @TempDir Path folder;

  /** Nine in a row: several openings of the store fail, too. */
  @Test
  void syncs_that_fail_lose_nothing() {
    Setup setup = Setup.in(folder).impatient();
    Setup failing =
        setup.wrapped(
            "strace",
            "-D", // beside the server, which stays the process that was started
            "-f",
            "--seccomp-bpf",
            "-qq",
            "-o",
            folder.resolve("calls").toString(),
            "-e",
            "trace=fdatasync",
            "-e",
            "inject=fdatasync:error=EIO:when=200..208");
    Api api = new Api(setup.url());
    List<Submission> submissions;
    try (var bank = new BankParticipants()) {
      try (var server = failing.serve()) {
        try (var load = new Load(api, bank, 8, 20, 0, 8)) {
          Await.until("a sync fails", SOON, () -> server.output().contains("Input/output error"));
          Await.until("it writes again", SOON, () -> server.output().contains("writes again"));
          load.awaitMore(SOME, SOON);
          submissions = load.end();
        }
        Verdict.passOn(submissions, api, bank);
      }
      try (var _ = setup.serve()) {
        Verdict.passOn(submissions, api, bank);
      }
    }
    assertThat(submissions).anyMatch(one -> one.known() == Known.ACCEPTED);
  }
}
