package io.dtm4j.store;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * How much a store has to do.
 *
 * @param unfinished transactions that have no final status
 * @param earliest the earliest next time of them, be it a due time or the end of a lease; null when
 *     there is none
 */
public record Counts(long unfinished, @Nullable Instant earliest) {}
