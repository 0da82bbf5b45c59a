package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.crash.Flood.Shape;
import io.dtm4j.crash.Flood.Told;
import io.dtm4j.crash.ServerProcess.Setup;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;

/**
 * More comes than the server can do, on a store that is made slow so that the machine is not the
 * limit. {@link OverloadBenchmark} measures the same.
 */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Isolated
class OverloadTest {
  /** Some 65 sagas of three batches a second. */
  private static final int MICROS_PER_BATCH = 5_000;

  private static final int PER_SECOND = 200;
  private static final Duration LENGTH = Duration.ofSeconds(8);
  private static final Duration ENDS_WITHIN = Duration.ofSeconds(30);

  /** When the machine stands still and all comes at once: it may be stored or not. */
  private static final Set<String> OPEN =
      Set.of("HTTP 500 OUTCOME_UNKNOWN", "gRPC 2 OUTCOME_UNKNOWN");

  @TempDir Path folder;

  @Test
  void what_is_too_much_is_refused_clearly_and_what_was_taken_is_done() {
    int grpcPort = ServerProcess.freePort();
    Setup setup = Setup.in(folder).withJvm(Flood.slowStore(MICROS_PER_BATCH));
    try (var server = setup.serve("--grpc-port=" + grpcPort);
        var flood = new Flood(setup.port(), grpcPort, Duration.ZERO)) {
      var api = new Api(setup.url());

      Told told = flood.pour(new Shape("flood", false, true, false), PER_SECOND, LENGTH);
      told.awaitAnswers();

      var answers = new HashSet<>(told.answers().keySet());
      answers.removeAll(OPEN);
      assertThat(answers).isEqualTo(Flood.CLEAR);
      // Nearly all are, when the server takes more than it can do; some, when a disk stalls.
      assertThat(told.count(OPEN)).isLessThan(told.count(answers) / 4);
      Await.nowAndThenUntil(
          "all is done", ENDS_WITHIN, () -> api.metric("dtm4j_unfinished_transactions") == 0);
      assertThat(told.accepted()).allMatch(gid -> api.status(gid).equals("succeed"));
      assertThat(api.readiness()).contains("\"ready\"");
      assertThat(server.output()).doesNotContain("pass dropped", " ERROR ");
    }
  }
}
