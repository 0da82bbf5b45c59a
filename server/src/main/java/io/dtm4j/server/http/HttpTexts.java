package io.dtm4j.server.http;

import io.dtm4j.server.metrics.Metrics;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;

/** Texts of HTTP that are sent again and again. */
final class HttpTexts {
  static final CharSequence JSON = HttpHeaders.createOptimized("application/json; charset=utf-8");
  static final CharSequence PLAIN_JSON = HttpHeaders.createOptimized("application/json");
  static final CharSequence PLAIN_TEXT = HttpHeaders.createOptimized("text/plain");
  static final CharSequence METRICS = HttpHeaders.createOptimized(Metrics.CONTENT_TYPE);
  static final CharSequence CLOSE = HttpHeaders.createOptimized("close");
  static final CharSequence USER_AGENT = HttpHeaders.createOptimized("dtm4j");
  static final CharSequence RETRY_AFTER = HttpHeaders.createOptimized("retry-after");
  static final CharSequence KEEP_ALIVE = HttpHeaders.createOptimized("keep-alive");
  static final CharSequence ONE_SECOND = HttpHeaders.createOptimized("1");
  static final CharSequence ZERO = HttpHeaders.createOptimized("0");

  static final Buffer NOT_FOUND = Buffer.buffer("404 page not found");

  private HttpTexts() {}
}
