package io.dtm4j.engine;

import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.GlobalStatus;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * Prints how long decisions take, so that a change that makes them slower is seen: the three of a
 * saga with two branches, and those of a concurrent one with 1,000. Run it on an idle machine; a
 * figure is the best of several rounds.
 */
final class DecideTimes {
  private static final int ROUNDS = 12;
  private static final Engine ENGINE = new Engine(Settings.DEFAULTS);
  private static final List<Event> STARTED = List.of(Event.Started.INSTANCE);
  private static final int STEPS = 1_000;

  /** Keeps the compiler from leaving out what nobody looks at. */
  private static long seen;

  private DecideTimes() {}

  public static void main(String[] args) {
    Pass begun = begin(Given.saga(2));
    Pass first = ENGINE.decide(begun, STARTED, Play.START).pass();
    Pass second = ENGINE.decide(first, succeeded(1), Play.START).pass();
    print("2 branches: started", 1_000_000, () -> decide(begun, STARTED));
    print("2 branches: a1 success", 1_000_000, () -> decide(first, succeeded(1)));
    print("2 branches: a2 success", 1_000_000, () -> decide(second, succeeded(3)));

    Pass large = begin(Given.saga(STEPS).concurrent());
    Pass inFlight = ENGINE.decide(large, STARTED, Play.START).pass();
    List<Event> all = new ArrayList<>();
    for (int step = 0; step < STEPS; step++) {
      all.addAll(succeeded(2 * step + 1));
    }
    print("1,000 branches: started", 1_000, () -> decide(large, STARTED));
    print("1,000 branches: one success", 10_000, () -> decide(inFlight, succeeded(STEPS + 1)));
    print("1,000 branches: all at once", 1_000, () -> decide(inFlight, all));
    print("1,000 branches: one after the other", 10, () -> oneAfterTheOther(inFlight, all));
    System.out.println("(" + seen + ")");
  }

  private static Pass begin(Given given) {
    Transaction created = given.transaction(Play.START);
    var schedule = new Schedule(Duration.ofSeconds(10), Play.START.plusSeconds(10));
    State old = created.state();
    var submitted =
        new State(GlobalStatus.SUBMITTED, "", "", old.updateTime(), null, schedule, old.extra());
    return begin(
        new Transaction(created.gid(), created.definition(), submitted, created.branches()));
  }

  private static Pass begin(Transaction transaction) {
    return Pass.begin(transaction, Play.START);
  }

  private static List<Event> succeeded(int row) {
    return List.of(new Event.Answered(row, BranchAnswer.Success.INSTANCE));
  }

  private static void decide(Pass pass, List<Event> events) {
    Instant now = Play.START.plusMillis(1);
    Decision decision = ENGINE.decide(pass, events, now);
    seen += decision.writes().size() + decision.calls().size();
  }

  private static void oneAfterTheOther(Pass inFlight, List<Event> all) {
    Pass pass = inFlight;
    for (Event event : all) {
      pass = ENGINE.decide(pass, List.of(event), Play.START).pass();
    }
    seen += pass.hasInFlight() ? 1 : 0;
  }

  private static void print(String what, int times, Runnable work) {
    long best = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS; round++) {
      long start = System.nanoTime();
      for (int i = 0; i < times; i++) {
        work.run();
      }
      best = Math.min(best, System.nanoTime() - start);
    }
    System.out.printf("%-36s %,12.0f ns%n", what, (double) best / times);
  }
}
