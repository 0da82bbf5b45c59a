package io.dtm4j.coordinator;

/**
 * How much work is taken at a time. What exceeds a limit is refused at the doors with a code,
 * before anything is stored.
 *
 * @param openPasses transactions being worked on; new ones are refused beyond it, known ones beyond
 *     twice as many
 * @param openBytes bytes that these transactions take up in memory, and those that commands have
 *     there; as with {@code openPasses}
 * @param commitBacklog batches that wait for the store
 * @param callsInFlight calls of one destination (scheme, host and port) at a time
 * @param callsWaiting calls that wait for one destination
 */
public record CoordinatorLimits(
    int openPasses, long openBytes, int commitBacklog, int callsInFlight, int callsWaiting) {
  /** The known ones may have as much again, and requests and answers have their own. */
  private static final int SHARE_OF_HEAP = 8;

  public static final CoordinatorLimits DEFAULTS =
      new CoordinatorLimits(
          20_000, Runtime.getRuntime().maxMemory() / SHARE_OF_HEAP, 20_000, 1_024, 4_096);
}
