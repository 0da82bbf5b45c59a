package io.dtm4j.model;

import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.PlainText;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What changes while a transaction runs, its branch rows apart.
 *
 * @param reason {@code rollback_reason}, at most {@link #MAX_REASON} characters; "" when there is
 *     none
 * @param result result of a workflow, "" when there is none
 * @param updateTime last change of anything
 * @param endTime when it became final ({@code finish_time} or {@code rollback_time}); null before
 * @param schedule when it is looked at again
 * @param extra what dtm4j keeps beyond DTM's record
 */
public record State(
    GlobalStatus status,
    String reason,
    String result,
    Instant updateTime,
    @Nullable Instant endTime,
    Schedule schedule,
    Extra extra) {
  /** The most characters of a reason that are kept: what DTM's own tables hold. */
  public static final int MAX_REASON = 1_024;

  /** The reason as far as it is kept: a {@link PlainText}, whatever a participant has sent. */
  public static String shortened(String reason) {
    return PlainText.beginning(reason, MAX_REASON);
  }

  public State withUpdateTime(Instant at) {
    return new State(status, reason, result, at, endTime, schedule, extra);
  }

  public State withSchedule(Schedule newSchedule) {
    return new State(status, reason, result, updateTime, endTime, newSchedule, extra);
  }

  public State withExtra(Extra newExtra) {
    return new State(status, reason, result, updateTime, endTime, schedule, newExtra);
  }
}
