package io.dtm4j.coordinator;

import java.util.HashSet;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Makes a failing run smaller: leaves faults out, many at first and then one by one, as long as it
 * still fails.
 */
final class Shrinker {
  private static final int MOST_RUNS = 3_000;

  private final long seed;
  private final @Nullable StoreKind kind;
  private int runs;

  private Shrinker(long seed, @Nullable StoreKind kind) {
    this.seed = seed;
    this.kind = kind;
  }

  /**
   * The same failure with fewer faults, or with as many.
   *
   * @param kind of the store; null: the seed decides
   * @param failed a run of that seed with all its faults
   */
  static Simulation.Failure shrink(long seed, @Nullable StoreKind kind, Simulation.Failure failed) {
    return new Shrinker(seed, kind).shrink(failed);
  }

  private Simulation.Failure shrink(Simulation.Failure failed) {
    Simulation.Failure smallest = failed;
    Set<Integer> leftOut = new HashSet<>();
    for (int many = Math.max(1, failed.faultsWanted() / 2); many >= 1; many /= 2) {
      for (int first = 0; first < smallest.faultsWanted() && runs < MOST_RUNS; first += many) {
        Set<Integer> more = new HashSet<>(leftOut);
        IntStream.range(first, first + many).forEach(more::add);
        Simulation.Failure now = more.size() == leftOut.size() ? null : run(more);
        if (now != null && now.isLike(failed)) {
          smallest = now;
          leftOut = more;
        }
      }
    }
    return smallest;
  }

  private Simulation.@Nullable Failure run(Set<Integer> leftOut) {
    runs++;
    return Simulation.run(seed, kind, leftOut).failure();
  }
}
