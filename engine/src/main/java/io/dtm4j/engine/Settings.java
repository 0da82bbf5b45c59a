package io.dtm4j.engine;

import java.time.Duration;

/**
 * The server's defaults that the rules need.
 *
 * @param retryInterval {@code RetryInterval}: base of retries
 * @param requestTimeout {@code RequestTimeout}: how long a branch call may take
 * @param timeoutToFail {@code TimeoutToFail}: age at which a prepared transaction is decided
 */
public record Settings(Duration retryInterval, Duration requestTimeout, Duration timeoutToFail) {
  public static final Settings DEFAULTS =
      new Settings(Duration.ofSeconds(10), Duration.ofSeconds(3), Duration.ofSeconds(35));
}
