package io.dtm4j.server.http;

import java.net.IDN;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A url taken apart, ready to be called. It is read as leniently as DTM reads urls: what may not
 * stand in a request line is percent-encoded, a fragment is dropped.
 *
 * @param origin where to connect to
 * @param authority host and port as they stand in the {@code Host} header
 * @param userInfo what stood before an {@code @}; null: nothing did
 * @param target path and query for the request line
 */
record Address(Origin origin, String authority, @Nullable String userInfo, String target) {
  private static final String HTTP = "http://";
  private static final String HTTPS = "https://";
  private static final String ASIDE = "aside://x";
  private static final int HTTP_PORT = 80;
  private static final int HTTPS_PORT = 443;
  private static final int MAX_PORT = 65_535;
  private static final int MAX_LABEL = 63;
  private static final int MAX_NAME = 254; // with a dot at the end
  private static final int PORT_DIGITS = 5;
  private static final String MACHINE_OUTSIDE = "host.docker.internal";
  private static final String NOT_IN_A_TARGET = "\"<>\\^`{|}";
  private static final String NOT_IN_A_HOST = "\"<>\\^`{|}%[] @:";
  private static final String UNRESERVED = "-._~";
  private static final HexFormat HEX = HexFormat.of().withUpperCase();

  /**
   * Where connections go; connections to one origin are shared.
   *
   * @param host name or address, IPv6 without brackets
   */
  record Origin(boolean tls, String host, int port) {
    @Override
    public String toString() {
      return bracketed(host) + ":" + port;
    }
  }

  private static String bracketed(String host) {
    return host.indexOf(':') < 0 ? host : "[" + host + "]";
  }

  /**
   * Reads a url.
   *
   * @param insideDocker whether the machine itself is meant to be the one outside the container
   * @throws IllegalArgumentException with the reason, when it cannot be called
   */
  static Address of(String url, boolean insideDocker) {
    boolean tls = begins(url, HTTPS);
    if (!isHttp(url)) {
      throw new IllegalArgumentException("the url does not begin with http:// or https://");
    }
    int from = tls ? HTTPS.length() : HTTP.length();
    int fragment = url.indexOf('#', from);
    int end = fragment < 0 ? url.length() : fragment;
    int path = from;
    while (path < end && url.charAt(path) != '/' && url.charAt(path) != '?') {
      path++;
    }
    int at = url.lastIndexOf('@', path - 1);
    String userInfo = at < from ? null : url.substring(from, at);
    String authority = url.substring(Math.max(from, at + 1), path);
    int colon = authority.lastIndexOf(':');
    boolean hasPort = colon > authority.lastIndexOf(']');
    String host = hostOf(hasPort ? authority.substring(0, colon) : authority, insideDocker);
    String portText = hasPort ? authority.substring(colon + 1) : "";
    int port = portText.isEmpty() ? tls ? HTTPS_PORT : HTTP_PORT : portOf(portText);
    String bracketed = bracketed(host);
    String target = encoded(url.substring(path, end));
    return new Address(
        new Origin(tls, host, port),
        portText.isEmpty() ? bracketed : bracketed + ":" + port,
        userInfo,
        target.startsWith("/") ? target : "/" + target);
  }

  /** Whether HTTP is what a url asks for. */
  static boolean isHttp(String url) {
    return begins(url, HTTP) || begins(url, HTTPS);
  }

  private static boolean begins(String url, String scheme) {
    return url.regionMatches(true, 0, scheme, 0, scheme.length());
  }

  /** Where to connect to as urls have it: IPv6 in brackets. */
  String host() {
    return bracketed(origin.host());
  }

  /** The header value for what stood before the {@code @}; null: nothing did. */
  @Nullable String basicAuthorization() {
    if (userInfo == null) {
      return null;
    }
    int colon = userInfo.indexOf(':');
    String name = decoded(colon < 0 ? userInfo : userInfo.substring(0, colon));
    String password = colon < 0 ? "" : decoded(userInfo.substring(colon + 1));
    byte[] both = (name + ":" + password).getBytes(StandardCharsets.UTF_8);
    return "Basic " + Base64.getEncoder().encodeToString(both);
  }

  /**
   * The target with parameters behind those it has, as DTM adds them (docs/spec/branch-calls.md 3).
   */
  String targetWith(String branchId, String gid, String op, String transType) {
    var text = new StringBuilder(target.length() + gid.length() + 64).append(target);
    char last = target.charAt(target.length() - 1);
    if (target.indexOf('?') < 0) {
      text.append('?');
    } else if (last != '?' && last != '&') {
      text.append('&');
    }
    encode(text.append("branch_id="), branchId);
    encode(text.append("&gid="), gid);
    encode(text.append("&op="), op);
    encode(text.append("&trans_type="), transType);
    return text.toString();
  }

  /** The first value that the query has for a name, decoded; null: none. */
  @Nullable String parameter(String name) {
    int query = target.indexOf('?');
    if (query < 0) {
      return null;
    }
    for (String parameter : target.substring(query + 1).split("&", -1)) {
      int equals = parameter.indexOf('=');
      String itsName = equals < 0 ? parameter : parameter.substring(0, equals);
      if (decoded(itsName).equals(name)) {
        return equals < 0 ? "" : decoded(parameter.substring(equals + 1).replace('+', ' '));
      }
    }
    return null;
  }

