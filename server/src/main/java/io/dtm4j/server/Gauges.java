package io.dtm4j.server;

import io.dtm4j.coordinator.Coordinator;
import io.dtm4j.coordinator.CoordinatorLimits;
import io.dtm4j.coordinator.Readiness;
import io.dtm4j.coordinator.Recovery;
import io.dtm4j.server.grpc.GrpcDoor;
import io.dtm4j.server.http.AlertHook;
import io.dtm4j.server.http.HttpDoor;
import io.dtm4j.server.metrics.Metrics;
import io.dtm4j.store.Committer;
import io.dtm4j.store.Counts;
import io.dtm4j.store.StoreReaders;
import io.dtm4j.store.StoreUnavailableException;
import io.dtm4j.store.TransactionStore;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** What the parts of a server know of themselves, shown whenever somebody looks at its metrics. */
final class Gauges {
  private final Metrics metrics;

  Gauges(Metrics metrics) {
    this.metrics = metrics;
    metrics.gauge(
        "dtm4j_build_info",
        "1; the label says which version it is",
        "version",
        () -> Map.of(Version.TEXT, 1));
  }

  void work(Coordinator coordinator, Recovery recovery, CoordinatorLimits limits) {
    metrics.gauge("dtm4j_open_passes", "transactions that are worked on", coordinator::openPasses);
    metrics.gauge("dtm4j_open_passes_limit", "beyond it new ones are refused", limits::openPasses);
    metrics.gauge("dtm4j_open_pass_bytes", "memory that they take up", coordinator::openBytes);
    metrics.gauge("dtm4j_armed_timers", "transactions that rest and are due soon", recovery::armed);
    metrics.loads(coordinator::destinationLoads);
  }

  void store(TransactionStore store, Committer committer, StoreReaders readers) {
    metrics.gauge(
        "dtm4j_commit_backlog", "writes that wait or are on their way", committer::backlog);
    metrics.gauge("dtm4j_waiting_reads", "reads that wait for a thread", readers::waiting);
    metrics.gauge(
        "dtm4j_unfinished_transactions",
        "transactions in the store without a final status",
        () -> of(store, Counts::unfinished));
    metrics.gauge(
        "dtm4j_overdue_seconds",
        "how late the most overdue transaction in the store is",
        () ->
            of(
                store,
                counts ->
                    counts.earliest() == null
                        ? 0
                        : OldestUnfinished.secondsSince(counts.earliest(), store.storeTime())));
    metrics.gauge(
        "dtm4j_oldest_unfinished_seconds",
        "age of the oldest transaction in the store without a final status",
        new OldestUnfinished(store, System::nanoTime)::seconds);
  }

  private static double of(TransactionStore store, ToDoubleFunction<Counts> value) {
    try {
      return value.applyAsDouble(store.counts());
    } catch (StoreUnavailableException _) {
      return Double.NaN;
    }
  }

  void doors(HttpDoor http, GrpcDoor grpc, Readiness readiness) {
    metrics.gauge(
        "dtm4j_open_requests",
        "requests that are not answered yet",
        "type",
        () -> Map.of("http", http.openRequests(), "grpc", grpc.openCalls()));
    metrics.gauge(
        "dtm4j_ready",
        "1: requests should be sent here, 0: they should not",
        () -> readiness.refusal() == null ? 1 : 0);
  }

  /**
   * @param hook null: there is none
   */
  void alerts(@Nullable AlertHook hook) {
    metrics.counter(
        "dtm4j_alerts_total",
        "alerts, by what became of them",
        "result",
        () -> hook == null ? Map.of("sent", 0L, "failed", 0L, "dropped", 0L) : hook.counts());
    metrics.gauge(
        "dtm4j_alerts_waiting", "alerts that wait", () -> hook == null ? 0 : hook.waiting());
  }
}
