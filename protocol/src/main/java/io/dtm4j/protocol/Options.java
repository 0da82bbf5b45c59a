package io.dtm4j.protocol;

import java.util.Map;

/**
 * The options of a transaction (docs/spec/transactions.md 2). Times are whole seconds; 0 means the
 * default of the server (for a saga's {@code timeoutToFail}: never).
 *
 * @param waitResult answer submit and abort only after one pass
 * @param timeoutToFail seconds since creation
 * @param requestTimeout seconds a branch call may take
 * @param retryInterval base of the retry interval
 * @param branchHeaders extra headers on every branch call
 * @param concurrent message: call the branches at the same time
 * @param retryLimit saga: repeats of an action at once before it rolls back; 0: no limit
 */
public record Options(
    boolean waitResult,
    long timeoutToFail,
    long requestTimeout,
    long retryInterval,
    Map<String, String> branchHeaders,
    boolean concurrent,
    long retryLimit) {
  public static final Options DEFAULTS = new Options(false, 0, 0, 0, Map.of(), false, 0);

  public Options {
    branchHeaders = Map.copyOf(branchHeaders);
  }

  /**
   * These with what a later request says explicitly: whatever is not its default there replaces it
   * here. {@code waitResult} stays, as it concerns each request by itself.
   */
  public Options with(Options later) {
    return new Options(
        waitResult,
        later.timeoutToFail == 0 ? timeoutToFail : later.timeoutToFail,
        later.requestTimeout == 0 ? requestTimeout : later.requestTimeout,
        later.retryInterval == 0 ? retryInterval : later.retryInterval,
        later.branchHeaders.isEmpty() ? branchHeaders : later.branchHeaders,
        concurrent || later.concurrent,
        later.retryLimit == 0 ? retryLimit : later.retryLimit);
  }
}
