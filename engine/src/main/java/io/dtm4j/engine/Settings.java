package io.dtm4j.engine;

import java.time.Duration;

/**
 * The server's defaults that the rules need.
 *
 * @param retryInterval {@code RetryInterval}: base of retries
 * @param requestTimeout {@code RequestTimeout}: how long a branch call may take
 * @param timeoutToFail {@code TimeoutToFail}: age at which a prepared transaction is decided
 * @param runsAhead whether a call may leave before the success of the one before it is durable
 *     ({@link Decision#ahead}): not where other servers share the store
 */
public record Settings(
    Duration retryInterval, Duration requestTimeout, Duration timeoutToFail, boolean runsAhead) {
  public static final Settings DEFAULTS =
      new Settings(Duration.ofSeconds(10), Duration.ofSeconds(3), Duration.ofSeconds(35), true);

  /** The same, each call behind what is durable. */
  public Settings withoutRunningAhead() {
    return new Settings(retryInterval, requestTimeout, timeoutToFail, false);
  }
}
