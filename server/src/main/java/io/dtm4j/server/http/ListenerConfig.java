package io.dtm4j.server.http;

import io.dtm4j.engine.Bounds;
import java.time.Duration;

/**
 * How a listener takes requests; the place where its TLS will stand.
 *
 * @param host the address to bind; {@code 0.0.0.0}: all interfaces
 * @param port 0: any free one
 * @param bodyBytes longest request body
 * @param bodyRoom bytes of memory that the bodies of all requests may take up that are not answered
 * @param answerRoom bytes of memory that all long answers may take up that have not left
 * @param bodyTimeout how long a request may take to arrive, once it has begun
 * @param idleTimeout when a connection without a request is closed; longer than the 90 s after
 *     which Go's clients close theirs, so that no request meets a closing connection
 * @param traces whether the trace context of a request is kept with what it creates
 */
public record ListenerConfig(
    String host,
    int port,
    int bodyBytes,
    long bodyRoom,
    long answerRoom,
    Duration bodyTimeout,
    Duration idleTimeout,
    boolean traces) {
  /** Rows of a saga come in pairs, each with its payload in base64. */
  private static final long LONGEST_ANSWER = 3L * Bounds.MAX_BYTES;

  private static final int SHARE_OF_HEAP = 8;

  public static final ListenerConfig DEFAULTS =
      new ListenerConfig(
              "0.0.0.0", 36789, 0, 0, 0, Duration.ofSeconds(30), Duration.ofMinutes(3), false)
          .withBodyBytes(8 << 20);

  public ListenerConfig withAddress(String newHost, int newPort) {
    return new ListenerConfig(
        newHost, newPort, bodyBytes, bodyRoom, answerRoom, bodyTimeout, idleTimeout, traces);
  }

  /** With that longest body, and rooms by the heap in which one of each finds its place. */
  public ListenerConfig withBodyBytes(int newBodyBytes) {
    long share = Runtime.getRuntime().maxMemory() / SHARE_OF_HEAP;
    return new ListenerConfig(
        host,
        port,
        newBodyBytes,
        Math.max(share, Room.thatHolds(newBodyBytes)),
        Math.max(share, Room.thatHolds(LONGEST_ANSWER)),
        bodyTimeout,
        idleTimeout,
        traces);
  }

  public ListenerConfig withTraces(boolean newTraces) {
    return new ListenerConfig(
        host, port, bodyBytes, bodyRoom, answerRoom, bodyTimeout, idleTimeout, newTraces);
  }
}
