package io.dtm4j.protocol;

/** What carries the call of a branch: docs/spec/branch-calls.md 2, the one place. */
public enum Transport {
  HTTP,
  GRPC;

  private static final String PROTOCOL = "http";
  private static final String HTTP_SCHEME = "http://";
  private static final String HTTPS_SCHEME = "https://";

  /**
   * The transport for a url.
   *
   * @param protocol of the transaction
   */
  public static Transport of(String protocol, String url) {
    return protocol.equals(PROTOCOL) || begins(url, HTTP_SCHEME) || begins(url, HTTPS_SCHEME)
        ? HTTP
        : GRPC;
  }

  private static boolean begins(String url, String scheme) {
    return url.regionMatches(true, 0, scheme, 0, scheme.length());
  }
}
