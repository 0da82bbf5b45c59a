package io.dtm4j.protocol;

import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * The url of a gRPC branch taken apart: {@code host:port/package.Service/Method}
 * (docs/spec/branch-calls.md 7.1).
 *
 * @param target where to connect to, {@code host:port}
 * @param method the full name of the method, without the slash before it
 */
public record GrpcAddress(String target, String method) {
  private static final int MAX_PORT = 65_535;
  private static final int PORT_DIGITS = 5;

  /**
   * Reads a url.
   *
   * @throws IllegalArgumentException with the reason, when it cannot be called
   */
  public static GrpcAddress of(String url) {
    String problem = problemOf(url);
    if (problem != null) {
      throw new IllegalArgumentException(problem);
    }
    int slash = url.indexOf('/');
    return new GrpcAddress(url.substring(0, slash), url.substring(slash + 1));
  }

  /** Whether {@link #of} reads it. Cheap for urls that are none, which most are. */
  public static boolean isOne(String url) {
    return problemOf(url) == null;
  }

  private static @Nullable String problemOf(String url) {
    if (url.contains("://")) {
      return "url with a scheme (expected: host:port/package.Service/Method)";
    }
    if (!isPrintable(url)) {
      return "url with blanks or characters that are no ASCII";
    }
    int slash = url.indexOf('/');
    return slash < 0 || slash == url.length() - 1 || !isTarget(url.substring(0, slash))
        ? "url without target or method (expected: host:port/package.Service/Method)"
        : null;
  }

  private static boolean isTarget(String target) {
    int colon = target.lastIndexOf(':');
    return colon > 0 && isHost(target.substring(0, colon)) && isPort(target.substring(colon + 1));
  }

  private static boolean isHost(String host) {
    boolean bracketed = host.startsWith("[") && host.endsWith("]"); // an IPv6 address
    String name = bracketed ? host.substring(1, host.length() - 1) : host;
    String others = bracketed ? ":." : ".-_";
    return !name.isEmpty() && areAll(name, c -> isLetterOrDigit(c) || others.indexOf(c) >= 0);
  }

  private static boolean isLetterOrDigit(int c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  }

  private static boolean isPort(String text) {
    return !text.isEmpty()
        && text.length() <= PORT_DIGITS
        && areAll(text, c -> c >= '0' && c <= '9')
        && Integer.parseInt(text) <= MAX_PORT;
  }

  private static boolean isPrintable(String text) {
    return areAll(text, c -> c > ' ' && c <= '~');
  }

  /** Whether a text can be the value of metadata: gRPC sends nothing else. */
  public static boolean isMetadata(String value) {
    return areAll(value, c -> c >= ' ' && c <= '~');
  }

  /** Whether a text can be the key of metadata, in whichever letter case. */
  public static boolean isMetadataKey(String key) {
    return !key.isEmpty() && areAll(key, c -> isLetterOrDigit(c) || "-_.".indexOf(c) >= 0);
  }

  private static boolean areAll(String text, IntPredicate allowed) { // at each call: no streams
    for (int i = 0; i < text.length(); i++) {
      if (!allowed.test(text.charAt(i))) {
        return false;
      }
    }
    return true;
  }
}
