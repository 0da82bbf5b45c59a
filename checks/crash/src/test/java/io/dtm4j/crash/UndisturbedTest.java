package io.dtm4j.crash;

import static java.util.stream.Collectors.counting;
import static java.util.stream.Collectors.groupingBy;
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

/** Where nothing goes wrong nobody needs the barrier of the participants. */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Isolated // a machine that stands still for seconds makes a server repeat
class UndisturbedTest {
  private static final int TRANSACTIONS = 400;
  private static final Duration WITHIN = Duration.ofMinutes(2);

  @TempDir Path folder;

  @Test
  void each_branch_is_called_once_for_each_op() {
    Setup setup = Setup.in(folder).impatient();
    Api api = new Api(setup.url());
    try (var _ = setup.serve();
        var bank = new BankParticipants()) {
      List<Submission> submissions;
      try (var load = new Load(api, bank, Load.MIXED, 24, 40, 0, 17)) {
        load.awaitMore(TRANSACTIONS, WITHIN);
        submissions = load.end();
      }
      Verdict.passOn(submissions, api, bank);

      assertThat(submissions).extracting(one -> one.kind).contains(Kind.values());
      assertThat(submissions)
          .filteredOn(one -> one.kind != Kind.SAGA_RETRIED) // answered 503 at first
          .filteredOn(one -> one.kind.mode() != Kind.Mode.WORKFLOW) // the server calls no branch
          .allSatisfy(
              one ->
                  assertThat(calls(bank, one).values())
                      .as(() -> one + " " + bank.seen(one.gid))
                      .allMatch(times -> times == 1));
      assertThat(submissions)
          .filteredOn(one -> one.kind != Kind.MESSAGE_ABORTED)
          .filteredOn(one -> one.kind.mode() != Kind.Mode.WORKFLOW)
          .noneMatch(one -> bank.seen(one.gid).isEmpty());
      assertThat(submissions)
          .filteredOn(one -> one.kind == Kind.SAGA_REPEAT_REFUSED)
          .allMatch(one -> api.status(one.gid).equals("succeed"));
    }
  }

  /** How often each branch was called for each op. */
  private static Map<String, Long> calls(BankParticipants bank, Submission one) {
    return bank.seen(one.gid).stream()
        .collect(groupingBy(call -> call.branch() + " " + call.op(), counting()));
  }
}
