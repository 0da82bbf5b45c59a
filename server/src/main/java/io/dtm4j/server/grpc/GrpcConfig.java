package io.dtm4j.server.grpc;

import io.dtm4j.engine.Bounds;
import io.dtm4j.server.http.Room;
import java.time.Duration;

/**
 * How the gRPC door takes requests; the place where its TLS will stand.
 *
 * @param host the address to bind; {@code 0.0.0.0}: all interfaces
 * @param port 0: any free one
 * @param messageBytes longest request message
 * @param receivingBytes the most bytes of messages that are on their way in, in all
 * @param answeringBytes bytes of memory that all long answers may take up that have not left
 * @param messageTimeout how long a message may take to arrive, once its call has begun
 * @param idleTimeout when a connection without a call is closed
 * @param traces whether the trace context of a call is kept with what it creates
 */
public record GrpcConfig(
    String host,
    int port,
    int messageBytes,
    long receivingBytes,
    long answeringBytes,
    Duration messageTimeout,
    Duration idleTimeout,
    boolean traces) {
  /** Payloads go as they are; ids, ops and statuses of many steps may be as much again. */
  private static final long LONGEST_ANSWER = 2L * Bounds.MAX_BYTES;

  private static final int SHARE_OF_HEAP = 8;

  public static final GrpcConfig DEFAULTS =
      new GrpcConfig(
          "0.0.0.0",
          36790,
          8 << 20,
          64 << 20,
          Math.max(
              Runtime.getRuntime().maxMemory() / SHARE_OF_HEAP, Room.thatHolds(LONGEST_ANSWER)),
          Duration.ofSeconds(30),
          Duration.ofMinutes(30),
          false);

  public GrpcConfig withAddress(String newHost, int newPort) {
    return new GrpcConfig(
        newHost,
        newPort,
        messageBytes,
        receivingBytes,
        answeringBytes,
        messageTimeout,
        idleTimeout,
        traces);
  }

  /** With as many bytes on their way in as some of the longest messages have. */
  public GrpcConfig withMessageBytes(int newMessageBytes) {
    long receiving = Math.max(receivingBytes, 2L * newMessageBytes);
    return new GrpcConfig(
        host,
        port,
        newMessageBytes,
        receiving,
        answeringBytes,
        messageTimeout,
        idleTimeout,
        traces);
  }

  public GrpcConfig withTraces(boolean newTraces) {
    return new GrpcConfig(
        host,
        port,
        messageBytes,
        receivingBytes,
        answeringBytes,
        messageTimeout,
        idleTimeout,
        newTraces);
  }
}
