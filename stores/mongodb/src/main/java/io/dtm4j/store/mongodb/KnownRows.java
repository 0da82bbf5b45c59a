package io.dtm4j.store.mongodb;

import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Which rows the transactions have that this server works on. A row keeps its place and its name,
 * so what was known under a claim stays true under it, but for rows that came later; and a batch
 * that does not fit is found out before anything of its group is written. What is not known here is
 * read. Thread-safe.
 */
final class KnownRows {
  /** Rows of all of them; the longest unused are forgotten first. */
  private static final int MOST_ROWS = 200_000;

  private final Map<Gid, Known> known = new LinkedHashMap<>(16, 0.75f, true);
  private int rows;

  private record Known(String claim, List<BranchKey> keys) {}

  /** Remembers the rows of what was just written. */
  synchronized void learn(Stored stored) {
    Gid gid = stored.transaction().gid();
    Known old = known.get(gid);
    if (old != null
        && old.claim.equals(stored.owner().claim())
        && old.keys.size() == stored.transaction().branches().size()
        && !stored.transaction().status().isFinal()) {
      return;
    }
    forget(gid);
    if (stored.owner().isHeld() && !stored.transaction().status().isFinal()) {
      List<BranchKey> keys = stored.transaction().branches().stream().map(Branch::key).toList();
      known.put(gid, new Known(stored.owner().claim(), keys));
      rows += keys.size() + 1;
      while (rows > MOST_ROWS) {
        forget(known.keySet().iterator().next());
      }
    }
  }

  synchronized void forget(Gid gid) {
    Known old = known.remove(gid);
    if (old != null) {
      rows -= old.keys.size() + 1;
    }
  }

  /** Whether all these answers are known to name rows of that transaction. */
  synchronized boolean fit(Gid gid, String claim, List<Write.SetBranch> answers) {
    if (answers.isEmpty()) {
      return true;
    }
    Known one = known.get(gid);
    return one != null
        && one.claim.equals(claim)
        && answers.stream()
            .allMatch(
                set ->
                    set.row() >= 0
                        && set.row() < one.keys.size()
                        && one.keys.get(set.row()).equals(set.key()));
  }
}
