package io.dtm4j.store.redis;

import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.Gid;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Unfinished transactions as this store has written or read them last, so that the batches of a
 * pass need not read. Another server may have changed them since: whoever uses one compares its
 * head when writing. The objects are the same that passes hold. Bounded by weight; what was not
 * used for longest goes first. Thread-safe.
 */
final class Recent {
  /** Roughly the bytes of the objects of a transaction, and of each of its branches and headers. */
  private static final int OBJECTS = 1_000;

  private static final int OBJECTS_EACH = 150;

  private final long maxWeight;
  private final Map<Gid, Seen.Whole> transactions = new LinkedHashMap<>(16, 0.75f, true);
  private long weight;

  Recent(long maxWeight) {
    this.maxWeight = maxWeight;
  }

  synchronized Seen.@Nullable Whole get(Gid gid) {
    return transactions.get(gid);
  }

  synchronized void put(Gid gid, Seen.Whole now) {
    if (now.head().status().isFinal()) {
      remove(gid);
      return;
    }
    weight += weightOf(now) - weightOf(transactions.put(gid, now));
    Iterator<Seen.Whole> eldest = transactions.values().iterator();
    while (weight > maxWeight && eldest.hasNext()) {
      weight -= weightOf(eldest.next());
      eldest.remove();
    }
  }

  /** Only the head has changed. */
  synchronized void move(Gid gid, Seen before, Seen now) {
    Seen.Whole whole = transactions.get(gid);
    if (whole != null) {
      if (whole.bytes().equals(before.bytes())) {
        put(gid, new Seen.Whole(now.bytes(), now.head(), now.head().of(whole.stored())));
      } else {
        remove(gid);
      }
    }
  }

  synchronized void remove(Gid gid) {
    weight -= weightOf(transactions.remove(gid));
  }

  private static long weightOf(Seen.@Nullable Whole whole) {
    if (whole == null) {
      return 0;
    }
    Transaction transaction = whole.stored().transaction();
    long objects =
        (long) transaction.branches().size()
            + transaction.definition().options().branchHeaders().size();
    return whole.head().sizes().all() + OBJECTS + objects * OBJECTS_EACH;
  }
}
