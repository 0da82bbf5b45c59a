package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.dtm4j.crash.Api.Known;
import io.dtm4j.crash.BankParticipants.Seen;
import io.dtm4j.crash.BankParticipants.Step;
import io.dtm4j.crash.ServerProcess.Setup;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;

/** What waits when a server is killed goes on with the next one, at its time and not earlier. */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Isolated
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TimersSurviveTest {
  private static final Duration DELAY = Duration.ofSeconds(7);
  private static final Duration TIMEOUT = Duration.ofSeconds(7);

  /** An unknown answer doubles the interval of three seconds. */
  private static final Duration RETRY = Duration.ofSeconds(6);

  /** What a slow machine may add. */
  private static final Duration LATENESS = Duration.ofSeconds(2);

  private static final Duration ENDS_WITHIN = Duration.ofSeconds(20);

  private final BankParticipants bank = new BankParticipants();
  private final BankParticipants deadBank = new BankParticipants();
  private Instant begin;
  private Instant submitted;
  private Api api;

  @BeforeAll
  void wait_with_one_server_and_go_on_with_another(@TempDir Path folder) {
    Setup setup = Setup.in(folder).impatient();
    api = new Api(setup.url());
    var transactions = new Transactions(bank);
    List<Step> steps = List.of(Step.of("a", -5), Step.of("b", 5));
    deadBank.down();
    begin = Instant.now();
    try (var _ = setup.serve()) {
      begin = Instant.now();
      accept(
          "submit",
          transactions
              .message("delayed", steps)
              .put("custom_data", "{\"delay\":" + DELAY.toSeconds() + "}"));
      accept(
          "prepare",
          transactions.message("prepared", steps).put("timeout_to_fail", TIMEOUT.toSeconds()));
      accept(
          "submit", transactions.saga("retried", List.of(steps.get(0).failing(1), steps.get(1))));
      accept("submit", new Transactions(deadBank).saga("dead", steps));
      submitted = Instant.now();
      Await.until(
          "the retries are planned",
          ENDS_WITHIN,
          () -> retryInterval("retried") == 6 && retryInterval("dead") == 6);
    }
    try (var _ = setup.serve()) {
      deadBank.up();
      awaitEnd("delayed", "succeed");
      awaitEnd("prepared", "failed");
      awaitEnd("retried", "succeed");
      awaitEnd("dead", "succeed");
    }
  }

  private void awaitEnd(String gid, String status) {
    Await.until(gid + ": " + status, ENDS_WITHIN, () -> api.status(gid).equals(status));
  }

  @AfterAll
  void close() {
    bank.close();
    deadBank.close();
  }

  private int retryInterval(String gid) {
    return api.query(gid).path("transaction").path("next_cron_interval").asInt();
  }

  private void accept(String operation, ObjectNode transaction) {
    assertThat(api.post(operation, transaction.put("retry_interval", 3)).known())
        .isEqualTo(Known.ACCEPTED);
  }

  @Test
  void a_delay_goes_on() {
    assertThat(bank.seen("delayed").getFirst().at())
        .isBetween(begin.plus(DELAY), submitted.plus(DELAY).plus(LATENESS));
    assertThat(bank.seen("delayed")).hasSize(2);
  }

  @Test
  void a_check_back_comes() {
    assertThat(bank.seen("prepared"))
        .singleElement()
        .satisfies(
            call ->
                assertThat(call.at())
                    .isBetween(begin.plus(TIMEOUT), submitted.plus(TIMEOUT).plus(LATENESS)));
  }

  @Test
  void a_retry_keeps_its_time() {
    List<Instant> calls =
        bank.seen("retried").stream()
            .filter(call -> call.branch().equals("01"))
            .map(Seen::at)
            .toList();

    assertThat(calls).hasSize(2);
    assertThat(Duration.between(calls.getFirst(), calls.getLast()))
        .isBetween(RETRY, RETRY.plus(LATENESS));
  }

  @Test
  void a_participant_that_was_down_is_called_until_it_answers() {
    assertThat(deadBank.seen("dead")).extracting(Seen::branch).containsExactly("01", "02");
  }
}
