package io.dtm4j.coordinator;

import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * The disk below the embedded store of one server, with its volatile half: a write whose sync has
 * failed is not seen, but its log has it and replays it when the store is opened again, unless a
 * power cut takes it. What is replayed is flushed before it is believed (R6).
 */
final class Disk {
  private final SharedStore store;
  private final StoreTime clock;
  private final SplittableRandom chance;

  /** Written but not synced, in its order. */
  private final List<Unsynced> unsynced = new ArrayList<>();

  /** What a power cut would take back: records that were replayed and not flushed yet. */
  private final Map<Gid, Stored> replayed = new HashMap<>();

  private record Unsynced(Runnable write, Instant time) {}

  Disk(SharedStore store, StoreTime clock, SplittableRandom chance) {
    this.store = store;
    this.clock = clock;
    this.chance = chance;
  }

  /** A write has reached the log, and its sync has failed. */
  void syncFails(Runnable write) {
    unsynced.add(new Unsynced(write, clock.instant()));
  }

  /** The store is opened: by a new process, or because a sync has failed. */
  void open() {
    if (unsynced.isEmpty()) {
      return;
    }
    Map<Gid, Stored> before = records();
    Instant newest = store.newest();
    for (Unsynced one : unsynced) {
      one.write().run();
      newest = newest.isBefore(one.time()) ? one.time() : newest;
    }
    store.newest(newest);
    unsynced.clear();
    records()
        .forEach(
            (gid, stored) -> {
              if (!stored.equals(before.get(gid))) {
                replayed.put(gid, stored);
              }
            });
    flush();
  }

  private void flush() {
    replayed.clear();
  }

  private Map<Gid, Stored> records() {
    Map<Gid, Stored> records = new HashMap<>();
    store.everything().forEach(stored -> records.put(stored.transaction().gid(), stored));
    return records;
  }

  /** A new process: nobody else has the records, so none is leased any more. */
  void openAnew() {
    open();
    clock.open(store.newest());
    store.abandonAll();
  }

  /**
   * The power is cut: what was not synced is gone, but for a part that was written all the same.
   */
  void loseWhatIsVolatile() {
    if (!replayed.isEmpty()) {
      throw new Violation("R6: what is believed survives a power cut", replayed.values());
    }
    int survive = chance.nextInt(unsynced.size() + 1);
    unsynced.subList(survive, unsynced.size()).clear();
  }
}
