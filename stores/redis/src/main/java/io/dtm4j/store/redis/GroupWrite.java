package io.dtm4j.store.redis;

import static java.util.Objects.requireNonNull;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.StoreRejectedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Commits a group. The batches of one gid are folded: each sees what those before it left, and the
 * record is written once. Gids do not depend on each other, so it does not matter in which order
 * they are written.
 *
 * <p>A batch that does not fit its record rejects the group before anything of it is written. Where
 * it fits what this store remembers, and another server has changed the record since, that comes to
 * light when others may be written; then that batch alone is rejected.
 */
final class GroupWrite {
  private final Numbers numbers;
  private final Duration expiry;

  /** A batch and its place in the group. */
  private record Placed(int place, Batch batch) {}

  GroupWrite(Numbers numbers, Duration expiry) {
    this.numbers = numbers;
    this.expiry = expiry;
  }

  List<CommitResult> apply(CompareAndSet<Seen.Whole> records, List<Batch> group) {
    var results = new CommitResult[group.size()];
    var byGid = new LinkedHashMap<Gid, OfGid>();
    for (int i = 0; i < group.size(); i++) {
      Batch batch = group.get(i);
      byGid
          .computeIfAbsent(batch.gid(), gid -> new OfGid(gid, results))
          .batches
          .add(new Placed(i, batch));
    }
    numberNew(byGid);
    records.run(byGid);
    return List.of(results);
  }

  /** In the order in which they are saved, whatever becomes of them. */
  private void numberNew(Map<Gid, OfGid> byGid) {
    byGid.values().stream()
        .flatMap(ofGid -> ofGid.batches.stream())
        .filter(placed -> placed.batch.guard() instanceof Guard.Absent)
        .sorted((one, other) -> Integer.compare(one.place, other.place))
        .forEach(
            placed ->
                requireNonNull(byGid.get(placed.batch.gid()))
                    .numbers
                    .put(placed.place, numbers.next()));
  }

  /** What becomes of one gid. */
  private final class OfGid implements CompareAndSet.Decision<Seen.Whole> {
    private final Gid gid;
    private final CommitResult[] results;
    private final List<Placed> batches = new ArrayList<>();
    private final Map<Integer, Long> numbers = new LinkedHashMap<>();

    OfGid(Gid gid, CommitResult[] results) {
      this.gid = gid;
      this.results = results;
    }

    /** Only if it cannot turn out afterwards that something else of it does not fit. */
    @Override
    public boolean isOfNew() {
      return batches.size() == 1 && batches.getFirst().batch.guard() instanceof Guard.Absent;
    }

    @Override
    public RecordWrite.@Nullable Plan<Seen.Whole> on(
        Seen.@Nullable Whole seen, boolean othersWritten) {
      Stored before = seen == null ? null : seen.stored();
      Stored now = before;
      long number = 0;
      for (Placed placed : batches) {
        switch (apply(placed.batch, now, othersWritten)) {
          case Batch.Applied.Changed changed -> {
            number = now == null ? numbers.getOrDefault(placed.place, 0L) : number;
            now = changed.stored();
            results[placed.place] = new CommitResult.Committed(now);
          }
          case Batch.Applied.Refused refused ->
              results[placed.place] = new CommitResult.Lost(refused.stored());
          case Batch.Applied.Conflict conflict ->
              results[placed.place] = new CommitResult.Conflict(conflict.key());
          case null ->
              results[placed.place] =
                  new CommitResult.Rejected("batch of " + gid + " does not fit its record");
        }
      }
      if (now == null || now.equals(before)) {
        return null;
      }
      Stored after = now;
      long newNumber = number;
      return () -> RecordWrite.of(gid, seen, after, newNumber, expiry);
    }
  }

  /** Null: it does not fit, and is rejected alone. */
  private static Batch.@Nullable Applied apply(
      Batch batch, @Nullable Stored stored, boolean othersWritten) {
    try {
      return batch.applyTo(stored);
    } catch (IllegalStateException | IndexOutOfBoundsException e) {
      if (othersWritten) {
        return null;
      }
      throw new StoreRejectedException("batch of " + batch.gid() + " does not fit its record", e);
    }
  }
}
