package io.dtm4j.server.metrics;

import io.prometheus.metrics.core.datapoints.CounterDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import java.util.stream.Stream;

/** Two counters that differ in their last label, the status. Both are there from the beginning. */
record Outcomes(CounterDataPoint ok, CounterDataPoint fail) {
  /**
   * @param labels the values of all labels but the status
   */
  static Outcomes of(Counter counter, String... labels) {
    return new Outcomes(with(counter, labels, "ok"), with(counter, labels, "fail"));
  }

  private static CounterDataPoint with(Counter counter, String[] labels, String status) {
    return counter.labelValues(
        Stream.concat(Stream.of(labels), Stream.of(status)).toArray(String[]::new));
  }

  void count(boolean isOk) {
    (isOk ? ok : fail).inc(1L);
  }
}
