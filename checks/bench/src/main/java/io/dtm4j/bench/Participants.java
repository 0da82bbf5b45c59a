package io.dtm4j.bench;

import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.Http2Settings;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;

/**
 * The branches that a server under load calls: whatever begins with {@code /refuse} is refused, all
 * else succeeds at once. What comes by HTTP/2 is gRPC. Confined to the event loop that opened it.
 */
final class Participants {
  private static final CharSequence JSON = HttpHeaders.createOptimized("application/json");
  private static final Buffer SUCCESS = Buffer.buffer("{\"dtm_result\":\"SUCCESS\"}");
  private static final Buffer FAILURE = Buffer.buffer("{\"dtm_result\":\"FAILURE\"}");

  /** No limit: a server has one connection to them, whatever the number of clients. */
  private static final long CALLS_PER_CONNECTION = 0xffffffffL;

  private final HttpServer server;
  private long calls;

  private Participants(Vertx vertx) {
    server =
        vertx
            .createHttpServer(
                new HttpServerOptions()
                    .setInitialSettings(
                        new Http2Settings().setMaxConcurrentStreams(CALLS_PER_CONNECTION)))
            // A server that is stopped resets its connections: no reason for a line in the log.
            .connectionHandler(connection -> connection.exceptionHandler(_ -> {}))
            .requestHandler(this::arrived);
  }

  /** Listens on a free port of the loopback address. Blocks: not for the event loop. */
  static Participants open(Vertx vertx) {
    Participants participants = new Participants(vertx);
    participants.server.listen(0, Work.Site.PARTICIPANT_HOST).await();
    return participants;
  }

  int port() {
    return server.actualPort();
  }

  long calls() {
    return calls;
  }

  private void arrived(HttpServerRequest request) {
    request.endHandler(_ -> answer(request));
  }

  private void answer(HttpServerRequest request) {
    calls++;
    if (request.version() == HttpVersion.HTTP_2) {
      request
          .response()
          .putHeader(HttpHeaders.CONTENT_TYPE, GrpcCalls.CONTENT_TYPE)
          .putTrailer(GrpcCalls.STATUS, GrpcCalls.OK)
          .end(GrpcCalls.EMPTY);
      return;
    }
    boolean refused = request.uri().startsWith("/refuse");
    request
        .response()
        .setStatusCode(refused ? 409 : 200)
        .putHeader(HttpHeaders.CONTENT_TYPE, JSON)
        .end(refused ? FAILURE : SUCCESS);
  }
}
