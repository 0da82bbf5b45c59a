package io.dtm4j.model;

import io.dtm4j.protocol.TraceContext;
import java.time.Instant;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What dtm4j keeps beyond DTM's record: the object under the key {@code dtm4j} in its {@code
 * ext_data}, the same in every store.
 *
 * @param delayUntil when a delayed message may be sent; null: at once, or not submitted yet
 * @param retryCount repeats at once that a saga has used up of its {@code retry_limit}
 * @param parkings how often in a row it found its destination full
 * @param attempts last attempts of open branches, by {@link BranchKey#toString()}; of very many the
 *     newest only ({@link #withAttempt})
 * @param required the steps (from 0) that a rolling back saga compensates, fixed when the rollback
 *     began while actions were in flight; null: follows from the rows (docs/spec/transactions.md
 *     4.2)
 * @param dirty whether a saga was taken over from a server that may have called the action behind
 *     its first open one, too; until the success of that one is stored (docs/decisions/0017)
 * @param trace where it belongs in a trace of the client that created it; null: nowhere
 * @param unknown members written by a newer server, as JSON text by name; carried along unchanged
 */
public record Extra(
    @Nullable Instant delayUntil,
    long retryCount,
    int parkings,
    Map<String, Attempt> attempts,
    @Nullable List<Integer> required,
    boolean dirty,
    @Nullable TraceContext trace,
    Map<String, String> unknown) {
  /** The most attempts that are remembered: the oldest go, stores hold hardly as many. */
  public static final int MOST_ATTEMPTS = 256;

  public static final Extra NONE = new Extra(null, 0, 0, Map.of(), null, false, null, Map.of());

  public Extra {
    attempts = Map.copyOf(attempts);
    required = required == null ? null : List.copyOf(required);
    unknown = Map.copyOf(unknown);
  }

  public Extra withDelayUntil(@Nullable Instant newDelayUntil) {
    return new Extra(
        newDelayUntil, retryCount, parkings, attempts, required, dirty, trace, unknown);
  }

  public Extra withRetryCount(long newRetryCount) {
    return new Extra(
        delayUntil, newRetryCount, parkings, attempts, required, dirty, trace, unknown);
  }

  public Extra withParkings(int newParkings) {
    return new Extra(
        delayUntil, retryCount, newParkings, attempts, required, dirty, trace, unknown);
  }

  /**
   * The same with one more attempt, or a newer one of that branch. Beyond {@link #MOST_ATTEMPTS}
   * the oldest is forgotten: a transaction of thousands of branches that all fail is copied here
   * with each of their answers.
   */
  public Extra withAttempt(String key, Attempt attempt) {
    Map<String, Attempt> more = new HashMap<>(attempts);
    more.put(key, attempt);
    if (more.size() > MOST_ATTEMPTS) {
      more.remove(oldest());
    }
    return withAttempts(more);
  }

  private String oldest() {
    return Collections.min(
            attempts.entrySet(),
            Map.Entry.<String, Attempt>comparingByValue(Comparator.comparing(Attempt::at))
                .thenComparing(Map.Entry.comparingByKey()))
        .getKey();
  }

  public Extra withAttempts(Map<String, Attempt> newAttempts) {
    return new Extra(
        delayUntil, retryCount, parkings, newAttempts, required, dirty, trace, unknown);
  }

  public Extra withRequired(@Nullable List<Integer> newRequired) {
    return new Extra(
        delayUntil, retryCount, parkings, attempts, newRequired, dirty, trace, unknown);
  }

  public Extra withDirty(boolean newDirty) {
    return new Extra(
        delayUntil, retryCount, parkings, attempts, required, newDirty, trace, unknown);
  }

  public Extra withTrace(@Nullable TraceContext newTrace) {
    return new Extra(
        delayUntil, retryCount, parkings, attempts, required, dirty, newTrace, unknown);
  }

  public Extra withUnknown(Map<String, String> newUnknown) {
    return new Extra(
        delayUntil, retryCount, parkings, attempts, required, dirty, trace, newUnknown);
  }
}
