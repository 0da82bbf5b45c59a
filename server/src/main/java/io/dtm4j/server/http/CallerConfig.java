package io.dtm4j.server.http;

import java.time.Duration;

/**
 * How participants are called; the place where TLS towards them will stand.
 *
 * @param connectionsPerDestination connections to one scheme, host and port, and so calls in flight
 *     there, over all loops
 * @param waitingPerDestination calls that wait for one of those connections, over all loops
 * @param answerBytes longest answer, decoded; a longer one counts as unknown
 * @param answerRoom bytes of memory that all answers may take up that are on their way in, over all
 *     loops; one that finds none counts as unknown
 * @param idleTimeout how long a connection is kept for the next call when the participant does not
 *     say; servers close idle connections after 2 s (gunicorn), 5 s (Node) and more, and a call
 *     that meets a closing connection has an unknown outcome
 * @param connectTimeout how long connecting may take, if the call's own time-out is not shorter
 * @param insideDocker whether {@code localhost} and {@code 127.0.0.1} in urls mean the machine
 *     outside the container
 */
public record CallerConfig(
    int connectionsPerDestination,
    int waitingPerDestination,
    int answerBytes,
    long answerRoom,
    Duration idleTimeout,
    Duration connectTimeout,
    boolean insideDocker) {
  private static final int SHARE_OF_HEAP = 8;

  public static final CallerConfig DEFAULTS =
      new CallerConfig(0, 0, 0, 0, Duration.ofMillis(1_500), Duration.ofSeconds(10), false)
          .withLimits(1_024, 4_096, 1 << 20);

  /** With these limits, and a room by the heap in which one answer finds its place. */
  public CallerConfig withLimits(int connections, int waiting, int newAnswerBytes) {
    long share = Runtime.getRuntime().maxMemory() / SHARE_OF_HEAP;
    return new CallerConfig(
        connections,
        waiting,
        newAnswerBytes,
        Math.max(share, Room.thatHolds(newAnswerBytes)),
        idleTimeout,
        connectTimeout,
        insideDocker);
  }

  /** With a room of that many bytes. */
  CallerConfig withAnswerRoom(long newAnswerRoom) {
    return new CallerConfig(
        connectionsPerDestination,
        waitingPerDestination,
        answerBytes,
        newAnswerRoom,
        idleTimeout,
        connectTimeout,
        insideDocker);
  }

  public CallerConfig withInsideDocker(boolean newInsideDocker) {
    return new CallerConfig(
        connectionsPerDestination,
        waitingPerDestination,
        answerBytes,
        answerRoom,
        idleTimeout,
        connectTimeout,
        newInsideDocker);
  }
}
