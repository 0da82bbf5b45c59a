package io.dtm4j.coordinator;

import static java.util.Objects.requireNonNull;

import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicReference;
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

  /** Every change of a gid is one step of the map's; many loops make them at once. */
  private final ConcurrentMap<Gid, Expected> expected = new ConcurrentHashMap<>();

  /** A pass will begin, unless it is given up. */
  void expect(Gid gid) {
    expected.compute(
        gid,
        (_, known) -> {
          Expected one = known == null ? new Expected() : known;
          one.passes++;
          return one;
        });
  }

  /** It does not begin. */
  void giveUp(Gid gid) {
    expected.compute(gid, (_, one) -> withoutOne(one));
  }

  /**
   * A command has made this of a transaction: what comes from before that is too late. Loops that
   * are behind bring word of older commands after that of newer ones.
   */
  void overtake(Stored now) {
    expected.computeIfPresent(
        now.transaction().gid(),
        (_, others) -> {
          if (others.furthest == null || !isBefore(now, others.furthest)) {
            others.furthest = now;
          }
          return others;
        });
  }

  /**
   * A pass wants to begin on this record; it is not expected any more.
   *
   * @return null when it may; else the record that was made of it meanwhile
   */
  @Nullable Stored begin(Stored stored) {
    var overtakenBy = new AtomicReference<@Nullable Stored>();
    expected.compute(
        stored.transaction().gid(),
        (_, one) -> {
          Expected left = withoutOne(one);
          Stored furthest = requireNonNull(one).furthest;
          if (furthest != null && isBefore(stored, furthest)) {
            overtakenBy.set(furthest);
          } else {
            one.furthest = stored; // for those that are still on their way
          }
          return left;
        });
    return overtakenBy.get();
  }

  private static @Nullable Expected withoutOne(@Nullable Expected one) {
    return --requireNonNull(one, "a pass begins that nobody expects").passes == 0 ? null : one;
  }

  /** A status only ever moves on. */
  private static boolean isBefore(Stored stored, Stored other) {
    return stored.transaction().status().compareTo(other.transaction().status()) < 0;
  }

  int size() {
    return expected.size();
  }
}
