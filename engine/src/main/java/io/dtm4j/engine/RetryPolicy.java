package io.dtm4j.engine;

import io.dtm4j.protocol.Options;
import java.time.Duration;
import java.time.Instant;

/**
 * When a transaction is tried again, in every mode: docs/spec/transactions.md 3. Times are exact;
 * whoever arms a timer may add to them, never take away.
 */
final class RetryPolicy {
  /** The longest interval that doubling leads to, unless the base is longer. */
  static final Duration LONGEST = Duration.ofHours(1);

  /** A definite answer that took so long resets the interval. */
  private static final Duration SLOW = Duration.ofMillis(1500);

  /** What a lease is longer than a call may take. */
  private static final Duration LEASE_MARGIN = Duration.ofSeconds(5);

  /** The longest lease: what a dead server held is free again after that. */
  private static final Duration LONGEST_LEASE = Duration.ofSeconds(60);

  private final Settings settings;
  private final Options options;

  RetryPolicy(Settings settings, Options options) {
    this.settings = settings;
    this.options = options;
  }

  /** The interval a transaction begins with. */
  Duration base() {
    if (options.retryInterval() > 0) {
      return Duration.ofSeconds(options.retryInterval());
    }
    long timeout = options.timeoutToFail();
    return timeout > 0 && timeout < settings.retryInterval().toSeconds()
        ? Duration.ofSeconds(timeout)
        : settings.retryInterval();
  }

  /** The interval after an answer that says nothing. */
  Duration doubled(Duration interval) {
    Duration longest = longest();
    Duration twice = interval.multipliedBy(2);
    return twice.compareTo(longest) > 0 ? longest : twice;
  }

  /** The interval that does not double any more. */
  Duration longest() {
    return base().compareTo(LONGEST) > 0 ? base() : LONGEST;
  }

  /**
   * Whether a definite answer that comes now brings the interval back to its base.
   *
   * @param touched when the pass began, or was last touched by an answer
   */
  boolean isReset(Duration interval, Instant touched, Instant now) {
    boolean slow = Duration.between(touched, now).compareTo(SLOW) >= 0;
    boolean grown =
        interval.compareTo(settings.retryInterval()) > 0
            && interval.toSeconds() > options.retryInterval();
    return slow || grown;
  }

  /** How long a call of a branch may take. */
  Duration requestTimeout() {
    return options.requestTimeout() > 0
        ? Duration.ofSeconds(options.requestTimeout())
        : settings.requestTimeout();
  }

  /** The age at which a prepared transaction is decided. */
  Duration timeoutWhilePrepared() {
    return options.timeoutToFail() > 0
        ? Duration.ofSeconds(options.timeoutToFail())
        : settings.timeoutToFail();
  }

  /**
   * How long a claim lasts from each renewal. Calls may take longer, they earn renewals
   * (docs/decisions/0008).
   */
  Duration lease() {
    Duration call = requestTimeout().plus(LEASE_MARGIN);
    Duration wanted =
        call.compareTo(settings.retryInterval()) > 0 ? call : settings.retryInterval();
    return wanted.compareTo(LONGEST_LEASE) > 0 ? LONGEST_LEASE : wanted;
  }
}
