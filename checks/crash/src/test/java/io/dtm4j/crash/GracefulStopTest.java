package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.dtm4j.crash.Api.Known;
import io.dtm4j.crash.Load.Submission;
import io.dtm4j.crash.ServerProcess.Setup;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;

/** SIGTERM under load: clients hear how it stands, and the next server goes on. */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Isolated
class GracefulStopTest {
  private static final Duration STOPS_WITHIN = Duration.ofSeconds(10);
  private static final int KILLED_BY_SIGTERM = 143;

  @TempDir Path folder;

  @Test
  void a_stop_leaves_no_accepted_request_without_an_answer() {
    Setup setup = Setup.in(folder).impatient();
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
      assertThat(submissions).extracting(one -> one.kind.mode()).contains(Kind.Mode.values());

      // What was called back records steps of which its client does not know.
      Set<String> calledBack =
          submissions.stream()
              .filter(one -> one.kind.mode() == Kind.Mode.WORKFLOW && !bank.seen(one.gid).isEmpty())
              .map(one -> one.gid)
              .collect(Collectors.toSet());
      bank.resumeWith((_, _) -> false);
      try (var _ = setup.serve()) {
        assertThat(submissions)
            .filteredOn(one -> one.wasCut() && !calledBack.contains(one.gid))
            .as("cut off without an answer, and yet taken")
            .allMatch(one -> hasWhatWasAnswered(api, one));
        var _ = new Workflows(api, bank); // goes on
        Verdict.passOn(submissions, api, bank);
      }
    }
  }

  /** What was cut came too late: nothing of what it asked for was done. */
  private static boolean hasWhatWasAnswered(Api api, Submission one) {
    JsonNode stored = api.query(one.gid);
    String status = stored.path("transaction").path("status").asText("");
    if (!one.mustBeStored()) {
      return status.isEmpty();
    }
    int rows = stored.path("branches").size();
    boolean isSubmitted = status.equals("submitted") || status.equals("succeed");
    return switch (one.kind.mode()) {
      case SAGA, MESSAGE -> !status.equals("submitted");
      case TWO_PHASES ->
          rows == 2 * one.registered.size() && (!isSubmitted || one.submitted == Known.ACCEPTED);
      case WORKFLOW ->
          rows == one.accepted("registerBranch")
              && (status.equals("prepared") || one.accepted("submit") > 0);
    };
  }
}
