package io.dtm4j.crash;

import io.dtm4j.crash.Load.Submission;
import io.dtm4j.crash.ServerProcess.Setup;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;

/**
 * Rounds of load in each of which a server comes to harm and is started again. After each of them
 * nothing is lost of what clients were promised, and all that they have begun comes to its end, as
 * it must; once more after every {@value #STRETCH}. What is sent, and when harm is done, follows
 * from the seed. Not thread-safe; blocks.
 */
final class Rounds {
  /** What a server dies of. */
  enum Harm {
    /** As by kill -9. */
    KILL,
    /** The same, and once more while the next server starts, or has just begun to recover. */
    KILL_TWICE,
    /** What was written and not synced is lost, too. */
    POWER_CUT
  }

  /**
   * How far it has come.
   *
   * @param transactions that clients have begun, those of the present stretch left out
   * @param cut of these, those whose client was left without an answer
   * @param bytesLost to power cuts
   */
  record Progress(int rounds, int transactions, long cut, long bytesLost) {}

  private static final int STRETCH = 30;
  private static final int MOST_PER_ROUND = 300;
  private static final int CLIENTS = 6;
  private static final int LATENESS = 40;
  private static final Duration LOAD_WITHIN = Duration.ofSeconds(60);
  private static final Duration RECOVERING = Duration.ofMillis(500);

  private final Setup setup;
  private final Api api;
  private final List<Harm> harms;
  private final long seed;
  private final Consumer<Progress> told;
  private final PowerCut power;
  private Progress progress = new Progress(0, 0, 0, 0);
  private Duration lastStart = Duration.ZERO;

  /**
   * @param harms done in turn
   * @param told after each round
   */
  Rounds(Setup setup, List<Harm> harms, long seed, Consumer<Progress> told) {
    power = new PowerCut(setup);
    this.setup = harms.contains(Harm.POWER_CUT) ? power.watching(setup) : setup;
    api = new Api(setup.url());
    this.harms = harms;
    this.seed = seed;
    this.told = told;
  }

  /**
   * Does so many rounds.
   *
   * @throws AssertionError when a promise is broken; it says which
   */
  Progress run(int rounds) {
    for (int done = 0; done < rounds; done += STRETCH) {
      stretch(done, Math.min(rounds - done, STRETCH));
    }
    return progress;
  }

  private void stretch(int before, int rounds) {
    long itsSeed = seed + before;
    var random = new Random(itsSeed);
    try (var bank = new BankParticipants()) {
      ServerProcess server = serve();
      var verdict = new Verdict(api, bank);
      try (var load = new Load(api, bank, CLIENTS, LATENESS, 0, itsSeed)) {
        for (int round = before; round < before + rounds; round++) {
          load.awaitMore(random.nextInt(MOST_PER_ROUND), LOAD_WITHIN);
          server.kill();
          long lost = 0;
          switch (harms.get(round % harms.size())) {
            case KILL -> {}
            case KILL_TWICE -> {
              server = setup.launch();
              Await.pass(Duration.ofMillis(random.nextLong(lastStart.plus(RECOVERING).toMillis())));
              server.kill();
            }
            case POWER_CUT -> lost = power.cut(random);
          }
          server = serve();
          load.pause(() -> verdict.pass(load.soFar()));
          progress =
              new Progress(
                  round + 1, progress.transactions, progress.cut, progress.bytesLost + lost);
          told.accept(progress);
        }
        judge(load, bank);
      } finally {
        server.close();
      }
    }
  }

  private ServerProcess serve() {
    long began = System.nanoTime();
    ServerProcess server = setup.serve();
    lastStart = Duration.ofNanos(System.nanoTime() - began);
    return server;
  }

  private void judge(Load load, BankParticipants bank) {
    List<Submission> submissions = load.end();
    if (!load.lost().isEmpty()) {
      throw new AssertionError("recorded steps are lost: " + load.lost());
    }
    Verdict.passOn(submissions, api, bank);
    progress =
        new Progress(
            progress.rounds,
            progress.transactions + submissions.size(),
            progress.cut + submissions.stream().filter(Submission::wasCut).count(),
            progress.bytesLost);
  }
}
