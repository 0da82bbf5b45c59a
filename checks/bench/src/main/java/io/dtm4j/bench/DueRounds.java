package io.dtm4j.bench;

import java.io.PrintWriter;

/**
 * What a dead participant costs the others while everything is due at once: two rounds without one,
 * which also show how much rounds differ by themselves, then one with it. Blocks.
 */
final class DueRounds {
  /** Server and generator get going in a round that is not shown. */
  private static final int WARM_UP = 2_000;

  private static final String WITHOUT = "to a dead participant";

  private final Rounds rounds;
  private final PrintWriter out;

  /** Opens a round of that many transactions; the caller closes it. */
  interface Rounds {
    Scale open(int count);
  }

  DueRounds(Rounds rounds, PrintWriter out) {
    this.rounds = rounds;
    this.out = out;
  }

  /**
   * Runs them all.
   *
   * @param dead how many of a hundred go to a dead participant in the last round
   * @return whether all came as it must
   */
  boolean run(int count, int dead, Scale.Dying dying) throws InterruptedException {
    boolean succeeded = round(WARM_UP, 0, dying).succeeded();
    Scale.Due first = print(round(count, 0, dying), WITHOUT);
    Scale.Due without = print(round(count, 0, dying), WITHOUT);
    Scale.Due with = print(round(count, dead, dying), "to one that is " + dying.word());
    out.printf(
        "due: with it p99 is %+.1f ms of first calls, %+.1f ms of delayed ones; between the rounds"
            + " without: %+.1f ms, %+.1f ms%n",
        with.first().p99() - without.first().p99(),
        with.delayed().p99() - without.delayed().p99(),
        without.first().p99() - first.first().p99(),
        without.delayed().p99() - first.delayed().p99());
    return succeeded && first.succeeded() && without.succeeded() && with.succeeded();
  }

  private Scale.Due round(int count, int dead, Scale.Dying dying) throws InterruptedException {
    try (Scale scale = rounds.open(count)) {
      return scale.due(dead, dying);
    }
  }

  private Scale.Due print(Scale.Due due, String fate) {
    out.printf(
        "due: %,d transactions, %,d %s: made due within %.1f s, the others done within %.1f s,"
            + " %,.0f per s%n",
        due.healthy() + due.dead(),
        due.dead(),
        fate,
        due.reset(),
        due.done(),
        due.healthy() / due.done());
    out.printf("due:   first calls of new sagas meanwhile: %s%n", due.first());
    out.printf("due:   messages that came due meanwhile: %s late%n", due.delayed());
    return due;
  }
}
