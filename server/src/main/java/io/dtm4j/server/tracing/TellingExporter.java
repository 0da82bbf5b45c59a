package io.dtm4j.server.tracing;

import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.time.Duration;
import java.util.Collection;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says in the log that spans do not reach the collector: when that begins, every ten minutes while
 * it lasts, and when it is over. OpenTelemetry itself would log a stack trace for each export,
 * which is turned off where logging starts. Any thread.
 */
final class TellingExporter implements SpanExporter {
  private static final Logger log = LoggerFactory.getLogger(TellingExporter.class);

  static final Duration AGAIN_AFTER = Duration.ofMinutes(10);

  private final SpanExporter exporter;
  private final LongSupplier nanoTime;

  private boolean failing;
  private long toldAt;

  /** Spans since that was told last. */
  private long notDelivered;

  /**
   * @param exporter who delivers; shut down with this
   * @param nanoTime the monotonic clock
   */
  TellingExporter(SpanExporter exporter, LongSupplier nanoTime) {
    this.exporter = exporter;
    this.nanoTime = nanoTime;
  }

  @Override
  public CompletableResultCode export(Collection<SpanData> spans) {
    int count = spans.size();
    CompletableResultCode result = exporter.export(spans);
    return result.whenComplete(() -> ended(result, count));
  }

  private synchronized void ended(CompletableResultCode result, int spans) {
    if (result.isSuccess()) {
      if (failing) {
        log.info("spans reach the collector again");
      }
      failing = false;
      notDelivered = 0;
      return;
    }
    long now = nanoTime.getAsLong();
    notDelivered += spans;
    if (failing && now - toldAt < AGAIN_AFTER.toNanos()) {
      return;
    }
    log.atWarn()
        .addKeyValue("spans", notDelivered)
        .addKeyValue("cause", causeOf(result))
        .log("spans do not reach the collector and are lost, transactions go on");
    failing = true;
    toldAt = now;
    notDelivered = 0;
  }

  private static String causeOf(CompletableResultCode result) {
    Throwable trouble = result.getFailureThrowable();
    // OpenTelemetry wraps what happened in an exception of its own, which is empty for an answer.
    Throwable cause = trouble == null ? null : trouble.getCause();
    if (cause == null) {
      return "the collector does not accept them (LogLevel debug says how)";
    }
    return cause.getMessage() == null ? cause.toString() : cause.getMessage();
  }

  @Override
  public CompletableResultCode flush() {
    return exporter.flush();
  }

  @Override
  public CompletableResultCode shutdown() {
    return exporter.shutdown();
  }
}