  /**
   * The url that a {@code Location} header names, seen from here.
   *
   * @throws IllegalArgumentException when it names none
   */
  String resolve(String location) {
    String encoded = encoded(location);
    String scheme = origin.tls() ? HTTPS : HTTP;
    String here = scheme + (userInfo == null ? "" : userInfo + "@") + authority;
    if (encoded.startsWith("//")) {
      return scheme + encoded.substring(2);
    }
    if (encoded.startsWith("/")) {
      return here + encoded;
    }
    int query = target.indexOf('?');
    String path = query < 0 ? target : target.substring(0, query);
    if (encoded.startsWith("?")) {
      return here + path + encoded;
    }
    // Resolved apart from user info and authority, which may hold what URI does not take.
    URI resolved = URI.create(ASIDE + path).resolve(encoded);
    return resolved.toString().startsWith(ASIDE)
        ? here + resolved.toString().substring(ASIDE.length())
        : encoded;
  }

  private static String hostOf(String text, boolean insideDocker) {
    String host = text;
    if (text.startsWith("[")) {
      if (!text.endsWith("]")) {
        throw new IllegalArgumentException("the url has a [ without ] in its host");
      }
      host = text.substring(1, text.length() - 1);
      for (int i = 0; i < host.length(); i++) {
        if (Character.digit(host.charAt(i), 16) < 0 && ":.".indexOf(host.charAt(i)) < 0) {
          throw new IllegalArgumentException("the url has no IPv6 address between [ and ]");
        }
      }
    } else {
      for (int i = 0; i < host.length(); i++) {
        char c = host.charAt(i);
        if (c <= ' ' || c == '\u007F' || NOT_IN_A_HOST.indexOf(c) >= 0) {
          throw new IllegalArgumentException(
              "the url has a character in its host that cannot be there");
        }
        if (c > '\u007F') {
          host = inAscii(host);
          break;
        }
      }
      checkName(host);
    }
    return insideDocker && (host.equalsIgnoreCase("localhost") || host.equals("127.0.0.1"))
        ? MACHINE_OUTSIDE
        : host;
  }

  private static String inAscii(String name) {
    try {
      return IDN.toASCII(name).toLowerCase(Locale.ROOT);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("the url has a host that is no name", e);
    }
  }

  /** Refuses names that no resolver takes: RFC 1035 2.3.4. A dot at the end is none of them. */
  private static void checkName(String host) {
    if (host.isEmpty()) {
      throw new IllegalArgumentException("the url has no host");
    }
    int label = 0;
    for (int i = 0; i < host.length(); i++) {
      boolean isDot = host.charAt(i) == '.';
      if ((isDot && label == 0) || label > MAX_LABEL) {
        label = MAX_LABEL + 1;
        break;
      }
      label = isDot ? 0 : label + 1;
    }
    if (label > MAX_LABEL || host.length() > MAX_NAME) {
      throw new IllegalArgumentException("the url has a host that is no name");
    }
  }

  private static int portOf(String text) {
    int port = 0;
    for (int i = 0; i < text.length(); i++) {
      int digit = text.charAt(i) - '0';
      port = digit < 0 || digit > 9 || i >= PORT_DIGITS ? MAX_PORT + 1 : port * 10 + digit;
    }
    if (port < 1 || port > MAX_PORT) {
      throw new IllegalArgumentException("the url has no port from 1 to 65535");
    }
    return port;
  }

  /** The text with what may not stand in a request line percent-encoded. */
  private static String encoded(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (!mayStay(text, i)) {
        var changed = new StringBuilder(text.length() + 16).append(text, 0, i);
        for (int point; i < text.length(); i += Character.charCount(point)) {
          point = text.codePointAt(i);
          if (mayStay(text, i)) {
            changed.append((char) point);
          } else {
            percent(changed, point);
          }
        }
        return changed.toString();
      }
    }
    return text;
  }

  private static boolean mayStay(String text, int i) {
    char c = text.charAt(i);
    if (c == '%') {
      return i + 2 < text.length()
          && HexFormat.isHexDigit(text.charAt(i + 1))
          && HexFormat.isHexDigit(text.charAt(i + 2));
    }
    return c > ' ' && c < '\u007F' && NOT_IN_A_TARGET.indexOf(c) < 0;
  }

  /** Appends a value of a query parameter. */
  private static void encode(StringBuilder text, String value) {
    for (int i = 0, point; i < value.length(); i += Character.charCount(point)) {
      point = value.codePointAt(i);
      boolean plain =
          point < 128 && (Character.isLetterOrDigit(point) || UNRESERVED.indexOf(point) >= 0);
      if (plain) {
        text.append((char) point);
      } else if (point == ' ') {
        text.append('+');
      } else {
        percent(text, point);
      }
    }
  }

  private static void percent(StringBuilder text, int point) {
    for (byte b : Character.toString(point).getBytes(StandardCharsets.UTF_8)) {
      HEX.toHexDigits(text.append('%'), b);
    }
  }

  private static String decoded(String text) {
    if (text.indexOf('%') < 0) {
      return text;
    }
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int size = 0;
    for (int i = 0; i < bytes.length; i++) {
      boolean escape =
          bytes[i] == '%'
              && i + 2 < bytes.length
              && HexFormat.isHexDigit(bytes[i + 1])
              && HexFormat.isHexDigit(bytes[i + 2]);
      bytes[size++] =
          escape
              ? (byte)
                  (HexFormat.fromHexDigit(bytes[i + 1]) << 4 | HexFormat.fromHexDigit(bytes[i + 2]))
              : bytes[i];
      i += escape ? 2 : 0;
    }
    return new String(bytes, 0, size, StandardCharsets.UTF_8);
  }
}
