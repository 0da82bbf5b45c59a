package io.dtm4j.store.rocksdb;

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
    weight += known.weight() - (old == null ? -OBJECTS : old.weight());
    Iterator<Known> eldest = transactions.values().iterator();
    while (weight > maxWeight && eldest.hasNext()) {
      weight -= eldest.next().weight() + OBJECTS;
      eldest.remove();
    }
  }

  void remove(Gid gid) {
    Known old = transactions.remove(gid);
    weight -= old == null ? 0 : old.weight() + OBJECTS;
  }

  void clear() {
    transactions.clear();
    weight = 0;
  }
}
