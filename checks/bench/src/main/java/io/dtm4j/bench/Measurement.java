package io.dtm4j.bench;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The figures of one run; as JSON its members are named in snake case.
 *
 * @param counted what was counted: {@code completed} (an answer meant that the final status is
 *     stored) or {@code accepted}
 * @param done transactions that ended as they must within {@code seconds}
 * @param firstError null when there was none
 * @param thirdsPerSecond throughput of each third of the run, so that a drop shows
 * @param note something about the run that a reader of the figures must know; null: nothing
 */
record Measurement(
    String label,
    String work,
    String counted,
    int clients,
    double seconds,
    long done,
    long errors,
    @Nullable String firstError,
    double perSecond,
    Latency latencyMs,
    Cpu cpuMicrosPerTransaction,
    List<Double> thirdsPerSecond,
    String durability,
    @Nullable String note) {

  /** Milliseconds from sending a transaction to its answer. */
  record Latency(double p50, double p99, double p999) {}

  /**
   * CPU time by who used it, in microseconds per transaction.
   *
   * @param server null: not known
   * @param store null: not asked for
   */
  record Cpu(@Nullable Double server, @Nullable Double store, @Nullable Double generator) {

    static Cpu between(CpuMeter.Reading before, CpuMeter.Reading after, long done) {
      return new Cpu(
          each(before.server(), after.server(), done),
          each(before.store(), after.store(), done),
          each(before.generator(), after.generator(), done));
    }

    /** What the server side cost: the server and, when it was counted, its store; null: unknown. */
    @Nullable Double serverSide() {
      Double own = server;
      return own == null ? null : own + (store == null ? 0 : store);
    }

    private static @Nullable Double each(@Nullable Long before, @Nullable Long after, long done) {
      return before == null || after == null || done == 0 ? null : (double) (after - before) / done;
    }
  }

  boolean failed() {
    return errors > 0 || done == 0;
  }
}
