package io.dtm4j.server.http;

import io.vertx.core.http.HttpMethod;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The operations of the HTTP API that this server has: docs/spec/http-api.md 2. */
enum Route {
  SUBMIT("/api/dtmsvr/submit", "POST"),
  PREPARE("/api/dtmsvr/prepare", "POST"),
  ABORT("/api/dtmsvr/abort", "POST"),
  FORCE_STOP("/api/dtmsvr/forceStop", "POST"),
  REGISTER_BRANCH("/api/dtmsvr/registerBranch", "POST"),
  REGISTER_XA_BRANCH("/api/dtmsvr/registerXaBranch", "POST"),
  REGISTER_TCC_BRANCH("/api/dtmsvr/registerTccBranch", "POST"),
  PREPARE_WORKFLOW("/api/dtmsvr/prepareWorkflow", "POST"),
  RESET_NEXT_CRON_TIME("/api/dtmsvr/resetNextCronTime", "POST"),
  NEW_GID("/api/dtmsvr/newGid", "GET"),
  QUERY("/api/dtmsvr/query", "GET"),
  ALL("/api/dtmsvr/all", "GET"),
  RESET_CRON_TIME("/api/dtmsvr/resetCronTime", "GET"),
  SUBSCRIBE("/api/dtmsvr/subscribe", "GET"),
  UNSUBSCRIBE("/api/dtmsvr/unsubscribe", "GET"),
  /** The name of the topic follows. */
  DELETE_TOPIC("/api/dtmsvr/topic/", "DELETE"),
  SCAN_KV("/api/dtmsvr/scanKV", "GET"),
  QUERY_KV("/api/dtmsvr/queryKV", "GET"),
  VERSION("/api/dtmsvr/version", "GET"),
  JSON_RPC("/api/json-rpc", "POST"),
  METRICS("/api/metrics", "GET"),
  OPEN_API("/api/openapi.json", "GET"),
  PING("/api/ping", null),
  READY("/api/ready", null),
  SERVERS("/api/servers", "GET");

  private static final Map<String, Route> BY_PATH =
      Arrays.stream(values()).collect(Collectors.toMap(route -> route.path, Function.identity()));

  private final String path;
  private final @Nullable String method;

  /**
   * @param method null: any
   */
  Route(String path, @Nullable String method) {
    this.path = path;
    this.method = method;
  }

  /** The only method that it has; null: any. */
  @Nullable String method() {
    return method;
  }

  /** All of it, or what comes before the name of a topic. */
  String path() {
    return path;
  }

  /** Whether it registers a branch. */
  boolean isRegistration() {
    return this == REGISTER_BRANCH || this == REGISTER_XA_BRANCH || this == REGISTER_TCC_BRANCH;
  }

  /** Its name among the metrics: {@code newgid}. */
  String api() {
    String name = path.endsWith("/") ? path.substring(0, path.length() - 1) : path;
    return name.substring(name.lastIndexOf('/') + 1).toLowerCase(Locale.ROOT);
  }

  /** What a request is for; null: there is no such path, or not with this method. */
  static @Nullable Route of(HttpMethod method, String path) {
    Route route = path.startsWith(DELETE_TOPIC.path) ? DELETE_TOPIC : BY_PATH.get(path);
    return route != null && (route.method == null || route.method.equals(method.name()))
        ? route
        : null;
  }

  /** The route of a path with a slash too many at its end; null: there is none. */
  static @Nullable Route ofSlashed(HttpMethod method, String path) {
    return path.endsWith("/") && path.length() > 1
        ? of(method, path.substring(0, path.length() - 1))
        : null;
  }
}
