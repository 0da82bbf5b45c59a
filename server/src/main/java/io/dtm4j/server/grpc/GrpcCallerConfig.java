package io.dtm4j.server.grpc;

import java.time.Duration;

/**
 * How participants are called over gRPC; the place where TLS towards them will stand.
 *
 * @param answerBytes longest answer; a longer one counts as unknown
 * @param idleTimeout when the channel to a target that nobody calls is closed
 * @param reconnectPause how long after a failed attempt to connect further calls fail with it
 * @param serviceConfig JSON: how grpc-java spreads calls over the addresses of a target, and so on
 * @param insideDocker whether {@code localhost} and {@code 127.0.0.1} in urls mean the machine
 *     outside the container
 */
public record GrpcCallerConfig(
    int answerBytes,
    Duration idleTimeout,
    Duration reconnectPause,
    String serviceConfig,
    boolean insideDocker) {
  public static final GrpcCallerConfig DEFAULTS =
      new GrpcCallerConfig(
          1 << 20,
          Duration.ofMinutes(5),
          Duration.ofMillis(100),
          "{\"loadBalancingConfig\": [{\"round_robin\":{}}]}",
          false);

  public GrpcCallerConfig withAnswerBytes(int newAnswerBytes) {
    return new GrpcCallerConfig(
        newAnswerBytes, idleTimeout, reconnectPause, serviceConfig, insideDocker);
  }

  public GrpcCallerConfig withServiceConfig(String newServiceConfig) {
    return new GrpcCallerConfig(
        answerBytes, idleTimeout, reconnectPause, newServiceConfig, insideDocker);
  }

  public GrpcCallerConfig withInsideDocker(boolean newInsideDocker) {
    return new GrpcCallerConfig(
        answerBytes, idleTimeout, reconnectPause, serviceConfig, newInsideDocker);
  }
}
