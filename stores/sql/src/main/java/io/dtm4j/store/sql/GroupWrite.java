package io.dtm4j.store.sql;

import static java.util.Comparator.comparing;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.StoreRejectedException;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes any group: locks its gids in their order, reads their records, applies the batches in
 * Java, and writes what has changed. A gid that was absent cannot be locked: its insert leaves a
 * row alone that somebody else has stored meanwhile, and then all begins again.
 *
 * <p>Large groups are worked on in parts, so that not all of their records are in memory at a time;
 * kept are those that the results have to tell. When these are too many bytes the whole group is
 * refused, and comes again in halves.
 */
final class GroupWrite {
  private static final int PART = 64;

  /** So many records of any size may be in memory. */
  private static final int FEW = 8;

  /** Bytes of the records of a part, its last one apart. */
  private static final long MOST_BYTES = 16 << 20;

  /** Bytes of the records that the results of a group tell. */
  private static final long MOST_KEPT = 64 << 20;

  private final Records records;
  private final Changes changes;
  private long kept;

  GroupWrite(Session session) {
    records = new Records(session);
    changes = new Changes(session);
  }

  /** A batch and its place in the group. */
  private record Placed(int place, Batch batch) {}

  List<CommitResult> apply(List<Batch> group) throws SQLException {
    var results = new CommitResult[group.size()];
    var byGid = new HashMap<Gid, List<Placed>>();
    for (int i = 0; i < group.size(); i++) {
      Batch batch = group.get(i);
      byGid.computeIfAbsent(batch.gid(), _ -> new ArrayList<>()).add(new Placed(i, batch));
    }
    List<Gid> gids = byGid.keySet().stream().sorted(comparing(Gid::value)).toList();
    var created = new LinkedHashMap<Integer, Stored>();
    for (List<Gid> part : parts(gids)) {
      Map<Gid, Found> found = records.lockAll(part);
      for (Gid gid : part) {
        apply(byGid.getOrDefault(gid, List.of()), found.get(gid), results, created);
      }
      if (kept > MOST_KEPT && gids.size() > 1) {
        throw new StoreRejectedException(
            "records of " + kept + " bytes are too much for one group",
            new IllegalStateException());
      }
      changes.flush();
    }
    created.entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .forEach(entry -> changes.create(entry.getValue()));
    changes.flush();
    return List.of(results);
  }

  /** What is locked and read at a time. */
  private List<List<Gid>> parts(List<Gid> gids) throws SQLException {
    var parts = new ArrayList<List<Gid>>();
    for (int from = 0; from < gids.size(); from += PART) {
      List<Gid> part = gids.subList(from, Math.min(gids.size(), from + PART));
      if (part.size() <= FEW) {
        parts.add(part);
      } else {
        addAffordable(part, records.sizes(part), parts);
      }
    }
    return parts;
  }

  private static void addAffordable(List<Gid> gids, Map<Gid, Long> sizes, List<List<Gid>> parts) {
    int from = 0;
    long bytes = 0;
    for (int i = 0; i < gids.size(); i++) {
      bytes += sizes.getOrDefault(gids.get(i), 0L);
      if (bytes > MOST_BYTES || i == gids.size() - 1) {
        parts.add(gids.subList(from, i + 1));
        from = i + 1;
        bytes = 0;
      }
    }
  }

  /** Applies the batches of one gid; what is new of it is kept by the place of its batch. */
  private void apply(
      List<Placed> batches,
      @Nullable Found found,
      CommitResult[] results,
      Map<Integer, Stored> created) {
    Stored before = found == null ? null : found.stored();
    Stored now = before;
    int first = -1;
    for (Placed placed : batches) {
      switch (apply(placed.batch(), now)) {
        case Batch.Applied.Changed changed -> {
          first = now == null ? placed.place() : first;
          boolean tells = kept < MOST_BYTES || mustTell(placed.batch(), now);
          now = changed.stored();
          results[placed.place()] = new CommitResult.Committed(tells ? keep(now) : null);
        }
        case Batch.Applied.Refused refused ->
            results[placed.place()] =
                new CommitResult.Lost(refused.stored() == null ? null : keep(refused.stored()));
        case Batch.Applied.Conflict conflict ->
            results[placed.place()] = new CommitResult.Conflict(conflict.key());
      }
    }
    if (now != null && found == null) {
      created.put(first, now);
    } else if (now != null && found != null) {
      changes.update(found, now);
    }
  }

  /** Whether the result has to tell the record ({@link CommitResult.Committed}). */
  private static boolean mustTell(Batch batch, @Nullable Stored before) {
    return before == null
        || (batch.owner() != null
            && (before.transaction().status() == GlobalStatus.PREPARED
                || !batch.owner().claim().equals(before.owner().claim())
                || before.owner().mark() == Owner.Mark.LOOK_AGAIN
                || batch.owner().isSameWriteAs(before.owner())));
  }

  private Stored keep(Stored stored) {
    kept += Weights.of(stored.transaction());
    return stored;
  }

  private static Batch.Applied apply(Batch batch, @Nullable Stored stored) {
    try {
      return batch.applyTo(stored);
    } catch (IllegalStateException | IndexOutOfBoundsException e) {
      throw new StoreRejectedException("batch of " + batch.gid() + " does not fit its record", e);
    }
  }
}
