package io.dtm4j.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Two servers measured in turn, A B A B: each pair saw the same machine in the same minute. */
record Comparison(List<Pair> pairs) {
  Comparison {
    pairs = List.copyOf(pairs);
  }

  /** One run of each server. */
  record Pair(Measurement a, Measurement b) {

    Ratios ratios() {
      return new Ratios(
          ratio(a.perSecond(), b.perSecond()),
          ratio(a.cpuMicrosPerTransaction().serverSide(), b.cpuMicrosPerTransaction().serverSide()),
          ratio(a.latencyMs().p50(), b.latencyMs().p50()));
    }

    private static @Nullable Double ratio(@Nullable Double a, @Nullable Double b) {
      return a == null || b == null || b == 0 ? null : a / b;
    }
  }

  /**
   * A's figures divided by B's; null when one of them is missing.
   *
   * @param cpu CPU time per transaction of server and store
   */
  record Ratios(@Nullable Double throughput, @Nullable Double cpu, @Nullable Double p50) {}

  /** The middle and the ends of some values. */
  record Spread(double median, double min, double max) {

    /** Null when there are no values. */
    static @Nullable Spread of(List<Double> values) {
      if (values.isEmpty()) {
        return null;
      }
      List<Double> sorted = values.stream().sorted().toList();
      int middle = sorted.size() / 2;
      double median =
          sorted.size() % 2 == 1
              ? sorted.get(middle)
              : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
      return new Spread(median, sorted.getFirst(), sorted.getLast());
    }
  }

  /** The ratio of all pairs; null when no pair has one. */
  @Nullable Spread spread(Function<Ratios, @Nullable Double> ratio) {
    List<Double> values = new ArrayList<>();
    for (Pair pair : pairs) {
      Double value = ratio.apply(pair.ratios());
      if (value != null) {
        values.add(value);
      }
    }
    return Spread.of(values);
  }

  boolean failed() {
    return pairs.stream().anyMatch(pair -> pair.a().failed() || pair.b().failed());
  }
}
