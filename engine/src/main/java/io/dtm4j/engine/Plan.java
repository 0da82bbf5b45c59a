package io.dtm4j.engine;

import io.dtm4j.protocol.CustomData;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which steps of a saga wait for which (docs/spec/transactions.md 4.1). Steps count from 0; row 2k
 * is the compensation of step k, row 2k + 1 its action.
 */
final class Plan {
  private final boolean concurrent;
  private final int steps;
  private final @Nullable List<List<Integer>> before;
  private final @Nullable List<List<Integer>> after;

  private Plan(
      boolean concurrent,
      int steps,
      @Nullable List<List<Integer>> before,
      @Nullable List<List<Integer>> after) {
    this.concurrent = concurrent;
    this.steps = steps;
    this.before = before;
    this.after = after;
  }

  /**
   * @throws IllegalArgumentException when an order names a step that does not exist, or steps wait
   *     for each other
   */
  static Plan of(CustomData.Saga data, int steps) {
    if (data.orders().isEmpty()) {
      return new Plan(data.concurrent(), steps, null, null);
    }
    List<List<Integer>> before = emptyLists(steps);
    List<List<Integer>> after = emptyLists(steps);
    data.orders()
        .forEach(
            (step, predecessors) -> {
              for (int predecessor : predecessors) {
                check(step, steps);
                check(predecessor, steps);
                before.get(step).add(predecessor);
                after.get(predecessor).add(step);
              }
            });
    var plan = new Plan(data.concurrent(), steps, before, after);
    plan.refuseCircles();
    return plan;
  }

  /** Whether at most one action runs at a time. */
  boolean isSequential() {
    return !concurrent;
  }

  int steps() {
    return steps;
  }

  /** The steps that must have succeeded before this one runs. */
  List<Integer> before(int step) {
    List<Integer> ordered = before == null ? List.of() : before.get(step);
    return concurrent || step == 0 ? ordered : plus(ordered, step - 1);
  }

  /** The steps that must be compensated, or never have run, before this one is compensated. */
  List<Integer> after(int step) {
    List<Integer> ordered = after == null ? List.of() : after.get(step);
    return concurrent || step == steps - 1 ? ordered : plus(ordered, step + 1);
  }

  private static List<Integer> plus(List<Integer> some, int one) {
    if (some.isEmpty()) {
      return List.of(one);
    }
    List<Integer> all = new ArrayList<>(some);
    all.add(one);
    return all;
  }

  private static void check(int step, int steps) {
    if (step < 0 || step >= steps) {
      throw new IllegalArgumentException(
          "custom_data: orders names step " + step + " (expected: 0 to " + (steps - 1) + ")");
    }
  }

  /** Runs all steps in thought; what is left over waits for itself. */
  private void refuseCircles() {
    int[] waitsFor = new int[steps];
    List<Integer> ready = new ArrayList<>();
    for (int step = 0; step < steps; step++) {
      waitsFor[step] = before(step).size();
      if (waitsFor[step] == 0) {
        ready.add(step);
      }
    }
    for (int next = 0; next < ready.size(); next++) {
      for (int waiting : after(ready.get(next))) {
        if (--waitsFor[waiting] == 0) {
          ready.add(waiting);
        }
      }
    }
    if (ready.size() < steps) {
      throw new IllegalArgumentException("custom_data: orders make steps wait for each other");
    }
  }

  private static List<List<Integer>> emptyLists(int count) {
    List<List<Integer>> lists = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      lists.add(new ArrayList<>());
    }
    return Collections.unmodifiableList(lists);
  }
}
