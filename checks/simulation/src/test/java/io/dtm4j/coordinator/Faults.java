package io.dtm4j.coordinator;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The faults of one run, in their order. Those that are left out do not happen, which is how a
 * failing run is made smaller: {@link Shrinker}.
 */
final class Faults {
  private final Trace trace;
  private final Set<Integer> leftOut;
  private final List<String> happened = new ArrayList<>();
  private int next;

  /**
   * @param leftOut by their numbers, from 0
   */
  Faults(Trace trace, Set<Integer> leftOut) {
    this.trace = trace;
    this.leftOut = new HashSet<>(leftOut);
  }

  /** Whether the fault that chance wants now does happen. */
  boolean happens(String what) {
    if (leftOut.contains(next++)) {
      return false;
    }
    String fault = "fault " + (next - 1) + ": " + what;
    happened.add(fault);
    trace.add(fault);
    return true;
  }

  /** How many chance wanted. */
  int wanted() {
    return next;
  }

  /** What happened. */
  List<String> happened() {
    return happened;
  }
}
