package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.crash.Api.Known;
import io.dtm4j.crash.BankParticipants.Step;
import io.dtm4j.crash.ServerProcess.Setup;
import io.dtm4j.databases.RedisServer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** What a Redis may lose that syncs every second: docs/stores.md. */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Execution(ExecutionMode.CONCURRENT)
class RedisEverySecondTest {
  /** While a sync lasts Redis holds back what it writes, for two seconds at most. */
  private static final Duration HELD_BACK = Duration.ofSeconds(2);

  private static final Duration SOON = Duration.ofSeconds(30);
  private static final Duration A_SECOND = Duration.ofSeconds(1);

  @TempDir Path folder;

  /** A transaction, and when a client was told that it is stored, by the monotonic clock. */
  private record Accepted(String gid, long nanos) {}

  @Test
  void a_kill_while_the_disk_is_slow_takes_the_last_two_seconds_and_no_more() throws Exception {
    RedisServer redis = RedisServer.everySecondSlowly();
    Setup setup = Setup.in(folder).with(redis.create("dtm4j"));
    try (var bank = new BankParticipants();
        var server = setup.serve()) {
      Api api = new Api(setup.url());
      awaitReady(api);
      List<Accepted> accepted = acceptUntilHeldBack(api, bank, redis);

      long killed = System.nanoTime();
      redis.kill(); // strace lets it be gone only when its delay is over
      redis.start();

      awaitReady(api);
      List<Accepted> lost = accepted.stream().filter(one -> api.status(one.gid).isEmpty()).toList();
      assertThat(lost)
          .as("lost of " + accepted.size())
          .isNotEmpty()
          .hasSizeLessThan(accepted.size())
          .allMatch(one -> killed - one.nanos < HELD_BACK.plus(A_SECOND).toNanos(), "are young");
      accepted.removeAll(lost);
      Await.nowAndThenUntil(
          "the others are done",
          SOON,
          () -> accepted.stream().allMatch(one -> api.status(one.gid).equals("succeed")));
      assertThat(server.output()).contains("appendfsync");
    } finally {
      redis.stop();
    }
  }

  private static void awaitReady(Api api) {
    Await.nowAndThenUntil("ready", SOON, () -> api.readiness().equals("{\"msg\":\"ready\"}"));
  }

  /** One after another: some are written, and then for a second none is. */
  private static List<Accepted> acceptUntilHeldBack(
      Api api, BankParticipants bank, RedisServer redis) throws Exception {
    var transactions = new Transactions(bank);
    List<Step> steps = List.of(Step.of("a", -1), Step.of("b", 1));
    List<Accepted> accepted = new ArrayList<>();
    long end = System.nanoTime() + SOON.toNanos();
    long logged = redis.logged();
    long since = System.nanoTime();
    int written = 0;
    while (written < 2 || System.nanoTime() - since < A_SECOND.toNanos()) {
      assertThat(System.nanoTime()).as("nothing is held back").isLessThan(end);
      String gid = "saga" + accepted.size();
      assertThat(api.post("submit", transactions.saga(gid, steps)).known())
          .isEqualTo(Known.ACCEPTED);
      accepted.add(new Accepted(gid, System.nanoTime()));
      if (logged != redis.logged()) {
        logged = redis.logged();
        since = System.nanoTime();
        written++;
      }
    }
    return accepted;
  }
}
