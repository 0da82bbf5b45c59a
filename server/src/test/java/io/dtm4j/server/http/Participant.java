package io.dtm4j.server.http;

import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** A service that takes part in transactions, with answers by path. */
final class Participant implements AutoCloseable {
  /**
   * A call as it came.
   *
   * @param headers by lower-case name
   */
  record Called(
      String method, String path, String query, Map<String, String> headers, String body) {}

  final LinkedBlockingQueue<Called> calls = new LinkedBlockingQueue<>();
  final AtomicInteger connections = new AtomicInteger();
  private final HttpServer server;
  private final String origin;

  Participant(
      Vertx vertx,
      HttpServerOptions options,
      String host,
      Map<String, Consumer<HttpServerRequest>> answers) {
    server =
        vertx
            .createHttpServer(options)
            .connectionHandler(_ -> connections.incrementAndGet())
            .requestHandler(
                request ->
                    request
                        .body()
                        .onSuccess(
                            body -> {
                              Map<String, String> headers = new LinkedHashMap<>();
                              request
                                  .headers()
                                  .forEach(
                                      header ->
                                          headers.merge(
                                              header.getKey().toLowerCase(Locale.ROOT),
                                              header.getValue(),
                                              (a, b) -> a + "," + b));
                              calls.add(
                                  new Called(
                                      request.method().name(),
                                      String.valueOf(request.path()),
                                      String.valueOf(request.query()),
                                      headers,
                                      body.toString()));
                              answers
                                  .getOrDefault(
                                      String.valueOf(request.path()), r -> r.response().end())
                                  .accept(request);
                            }))
            .listen(0, host)
            .await();
    String shown = host.contains(":") ? "[" + host + "]" : host;
    origin = (options.isSsl() ? "https://" : "http://") + shown + ":" + server.actualPort();
  }

  String url(String path) {
    return origin + path;
  }

  int port() {
    return server.actualPort();
  }

  @Override
  public void close() {
    server.close().await();
  }
}
