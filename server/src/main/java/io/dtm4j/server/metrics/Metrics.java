package io.dtm4j.server.metrics;

import static java.util.Objects.requireNonNull;

import io.dtm4j.coordinator.Observer;
import io.dtm4j.engine.Trouble;
import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.TransType;
import io.prometheus.metrics.core.datapoints.DistributionDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;

/**
 * Counts what DTM's dashboards show: the families of docs/spec/operations.md 1, under their names.
 * Any thread; counting never blocks for long and allocates nothing, as each series is looked up
 * once. How many series there are does not depend on what strangers ask for.
 */
public final class Metrics implements Observer {
  /** The content type of {@link #text}. */
  public static final String CONTENT_TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

  /** In place of a label's value that anybody could make up. */
  public static final String OTHER = "other";

  private static final double NANOS_PER_SECOND = 1e9;

  /** In seconds. */
  private static final double[] BUCKETS = {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};

  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final PrometheusTextFormatWriter writer = PrometheusTextFormatWriter.create();
  private final Counter requests =
      counter("dtm_server_process_total", "requests answered", "type", "api", "status");
  private final Histogram durations =
      histogram("dtm_server_response_duration", "seconds until the answer", "type", "api");
  private final Map<TransType, Mode> modes = new EnumMap<>(TransType.class);

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
    mode.ages().observe(age.getSeconds() + age.getNano() / NANOS_PER_SECOND);
  }

  @Override
  public void branchCalled(TransType type, BranchKey branch, boolean ok) {
    modeOf(type).branches().of(branch).count(ok);
  }

  /** Counted already, as calls that did not succeed. */
  @Override
  public void troubled(Trouble trouble) {}

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

  private Histogram histogram(String name, String help, String... labels) {
    return Histogram.builder()
        .name(name)
        .help(help)
        .labelNames(labels)
        .classicOnly()
        .classicUpperBounds(BUCKETS)
        .withoutExemplars()
        .register(registry);
  }
}
