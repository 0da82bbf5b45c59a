package io.dtm4j.server.metrics;

import io.dtm4j.coordinator.DestinationLoad;
import io.dtm4j.coordinator.Observer;
import io.dtm4j.protocol.BranchAnswer;
import io.prometheus.metrics.core.datapoints.CounterDataPoint;
import io.prometheus.metrics.core.datapoints.DistributionDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Histogram;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.ToIntFunction;

/**
 * The calls of each destination. Clients choose the addresses, and each new one would be a score of
 * series for ever. So the first {@value #MAX} have series of their own; all others share one,
 * {@code other}. Thread-safe.
 */
final class DestinationCounts {
  static final int MAX = 50;

  /** The longest that is shown, in characters. */
  private static final int LONGEST = 100;

  private static final String SCHEME_END = "://";

  private final Counter calls;
  private final Histogram times;
  private final Counter deferrals;
  private final ConcurrentMap<String, Series> known = new ConcurrentHashMap<>();
  private final Series other;

  /**
   * @param calls with the labels {@code destination} and {@code outcome}
   * @param times with the label {@code destination}
   * @param deferrals with the labels {@code destination} and {@code reason}
   */
  DestinationCounts(Counter calls, Histogram times, Counter deferrals) {
    this.calls = calls;
    this.times = times;
    this.deferrals = deferrals;
    other = new Series(Metrics.OTHER);
  }

  /** Where the calls of an address are counted. */
  Observer.Destination of(String address) {
    String name = nameOf(address);
    Series series = known.get(name);
    if (series != null) {
      return series;
    }
    return name.length() <= LONGEST ? add(name) : other;
  }

  /** One at a time, so that there are never more. */
  private synchronized Series add(String name) {
    return known.size() < MAX
        ? known.computeIfAbsent(name, Series::new)
        : known.getOrDefault(name, other);
  }

  /** A value of each destination, by the name under which it is shown. */
  Map<String, Integer> byName(List<DestinationLoad> loads, ToIntFunction<DestinationLoad> value) {
    var values = new TreeMap<String, Integer>();
    values.put(Metrics.OTHER, 0);
    known.keySet().forEach(name -> values.put(name, 0));
    for (DestinationLoad load : loads) {
      String name = nameOf(load.address());
      values.merge(
          known.containsKey(name) ? name : Metrics.OTHER, value.applyAsInt(load), Integer::sum);
    }
    return values;
  }

  /** An address without the user, who may have a password. */
  private static String nameOf(String address) {
    int at = address.lastIndexOf('@');
    if (at < 0) {
      return address;
    }
    int scheme = address.indexOf(SCHEME_END);
    String prefix = scheme < 0 ? "" : address.substring(0, scheme + SCHEME_END.length());
    return prefix + address.substring(at + 1);
  }

  private final class Series implements Observer.Destination {
    private final CounterDataPoint success;
    private final CounterDataPoint failure;
    private final CounterDataPoint ongoing;
    private final CounterDataPoint unknown;
    private final CounterDataPoint unreached;
    private final DistributionDataPoint time;
    private final CounterDataPoint full;
    private final CounterDataPoint unreachable;

    Series(String name) {
      success = calls.labelValues(name, "success");
      failure = calls.labelValues(name, "failure");
      ongoing = calls.labelValues(name, "ongoing");
      unknown = calls.labelValues(name, "unknown");
      unreached = calls.labelValues(name, "unreachable");
      time = times.labelValues(name);
      full = deferrals.labelValues(name, "full");
      unreachable = deferrals.labelValues(name, "unreachable");
    }

    @Override
    public void called(BranchAnswer answer, boolean unreachable, long nanos) {
      CounterDataPoint outcome =
          switch (answer) {
            case BranchAnswer.Success _ -> success;
            case BranchAnswer.Failure _ -> failure;
            case BranchAnswer.Ongoing _ -> ongoing;
            case BranchAnswer.Unknown _ -> unreachable ? unreached : unknown;
          };
      outcome.inc(1L);
      time.observe(nanos / Metrics.NANOS_PER_SECOND);
    }

    @Override
    public void deferred(Observer.Deferral why) {
      CounterDataPoint reason =
          switch (why) {
            case FULL -> full;
            case UNREACHABLE -> unreachable;
          };
      reason.inc(1L);
    }
  }
}
