package io.dtm4j.server.metrics;

import static java.util.Objects.requireNonNull;

import io.dtm4j.coordinator.DestinationLoad;
import io.dtm4j.coordinator.Observer;
import io.dtm4j.engine.Trouble;
import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.TransType;
import io.dtm4j.store.CommitObserver;
import io.prometheus.metrics.core.datapoints.CounterDataPoint;
import io.prometheus.metrics.core.datapoints.DistributionDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;

/**
 * Counts what DTM's dashboards show, the families of docs/spec/operations.md 1 under their names,
 * and beside them what only this server has, under names that begin with {@code dtm4j_}. Any
 * thread; counting never blocks for long and allocates nothing, as each series is looked up once.
 * What somebody knows anyhow is not counted, but read when the page is made. How many series there
 * are does not depend on what strangers ask for.
 */
public final class Metrics implements Observer, CommitObserver {
  /** The content type of {@link #text}. */
  public static final String CONTENT_TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

  /** In place of a label's value that anybody could make up. */
  public static final String OTHER = "other";

  static final double NANOS_PER_SECOND = 1e9;

  /** In seconds. */
  private static final double[] BUCKETS = {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};

  /** In seconds, for what takes less than a millisecond when all is well. */
  private static final double[] FINE_BUCKETS = {
    .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5
  };

  /** In seconds, few, as each destination has them. */
  private static final double[] CALL_BUCKETS = {.001, .005, .01, .05, .1, .5, 1, 3};

