package io.dtm4j.coordinator;

/**
 * How much work is taken at a time. What exceeds a limit is refused at the doors with a code,
 * before anything is stored.
 *
 * @param openPasses transactions being worked on; new ones are refused beyond it, known ones beyond
 *     twice as many
 * @param openBytes bytes of payloads of these transactions
 * @param commitBacklog batches that wait for the store
 * @param callsInFlight calls of one destination (scheme, host and port) at a time
 * @param callsWaiting calls that wait for one destination
 */
public record CoordinatorLimits(
    int openPasses, long openBytes, int commitBacklog, int callsInFlight, int callsWaiting) {
  public static final CoordinatorLimits DEFAULTS =
      new CoordinatorLimits(20_000, Runtime.getRuntime().maxMemory() / 4, 20_000, 1_024, 4_096);
}
