package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.crash.Api.Known;
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

/** SIGTERM under load: clients hear how it stands, and the next server goes on. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class GracefulStopTest {
  private static final Duration STOPS_WITHIN = Duration.ofSeconds(10);
  private static final int KILLED_BY_SIGTERM = 143;

  @TempDir Path folder;

  @Test
  void a_stop_leaves_no_accepted_request_without_an_answer() {
    Setup setup = Setup.in(folder).with(Map.of("RETRY_INTERVAL", "3", "TIMEOUT_TO_FAIL", "3"));
    Api api = new Api(setup.url());
    try (var bank = new BankParticipants()) {
      List<Submission> submissions;
      try (var server = setup.serve();
          var load = new Load(api, bank, 24, 400, 0, 7)) {
        Await.pass(Duration.ofSeconds(2));
        long began = System.nanoTime();
        server.terminate();
        int exit = server.awaitEnd();
        assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(STOPS_WITHIN);
        assertThat(exit).as(server.output()).isIn(0, KILLED_BY_SIGTERM);
        submissions = load.end();
      }

      try (var _ = setup.serve()) {
        assertThat(submissions)
            .filteredOn(one -> one.known() == Known.NO_ANSWER)
            .as("cut off without an answer, and yet taken")
            .allMatch(one -> wasNotTaken(api, one));
        Verdict.passOn(submissions, api, bank);
      }
    }
  }

  /** Its last request came too late: nothing of what it asked for was done. */
  private static boolean wasNotTaken(Api api, Submission one) {
    String status = api.status(one.gid);
    return one.answers.size() == 1 ? status.isEmpty() : !status.equals("submitted");
  }
}
