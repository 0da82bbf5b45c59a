package io.dtm4j.server.http;

import io.dtm4j.server.metrics.Metrics;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Counts answered requests by route. All that is no route counts as one, so that nobody can make
 * series by asking for paths. Any thread.
 */
final class RequestCounts {
  private final Map<Route, Metrics.Api> routes = new EnumMap<>(Route.class);
  private final Metrics.Api other;

  RequestCounts(Metrics metrics) {
    for (Route route : Route.values()) {
      routes.put(route, metrics.api("http", route.api()));
    }
    other = metrics.api("http", Metrics.OTHER);
  }

  /**
   * A request was answered.
   *
   * @param route null: it was for none
   * @param nanos from its beginning to its answer
   */
  void answered(@Nullable Route route, boolean ok, long nanos) {
    Metrics.Api api = route == null ? other : routes.getOrDefault(route, other);
    api.answered(ok, nanos);
  }
}
