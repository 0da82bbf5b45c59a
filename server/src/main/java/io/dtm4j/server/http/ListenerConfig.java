package io.dtm4j.server.http;

import java.time.Duration;

/**
 * How a listener takes requests; the place where its TLS will stand.
 *
 * @param host the address to bind; {@code 0.0.0.0}: all interfaces
 * @param port 0: any free one
 * @param bodyBytes longest request body
 * @param bodyTimeout how long a request may take to arrive, once it has begun
 * @param idleTimeout when a connection without a request is closed; longer than the 90 s after
 *     which Go's clients close theirs, so that no request meets a closing connection
 */
public record ListenerConfig(
    String host, int port, int bodyBytes, Duration bodyTimeout, Duration idleTimeout) {
  public static final ListenerConfig DEFAULTS =
      new ListenerConfig("0.0.0.0", 36789, 8 << 20, Duration.ofSeconds(30), Duration.ofMinutes(3));

  public ListenerConfig withAddress(String newHost, int newPort) {
    return new ListenerConfig(newHost, newPort, bodyBytes, bodyTimeout, idleTimeout);
  }

  public ListenerConfig withBodyBytes(int newBodyBytes) {
    return new ListenerConfig(host, port, newBodyBytes, bodyTimeout, idleTimeout);
  }
}
