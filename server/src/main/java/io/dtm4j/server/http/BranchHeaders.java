package io.dtm4j.server.http;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** What may stand in {@code branch_headers}, which come from clients and go to participants. */
final class BranchHeaders {
  /** Headers that belong to the connection, or say how the message is framed: never a client's. */
  private static final Set<String> OURS =
      Set.of(
          "connection",
          "content-length",
          "expect",
          "host",
          "keep-alive",
          "proxy-connection",
          "te",
          "trailer",
          "transfer-encoding",
          "upgrade");

  /** Headers that must not follow a redirect to somebody else. */
  private static final Set<String> SECRET =
      Set.of("authorization", "cookie", "cookie2", "proxy-authorization", "www-authenticate");

  private static final String TOKEN = "!#$%&'*+-.^_`|~";

  private BranchHeaders() {}

  /** Whether all names and values can be sent at all (RFC 9110, 5.1 and 5.5). */
  static boolean areLegal(Map<String, String> headers) {
    for (Map.Entry<String, String> header : headers.entrySet()) {
      if (!isToken(header.getKey()) || !isFieldValue(header.getValue())) {
        return false;
      }
    }
    return true;
  }

  /** Whether the server sets a header itself, so that a client's is left out. */
  static boolean isOurs(String name) {
    return OURS.contains(name.toLowerCase(Locale.ROOT));
  }

  static boolean isSecret(String name) {
    return SECRET.contains(name.toLowerCase(Locale.ROOT));
  }

  /**
   * The value as one character for each byte of its UTF-8 form, which is how headers are written.
   */
  static String encoded(String value) {
    for (int i = 0; i < value.length(); i++) {
      if (value.charAt(i) > '~') {
        return new String(value.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
      }
    }
    return value;
  }

  private static boolean isToken(String name) {
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (c > '~' || (!Character.isLetterOrDigit(c) && TOKEN.indexOf(c) < 0)) {
        return false;
      }
    }
    return !name.isEmpty();
  }

  private static boolean isFieldValue(String value) {
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if ((c < ' ' && c != '\t') || c == '\u007F') {
        return false;
      }
    }
    return true;
  }
}
