package io.dtm4j.model;

import java.time.Duration;
import java.time.Instant;

/**
 * When an unfinished transaction is looked at again.
 *
 * @param interval {@code next_cron_interval}: the present retry interval, whole seconds
 * @param nextTime {@code next_cron_time}: the end of the lease while somebody works on it, else the
 *     time when it is due (docs/spec/scheduling.md 4)
 */
public record Schedule(Duration interval, Instant nextTime) {}
