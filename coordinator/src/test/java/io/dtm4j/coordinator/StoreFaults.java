package io.dtm4j.coordinator;

import io.dtm4j.store.FaultyStore;
import io.dtm4j.store.FaultyStore.Fault;
import io.dtm4j.store.TransactionStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A bad time of the store below any test: the system property {@code coordinator.storeFaults},
 * {@code PERCENT} or {@code PERCENT,SEED}, fails so many writes of a hundred, without effect, after
 * it, or with an effect that comes late. Each test has choices of its own, the same whenever it
 * runs. The lane sends the same again in the same instant, so what a test says of times holds. What
 * counts the writes of the store has the tag {@code counts-writes} and is left out. How often what
 * has happened stands in {@code target/store-faults.txt} afterwards.
 */
final class StoreFaults {
  private static final @Nullable String TOLD = System.getProperty("coordinator.storeFaults");
  private static final Path REPORT = Path.of("target", "store-faults.txt");
  private static final Map<Fault, LongAdder> COUNTS = new ConcurrentHashMap<>();

  private static volatile String test = "";

  /** Of the writes of one committer. None of them takes longer: time is virtual. */
  private static final class Plan implements FaultyStore.Plan {
    private final String told;
    private FaultyStore.@Nullable Plan badTime;

    Plan(String told) {
      this.told = told;
    }

    @Override
    public Fault next(String method) {
      Fault fault = badTime().next(method);
      if (fault != Fault.NONE && method.equals("claimDue")) {
        // What a sweep has claimed unheard is only due again when that lease ends (R6), so it never
        // has.
        fault = Fault.BEFORE_EFFECT;
      }
      COUNTS.computeIfAbsent(fault, _ -> new LongAdder()).increment();
      return fault;
    }

    @Override
    public boolean lands() {
      return badTime().lands();
    }

    /** Made by the first write: a committer may be older than the test that it is for. */
    private FaultyStore.Plan badTime() {
      if (badTime == null) {
        badTime = FaultyStore.badTime(told, 31L * test.hashCode());
      }
      return badTime;
    }
  }

  /** The store as a committer sees it. */
  static TransactionStore before(TransactionStore store) {
    return TOLD == null ? store : new FaultyStore(store, new Plan(TOLD));
  }

  /** From now on that test makes the choices. */
  static void begin(String testId) {
    test = testId;
  }

  static boolean areWanted() {
    return TOLD != null;
  }

  /** Writes down what has happened so far. */
  static void report() throws IOException {
    Files.writeString(
        REPORT,
        Arrays.stream(Fault.values())
            .map(fault -> fault + "=" + COUNTS.getOrDefault(fault, new LongAdder()))
            .collect(Collectors.joining(" ", "", "\n")));
  }
}
