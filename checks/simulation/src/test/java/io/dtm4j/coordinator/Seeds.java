package io.dtm4j.coordinator;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** Runs many seeds, each twice, on all processors. */
final class Seeds {
  private static final int LINES_SHOWN = Integer.getInteger("simulation.lines", 40);

  private Seeds() {}

  /**
   * Runs seeds until one fails.
   *
   * @param kind of the store; null: each seed decides
   * @param progress told how many seeds have run, now and then, by any thread
   * @return what is wrong with the first one that fails, for people; null: nothing
   */
  static @Nullable String run(
      long first, long count, @Nullable StoreKind kind, LongConsumer progress) {
    var done = new AtomicLong();
    return LongStream.range(first, first + count)
        .parallel()
        .mapToObj(
            seed -> {
              String report = run(seed, kind);
              progress.accept(done.incrementAndGet());
              return report;
            })
        .filter(report -> !report.isEmpty())
        .findAny()
        .orElse(null);
  }

  /** What is wrong with a seed, for people; "": nothing. */
  private static String run(long seed, @Nullable StoreKind kind) {
    Simulation.Outcome outcome = Simulation.run(seed, kind);
    Simulation.Failure failure = outcome.failure();
    if (failure != null) {
      return report(seed, kind, failure, Shrinker.shrink(seed, kind, failure));
    }
    List<String> again = Simulation.run(seed, kind).trace();
    if (again.equals(outcome.trace())) {
      return "";
    }
    return "seed "
        + seed
        + " runs differently the second time"
        + difference(outcome.trace(), again);
  }

  private static String difference(List<String> trace, List<String> again) {
    for (int i = 0; i < Math.min(trace.size(), again.size()); i++) {
      if (!trace.get(i).equals(again.get(i))) {
        return ": first " + trace.get(i) + ", then " + again.get(i);
      }
    }
    return ": " + trace.size() + " events, then " + again.size();
  }

  private static String report(
      long seed,
      @Nullable StoreKind kind,
      Simulation.Failure failure,
      Simulation.Failure smallest) {
    List<String> trace = smallest.trace();
    List<String> lines = new ArrayList<>();
    lines.add("seed " + seed + ": " + failure.what());
    lines.add(
        "with %d of its %d faults:".formatted(smallest.faults().size(), failure.faults().size()));
    lines.addAll(smallest.faults());
    lines.add("which leads to: " + smallest.what());
    lines.addAll(trace.subList(Math.max(0, trace.size() - LINES_SHOWN), trace.size()));
    String store = kind == null ? "" : " --store " + kind.optionName();
    lines.add("once more: ./dtm4j simulate --seed " + seed + store);
    return String.join("\n", lines);
  }
}
