package io.dtm4j.server.http;

import io.netty.handler.codec.http.QueryStringDecoder;
import io.vertx.core.MultiMap;
import io.vertx.core.http.HttpServerRequest;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/**
 * What the url of a request says, also when its client puts urls together without encoding anything
 * (docs/spec/sdk-matrix.md 5.9 and 5.15).
 */
final class RequestUrl {
  private static final int FIRST_BEYOND_ASCII = 0x80;

  /** Others than these are ignored. */
  private static final int MAX_PARAMETERS = 1_000;

  private RequestUrl() {}

  /**
   * The path, not decoded. Slashes that follow each other count as one: an address that ends with a
   * slash leads to {@code /api/dtmsvr//registerBranch}. In the name of a topic all of them count.
   */
  static String path(HttpServerRequest request) {
    String path = request.path();
    if (path == null) {
      return "";
    }
    String beforeName = Route.DELETE_TOPIC.path();
    if (!path.contains("//") || path.startsWith(beforeName)) {
      return path;
    }
    var single = new StringBuilder(path.length());
    for (int i = 0; i < path.length(); i++) {
      if (path.charAt(i) != '/' || i == 0 || path.charAt(i - 1) != '/') {
        single.append(path.charAt(i));
      }
      if (single.length() == beforeName.length() && beforeName.contentEquals(single)) {
        return single.append(path, i + 1, path.length()).toString();
      }
    }
    return single.toString();
  }

  /**
   * What stands behind the question mark, by name in any letter case. A semicolon divides nothing.
   *
   * @throws IllegalArgumentException when it cannot be decoded
   */
  static MultiMap parameters(HttpServerRequest request) {
    MultiMap parameters = MultiMap.caseInsensitiveMultiMap();
    new QueryStringDecoder(
            encoded(request.uri()), StandardCharsets.UTF_8, true, MAX_PARAMETERS, true)
        .parameters()
        .forEach(parameters::add);
    return parameters;
  }

  /**
   * A part of a path, decoded. There, unlike behind the question mark, a plus is a plus.
   *
   * @throws IllegalArgumentException when it cannot be decoded
   */
  static String decoded(String part) {
    return QueryStringDecoder.decodeComponent(
        encoded(part).replace("+", "%2B"), StandardCharsets.UTF_8);
  }

  /** Netty makes a character of each byte; those that are no ASCII are UTF-8 not encoded. */
  private static String encoded(String url) {
    if (url.chars().allMatch(c -> c < FIRST_BEYOND_ASCII)) {
      return url;
    }
    var encoded = new StringBuilder(2 * url.length());
    for (int i = 0; i < url.length(); i++) {
      char c = url.charAt(i);
      if (c < FIRST_BEYOND_ASCII) {
        encoded.append(c);
      } else {
        encoded.append('%').append(HexFormat.of().toHexDigits((byte) c));
      }
    }
    return encoded.toString();
  }
}
