package io.dtm4j.server.metrics;

import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.Op;
import io.prometheus.metrics.core.metrics.Counter;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/**
 * The branch calls of one mode. Branch ids and some ops are chosen by clients, and each new pair
 * would be two series for ever. So the first {@value #MAX_KEYS} usual pairs have series of their
 * own; all others share one branch id, {@code other}, and unusual ops share one op of that name.
 * Thread-safe.
 */
final class BranchCounts {
  static final int MAX_KEYS = 64;

  /** As long as {@code 100}, {@code 0101} and {@code 01-01}, docs/spec/transactions.md 1.2. */
  private static final int LONGEST_ID = 5;

  private static final Op OTHER = new Op(Metrics.OTHER);
  private static final Set<Op> USUAL_OPS =
      Set.of(Op.ACTION, Op.COMPENSATE, Op.CONFIRM, Op.CANCEL, Op.COMMIT, Op.ROLLBACK);

  private final Counter counter;
  private final String model;
  private final ConcurrentMap<BranchKey, Outcomes> known = new ConcurrentHashMap<>();
  private final ConcurrentMap<Op, Outcomes> others = new ConcurrentHashMap<>();

  BranchCounts(Counter counter, String model) {
    this.counter = counter;
    this.model = model;
  }

  Outcomes of(BranchKey branch) {
    Outcomes outcomes = known.get(branch);
    if (outcomes != null) {
      return outcomes;
    }
    boolean usual = USUAL_OPS.contains(branch.op());
    if (usual && isUsual(branch.branchId()) && known.size() < MAX_KEYS) {
      return add(branch);
    }
    Op op = usual ? branch.op() : OTHER;
    Outcomes shared = others.get(op);
    return shared != null ? shared : others.computeIfAbsent(op, _ -> outcomes(Metrics.OTHER, op));
  }

  /** One at a time, so that there are never more. */
  private synchronized Outcomes add(BranchKey branch) {
    return known.size() < MAX_KEYS
        ? known.computeIfAbsent(branch, _ -> outcomes(branch.branchId(), branch.op()))
        : of(branch);
  }

  private Outcomes outcomes(String branchId, Op op) {
    return Outcomes.of(counter, model, branchId, op.wireName());
  }

  private static boolean isUsual(String branchId) {
    if (branchId.isEmpty() || branchId.length() > LONGEST_ID) {
      return false;
    }
    for (int i = 0; i < branchId.length(); i++) {
      char c = branchId.charAt(i);
      if ((c < '0' || c > '9') && c != '-') {
        return false;
      }
    }
    return true;
  }
}
