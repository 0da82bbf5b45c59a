package io.dtm4j.store;

import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import java.time.Instant;

/**
 * What came of making later transactions due now.
 *
 * @param count how many were changed
 * @param more others could be changed, too
 */
public record Reset(int count, boolean more) {
  /** Whether that one can be brought forward: it is unfinished, late, and not marked yet. */
  public static boolean concerns(Stored stored, Instant laterThan) {
    return !stored.transaction().status().isFinal()
        && stored.owner().mark() != Owner.Mark.LOOK_AGAIN
        && stored.transaction().state().schedule().nextTime().isAfter(laterThan);
  }

  /** The same brought forward: due now, or marked for whoever works on it. */
  public static Stored broughtForward(Stored stored, Instant now) {
    return stored.owner().isHeld()
        ? new Stored(stored.transaction(), stored.owner().marked(Owner.Mark.LOOK_AGAIN))
        : stored.withNextTime(now);
  }
}
