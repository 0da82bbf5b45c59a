package io.dtm4j.bench;

import java.time.Duration;
import java.util.List;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * What happened in one stretch of time; what ends before or after it is not counted. Confined to
 * one thread at a time, so that recording takes no lock.
 */
final class Tally {
  private static final long LONGEST_MICROS = Duration.ofMinutes(2).toNanos() / 1000;

  private final long start;
  private final long length;
  private final Histogram micros = new Histogram(LONGEST_MICROS, 3);
  private final long[] thirds = new long[3];
  private long errors;
  private @Nullable String firstError;

  /** Counts from {@code start}, a reading of {@link System#nanoTime()}. */
  Tally(long start, Duration length) {
    this.start = start;
    this.length = length.toNanos();
  }

  void completed(long began, long ended) {
    if (counts(ended)) {
      thirds[(int) ((ended - start) * 3 / length)]++;
      micros.recordValue(Math.min((ended - began) / 1000, LONGEST_MICROS));
    }
  }

  void failed(String error, long ended) {
    if (counts(ended)) {
      fail(1, error);
    }
  }

  /** Adds errors that have no time of their own, such as answers that never came. */
  void fail(long count, String error) {
    errors += count;
    if (firstError == null) {
      firstError = error;
    }
  }

  long done() {
    return thirds[0] + thirds[1] + thirds[2];
  }

  long errors() {
    return errors;
  }

  @Nullable String firstError() {
    return firstError;
  }

  double seconds() {
    return length / 1e9;
  }

  double perSecond() {
    return done() / seconds();
  }

  /** Throughput of the first, second and last third, in transactions per second. */
  List<Double> thirdsPerSecond() {
    double third = seconds() / 3;
    return List.of(thirds[0] / third, thirds[1] / third, thirds[2] / third);
  }

  /** The latency that so many percent of the transactions did not exceed; 0 when there are none. */
  double milliseconds(double percentile) {
    return micros.getValueAtPercentile(percentile) / 1000.0;
  }

  private boolean counts(long ended) {
    long at = ended - start;
    return at >= 0 && at < length;
  }
}
