package io.dtm4j.store.rocksdb;

import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.Gid;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Unfinished transactions that were written last, as they are in the database, so that the batches
 * of a pass need not read it. The objects are the same that passes hold. Bounded by weight; what
 * was not used for longest goes first. Not thread-safe.
 */
final class Recent {
  /** Weighs the objects of a transaction beside its texts and payloads. */
  private static final int OBJECTS = 1_000;

  /** The same of a branch, or of a branch header. */
  private static final int OBJECTS_EACH = 150;

  private final long maxWeight;
  private final Map<Gid, Known> transactions = new LinkedHashMap<>(16, 0.75f, true);
  private long weight;

  Recent(long maxWeight) {
    this.maxWeight = maxWeight;
  }

  @Nullable Known get(Gid gid) {
    return transactions.get(gid);
  }

  void put(Gid gid, Known known) {
    Known old = transactions.put(gid, known);
    weight += weightOf(known) - weightOf(old);
    Iterator<Known> eldest = transactions.values().iterator();
    while (weight > maxWeight && eldest.hasNext()) {
      weight -= weightOf(eldest.next());
      eldest.remove();
    }
  }

  void remove(Gid gid) {
    weight -= weightOf(transactions.remove(gid));
  }

  private static long weightOf(@Nullable Known known) {
    if (known == null) {
      return 0;
    }
    Transaction transaction = known.stored().transaction();
    long objects =
        (long) transaction.branches().size()
            + transaction.definition().options().branchHeaders().size();
    return known.weight() + OBJECTS + objects * OBJECTS_EACH;
  }

  void clear() {
    transactions.clear();
    weight = 0;
  }
}
