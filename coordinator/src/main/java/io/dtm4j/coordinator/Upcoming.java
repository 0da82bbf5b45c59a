package io.dtm4j.coordinator;

import static java.util.Objects.requireNonNull;

import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Passes on their way: the write that gives them their claim may have happened, their loop has not
 * come to them yet. They stand in no list of passes, so a command that moves their transaction on
 * leaves word of it here, and what is older never begins (R4).
 *
 * <p>Nobody slips through, because a pass is expected before the lane takes anything behind that
 * write, and takes its place among the passes before it asks here: whoever moves its transaction on
 * leaves word in time, or finds it there afterwards. Thread-safe.
 */
final class Upcoming {
  /** What is known of one gid. */
  private static final class Expected {
    int passes;

    /** The furthest record that has been heard of meanwhile; null: of none. */
    @Nullable Stored furthest;
  }

  private final Map<Gid, Expected> expected = new HashMap<>();

  /** A pass will begin, unless it is given up. */
  synchronized void expect(Gid gid) {
    expected.computeIfAbsent(gid, _ -> new Expected()).passes++;
  }

  /** It does not begin. */
  synchronized void giveUp(Gid gid) {
    if (--of(gid).passes == 0) {
      expected.remove(gid);
    }
  }

  /** A command has made this of a transaction: what comes from before that is too late. */
  synchronized void overtake(Stored now) {
    Expected others = expected.get(now.transaction().gid());
    if (others != null) {
      others.furthest = now;
    }
  }

  /**
   * A pass wants to begin on this record; it is not expected any more.
   *
   * @return null when it may; else the record that was made of it meanwhile
   */
  synchronized @Nullable Stored begin(Stored stored) {
    Gid gid = stored.transaction().gid();
    Expected one = of(gid);
    giveUp(gid);
    Stored furthest = one.furthest;
    if (furthest != null && isBefore(stored, furthest)) {
      return furthest;
    }
    one.furthest = stored; // for those that are still on their way
    return null;
  }

  /** A status only ever moves on. */
  private static boolean isBefore(Stored stored, Stored other) {
    return stored.transaction().status().compareTo(other.transaction().status()) < 0;
  }

  private Expected of(Gid gid) {
    return requireNonNull(expected.get(gid), "a pass begins that nobody expects");
  }

  synchronized int size() {
    return expected.size();
  }
}
