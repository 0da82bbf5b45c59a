package io.dtm4j.bench;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.net.HostAndPort;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Calls of a server's gRPC service {@code dtmgimp.Dtm} whose answers are empty or do not matter:
 * HTTP/2 with messages that are encoded already. All clients share one connection, as those of a
 * gRPC library do.
 */
final class GrpcCalls {
  static final CharSequence CONTENT_TYPE = HttpHeaders.createOptimized("application/grpc");
  static final String STATUS = "grpc-status";
  static final String OK = "0";

  /** What stands before each message: a zero for "not compressed", and its length in four bytes. */
  static final int PREFIX_BYTES = 5;

  /** The framed message without fields. */
  static final Buffer EMPTY = Buffer.buffer(new byte[PREFIX_BYTES]);

  private static final String MESSAGE = "grpc-message";
  private static final CharSequence TE = HttpHeaders.createOptimized("te");
  private static final CharSequence TRAILERS = HttpHeaders.createOptimized("trailers");

  private final HttpClient http2;
  private final HostAndPort server;

  /**
   * @param http2 speaks HTTP/2 from the first byte on
   */
  GrpcCalls(HttpClient http2, HostAndPort server) {
    this.http2 = http2;
    this.server = server;
  }

  /**
   * Calls a method. Calls {@code done} once: with null when it succeeded, else with what went
   * wrong.
   */
  void call(String method, Buffer framed, Consumer<@Nullable String> done) {
    http2
        .request(HttpMethod.POST, server.port(), server.host(), "/dtmgimp.Dtm/" + method)
        .onComplete(
            (request, failure) -> {
              if (failure == null) {
                write(method, request, framed, done);
              } else {
                failed(method, failure, done);
              }
            });
  }

  private void write(
      String method, HttpClientRequest request, Buffer framed, Consumer<@Nullable String> done) {
    request
        .putHeader(HttpHeaders.CONTENT_TYPE, CONTENT_TYPE)
        .putHeader(TE, TRAILERS)
        .send(framed)
        .onComplete(
            (response, failure) -> {
              if (failure == null) {
                read(method, response, done);
              } else {
                failed(method, failure, done);
              }
            });
  }

  private void read(String method, HttpClientResponse response, Consumer<@Nullable String> done) {
    response
        .end()
        .onComplete(
            (_, failure) -> {
              if (failure != null) {
                failed(method, failure, done);
              } else if (OK.equals(trailer(response, STATUS))) {
                done.accept(null);
              } else {
                done.accept(
                    "%s over gRPC: status %s (expected: %s) %s"
                        .formatted(
                            method, trailer(response, STATUS), OK, trailer(response, MESSAGE)));
              }
            });
  }

  /** Of an answer without a message, which is a refusal, they are among the headers. */
  private static @Nullable String trailer(HttpClientResponse response, String name) {
    String value = response.getTrailer(name);
    return value == null ? response.getHeader(name) : value;
  }

  private void failed(String method, Throwable failure, Consumer<@Nullable String> done) {
    String text = failure.getMessage();
    done.accept("%s over gRPC at %s: %s".formatted(method, server, text == null ? failure : text));
  }
}
