package io.dtm4j.crash;

import io.dtm4j.crash.Load.Submission;
import io.dtm4j.crash.ServerProcess.Setup;
import io.dtm4j.crash.Site.Harm;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;

/**
 * Rounds of load in each of which servers or their store come to harm and are started again. After
 * each of them nothing is lost of what clients were promised, and all that they have begun comes to
 * its end, as it must; once more after every {@value #STRETCH}. What is sent, and when harm is
 * done, follows from the seed. Not thread-safe; blocks.
 */
final class Rounds {
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

  private final Site site;
  private final List<Harm> harms;
  private final long seed;
  private final Consumer<Progress> told;
  private Progress progress = new Progress(0, 0, 0, 0);

  /** Of one server on the embedded store; see below. */
  Rounds(Setup setup, List<Harm> harms, long seed, Consumer<Progress> told) {
    this(new EmbeddedSite(setup, harms.contains(Harm.POWER_CUT)), harms, seed, told);
  }

  /**
   * @param site its servers run only while rounds do
   * @param harms done in turn
   * @param told after each round
   */
  Rounds(Site site, List<Harm> harms, long seed, Consumer<Progress> told) {
    this.site = site;
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
    Api api = site.api();
    try (var bank = new BankParticipants();
        var _ = site) {
      site.start();
      var verdict = new Verdict(api, bank);
      try (var load = new Load(api, bank, CLIENTS, LATENESS, 0, itsSeed)) {
        for (int round = before; round < before + rounds; round++) {
          load.awaitMore(random.nextInt(MOST_PER_ROUND), LOAD_WITHIN);
          long lost = site.harm(harms.get(round % harms.size()), random);
          load.pause(() -> verdict.pass(load.soFar()));
          progress =
              new Progress(
                  round + 1, progress.transactions, progress.cut, progress.bytesLost + lost);
          told.accept(progress);
        }
        judge(load, bank);
      }
    }
  }

  private void judge(Load load, BankParticipants bank) {
    List<Submission> submissions = load.end();
    if (!load.lost().isEmpty()) {
      throw new AssertionError("recorded steps are lost: " + load.lost());
    }
    Verdict.passOn(submissions, site.api(), bank);
    progress =
        new Progress(
            progress.rounds,
            progress.transactions + submissions.size(),
            progress.cut + submissions.stream().filter(Submission::wasCut).count(),
            progress.bytesLost);
  }
}