  private static final double[] BATCH_BUCKETS = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024};

  private static final String DESTINATION = "destination";

  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final PrometheusTextFormatWriter writer = PrometheusTextFormatWriter.create();
  private final Counter requests =
      counter("dtm_server_process_total", "requests answered", "type", "api", "status");
  private final Histogram durations =
      histogram("dtm_server_response_duration", "seconds until the answer", BUCKETS, "type", "api");
  private final Map<TransType, Mode> modes = new EnumMap<>(TransType.class);
  private final DistributionDataPoint commitTimes =
      histogram("dtm4j_commit_seconds", "seconds that the store took for a group", FINE_BUCKETS)
          .labelValues();
  private final DistributionDataPoint commitBatches =
      histogram("dtm4j_commit_batches", "batches that were committed in one group", BATCH_BUCKETS)
          .labelValues();
  private final CounterDataPoint commitRepeats =
      counter("dtm4j_commit_repeats_total", "writes sent again, as their outcome was not known")
          .labelValues();
  private final DistributionDataPoint lateness =
      histogram(
              "dtm4j_timer_lateness_seconds",
              "seconds by which timers of transactions fired late",
              FINE_BUCKETS)
          .labelValues();
  private final CounterDataPoint dropped =
      counter("dtm4j_passes_dropped_total", "passes that could not go on, by a defect")
          .labelValues();
  private final DestinationCounts destinations =
      new DestinationCounts(
          counter(
              "dtm4j_calls_total",
              "calls that came to their end: of branches, check-backs and resumes",
              DESTINATION,
              "outcome"),
          histogram(
              "dtm4j_call_seconds",
              "seconds from a place to the answer",
              CALL_BUCKETS,
              DESTINATION),
          counter(
              "dtm4j_calls_deferred_total",
              "calls that did not leave, so that their passes rest",
              DESTINATION,
              "reason"));

  /** What is counted of the transactions of a mode. */
  private record Mode(Outcomes passes, DistributionDataPoint ages, BranchCounts branches) {}

  /**
   * @param httpLibrary what carries HTTP; shown as {@code gin_version}
   * @param grpcLibrary what carries gRPC; shown as {@code grpc_version}
   */
  public Metrics(String httpLibrary, String grpcLibrary) {
    Gauge.builder()
        .name("dtm_server_info")
        .help("1; the labels say what carries HTTP and gRPC")
        .labelNames("gin_version", "grpc_version")
        .withoutExemplars()
        .register(registry)
        .labelValues(httpLibrary, grpcLibrary)
        .set(1);
    Counter ended = counter("dtm_transaction_process_total", "passes ended", "model", "status");
    Histogram ages =
        histogram(
            "dtm_transaction_handled_duration",
            "seconds from the creation of a transaction to the end of each of its passes",
            BUCKETS,
            "model");
    Counter calls =
        counter(
            "dtm_branch_process_total",
            "calls of branches answered",
            "model",
            "branchid",
            "branchtype",
            "status");
    for (TransType type : TransType.values()) {
      String model = type.wireName();
      modes.put(
          type,
          new Mode(
              Outcomes.of(ended, model), ages.labelValues(model), new BranchCounts(calls, model)));
    }
    JvmMetrics.register(registry);
  }

  /** What is counted of one operation of a door. */
  public static final class Api {
    private final Outcomes answered;
    private final DistributionDataPoint durations;

    private Api(Outcomes answered, DistributionDataPoint durations) {
      this.answered = answered;
      this.durations = durations;
    }

    /** A request was answered, so many nanoseconds after it began. */
    public void answered(boolean ok, long nanos) {
      answered.count(ok);
      durations.observe(nanos / NANOS_PER_SECOND);
    }
  }

  /**
   * The series of an operation; to be kept.
   *
   * @param type {@code http} or {@code grpc}
   * @param name none that clients can choose
   */
  public Api api(String type, String name) {
    return new Api(Outcomes.of(requests, type, name), durations.labelValues(type, name));
  }

  @Override
  public void passEnded(TransType type, boolean ok, Duration age) {
    Mode mode = modeOf(type);
    mode.passes().count(ok);
    mode.ages().observe(seconds(age));
  }

  @Override
  public void branchCalled(TransType type, BranchKey branch, boolean ok) {
    modeOf(type).branches().of(branch).count(ok);
  }

  /** Counted already, as calls that did not succeed. */
  @Override
  public void troubled(Trouble trouble) {}

  @Override
  public void passDropped() {
    dropped.inc(1L);
  }

  @Override
  public void timerFired(Duration late) {
    lateness.observe(seconds(late));
  }

  @Override
  public Destination destination(String address) {
    return destinations.of(address);
  }

  @Override
  public void committed(int batches, long nanos) {
    commitTimes.observe(nanos / NANOS_PER_SECOND);
    commitBatches.observe(batches);
  }

  @Override
  public void repeated() {
    commitRepeats.inc(1L);
  }

  private static double seconds(Duration duration) {
    return duration.getSeconds() + duration.getNano() / NANOS_PER_SECOND;
  }

  /**
   * Shows a value that is read whenever a page is made, by {@link #text}'s thread.
   *
   * @param value NaN: not known at the moment
   */
  public void gauge(String name, String help, DoubleSupplier value) {
    GaugeWithCallback.builder()
        .name(name)
        .help(help)
        .callback(callback -> callback.call(value.getAsDouble()))
        .register(registry);
  }

  /**
   * Shows several values that are read whenever a page is made.
   *
   * @param values by the label's value; none that clients can choose
   */
  public void gauge(String name, String help, String label, Supplier<Map<String, Integer>> values) {
    GaugeWithCallback.builder()
        .name(name)
        .help(help)
        .labelNames(label)
        .callback(callback -> values.get().forEach((key, value) -> callback.call(value, key)))
        .register(registry);
  }

  /**
   * Shows several counts that somebody else keeps, read whenever a page is made.
   *
   * @param values by the label's value; none that clients can choose
   */
  public void counter(String name, String help, String label, Supplier<Map<String, Long>> values) {
    CounterWithCallback.builder()
        .name(name)
        .help(help)
        .labelNames(label)
        .callback(callback -> values.get().forEach((key, value) -> callback.call(value, key)))
        .register(registry);
  }

  /** Shows what destinations have to do, read whenever a page is made. */
  public void loads(Supplier<List<DestinationLoad>> loads) {
    gauge(
        "dtm4j_calls_in_flight",
        "calls that have a place",
        DESTINATION,
        () -> destinations.byName(loads.get(), DestinationLoad::inFlight));
    gauge(
        "dtm4j_calls_waiting",
        "calls that wait for a place",
        DESTINATION,
        () -> destinations.byName(loads.get(), DestinationLoad::waiting));
  }

  private Mode modeOf(TransType type) {
    return requireNonNull(modes.get(type), "all are there");
  }

  /**
   * All families in Prometheus' text format. Takes a while the first time, and waits for the
   * observations of this moment: not for event loops.
   */
  public byte[] text() {
    var bytes = new ByteArrayOutputStream();
    try {
      writer.write(bytes, registry.scrape());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  private Counter counter(String name, String help, String... labels) {
    return Counter.builder()
        .name(name)
        .help(help)
        .labelNames(labels)
        .withoutExemplars()
        .register(registry);
  }

  private Histogram histogram(String name, String help, double[] buckets, String... labels) {
    return Histogram.builder()
        .name(name)
        .help(help)
        .labelNames(labels)
        .classicOnly()
        .classicUpperBounds(buckets)
        .withoutExemplars()
        .register(registry);
  }
}
