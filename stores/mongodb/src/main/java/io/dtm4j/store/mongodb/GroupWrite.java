package io.dtm4j.store.mongodb;

import static io.dtm4j.store.mongodb.Documents.ID;
import static java.util.Comparator.comparingInt;
import static java.util.Objects.requireNonNull;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.StoreRejectedException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.bson.BsonArray;
import org.bson.BsonDocument;
import org.bson.BsonString;
import org.jspecify.annotations.Nullable;

/**
 * Writes a group, a conditional write for each gid, all of them sent at once. New transactions, and
 * what passes write to what they hold, are not read before ({@link FastUpdate}). All others are
 * read, the batches of a gid are applied in Java, and what has changed is written if the document
 * still is as it was read. What somebody else has changed meanwhile begins again.
 *
 * <p>A refusal, and a batch that finds its own token, are answers about a document as it was read
 * from a primary that may be none any more, or may lose what no majority has yet. So they are
 * written, too: a write that changes nothing but the list of writes, on the condition that the
 * document still is so, and a majority has it all when it is acknowledged.
 *
 * <p>A batch that does not fit its record is found out before the first write, and nothing of the
 * group is stored. Only one that fitted at first and does not any more, because somebody else has
 * changed the record meanwhile, is rejected alone.
 */
final class GroupWrite {
  private static final int MOST_ROUNDS = 100;
  private static final long PAUSE_MILLIS = 5;

  private final Database database;
  private final KnownRows known;
  private final Sequence sequence;
  private final Instant now;
  private final Map<Gid, Long> numbers = new HashMap<>();

  /** A batch and its place in the group. */
  private record Placed(int place, Batch batch) {}

  /**
   * What the batches of a gid come to.
   *
   * @param found null: it was absent, or not read
   * @param now null: it still is absent, or was not read
   * @param results of the batches, in their order
   * @param created the place of the batch that creates it; -1: none does
   */
  private record Folded(
      Gid gid,
      Documents.@Nullable Found found,
      @Nullable Stored now,
      List<CommitResult> results,
      int created,
      @Nullable FastUpdate fast) {}

  GroupWrite(Database database, KnownRows known, Sequence sequence, Instant now) {
    this.database = database;
    this.known = known;
    this.sequence = sequence;
    this.now = now;
  }

  /** See {@link io.dtm4j.store.TransactionStore#commit}. */
  List<CommitResult> commit(List<Batch> group) {
    return apply(group, null);
  }

  /**
   * Writes claims of documents that have been read; the others of the group have lost. Lost claims
   * are told nobody, so nothing is written for them.
   */
  List<CommitResult> claim(List<Batch> group, Map<Gid, Documents.Found> read) {
    return apply(group, read);
  }

  private List<CommitResult> apply(
      List<Batch> group, @Nullable Map<Gid, Documents.Found> readBefore) {
    boolean claims = readBefore != null;
    var results = new CommitResult[group.size()];
    var pending = new LinkedHashMap<Gid, List<Placed>>();
    for (int i = 0; i < group.size(); i++) {
      Batch batch = group.get(i);
      pending.computeIfAbsent(batch.gid(), _ -> new ArrayList<>()).add(new Placed(i, batch));
    }
    for (int round = 1; !pending.isEmpty(); round++) {
      if (round > MOST_ROUNDS) {
        throw new OutcomeUnknownException("others keep the records busy", null);
      }
      if (round > 2) { // at first nobody may be in the way
        pause(round);
      }
      round(pending, round == 1 ? readBefore : null, round == 1, claims, results);
    }
    return List.of(results);
  }

  private static void pause(int round) {
    long most = TimeUnit.MILLISECONDS.toNanos(PAUSE_MILLIS * Math.min(round, 10));
    LockSupport.parkNanos(ThreadLocalRandom.current().nextLong(most));
  }

  /** One attempt for all that is pending; what has come to its end leaves it. */
  private void round(
      Map<Gid, List<Placed>> pending,
      @Nullable Map<Gid, Documents.Found> readBefore,
      boolean first,
      boolean claims,
      CommitResult[] results) {
    var folded = new ArrayList<Folded>();
    var read = new ArrayList<Gid>();
    pending.forEach(
        (gid, batches) -> {
          Folded fast = first && !claims ? fast(batches) : null;
          if (fast == null) {
            read.add(gid);
          } else {
            folded.add(fast);
          }
        });
    var broken = new HashMap<Gid, BrokenRecordException>();
    Map<Gid, Documents.Found> found = readBefore == null ? find(read, broken) : readBefore;
    for (Gid gid : read) {
      List<Placed> batches = requireNonNull(pending.get(gid));
      try {
        if (broken.containsKey(gid)) {
          throw requireNonNull(broken.get(gid));
        }
        folded.add(fold(gid, batches, found.get(gid)));
      } catch (StoreRejectedException | BrokenRecordException e) {
        if (first) {
          throw e;
        }
        reject(batches, String.valueOf(e.getMessage()), results);
        pending.remove(gid);
      }
    }
    var send = new GroupSend(database);
    folded.sort(comparingInt(Folded::created));
    for (Folded one : folded) {
      try {
        add(one, claims, send);
      } catch (UnstorableException e) {
        if (first) {
          throw e;
        }
        reject(requireNonNull(pending.remove(one.gid)), String.valueOf(e.getMessage()), results);
      }
    }
    GroupSend.Outcome outcome = send.send();
    for (Folded one : folded) {
      List<Placed> batches = pending.get(one.gid);
      if (batches == null) {
        continue; // rejected
      }
      String refused = outcome.refused().get(one.gid);
      if (refused != null) {
        reject(batches, refused, results);
        pending.remove(one.gid);
      } else if (outcome.done().contains(one.gid) || isSettled(one, claims)) {
        for (int i = 0; i < batches.size(); i++) {
          results[batches.get(i).place] = one.results.get(i);
        }
        learn(one);
        pending.remove(one.gid);
      }
    }
  }

  private static void reject(List<Placed> batches, String cause, CommitResult[] results) {
    batches.forEach(placed -> results[placed.place] = new CommitResult.Rejected(cause));
  }

  private void learn(Folded done) {
    if (done.now != null) {
      known.learn(done.now);
    } else if (done.fast != null && done.fast.status().isFinal()) {
      known.forget(done.gid);
    }
  }

  /** Whether there is nothing to write or to confirm: no document, or a claim that has lost. */
  private static boolean isSettled(Folded one, boolean claims) {
    if (one.fast != null) {
      return false;
    }
    return one.now == null
        || (claims
            && one.found != null
            && one.results.stream().noneMatch(result -> result instanceof CommitResult.Committed));
  }

  private void add(Folded one, boolean claims, GroupSend send) {
    if (isSettled(one, claims)) {
      return;
    }
    if (one.fast != null) {
      send.update(one.gid, one.fast.conditions(), one.fast.changes());
    } else if (one.found == null) {
      long number = numbers.computeIfAbsent(one.gid, _ -> sequence.next(now));
      send.create(one.gid, Documents.newDocument(requireNonNull(one.now), number, send.mark()));
    } else {
      send.update(
          one.gid,
          new BsonDocument(Documents.LAST_WRITE, one.found.lastWrite()),
          Differences.between(one.found, requireNonNull(one.now)));
    }
  }

  /** What needs no reading; null: it does. */
  private @Nullable Folded fast(List<Placed> batches) {
    if (batches.size() != 1) {
      return null;
    }
    Batch batch = batches.getFirst().batch;
    if (batch.guard() instanceof Guard.Absent
        && batch.writes().size() == 1
        && batch.writes().getFirst() instanceof Write.SaveNew) {
      return fold(batch.gid(), batches, null);
    }
    FastUpdate update = FastUpdate.of(batch, known);
    return update == null
        ? null
        : new Folded(
            batch.gid(), null, null, List.of(new CommitResult.Committed(null)), -1, update);
  }

  private static Folded fold(Gid gid, List<Placed> batches, Documents.@Nullable Found found) {
    Stored now = found == null ? null : found.stored();
    int created = -1;
    var results = new ArrayList<CommitResult>(batches.size());
    for (Placed placed : batches) {
      switch (apply(placed.batch, now)) {
        case Batch.Applied.Changed changed -> {
          created = now == null ? placed.place : created;
          now = changed.stored();
          results.add(new CommitResult.Committed(now));
        }
        case Batch.Applied.Refused refused -> results.add(new CommitResult.Lost(refused.stored()));
        case Batch.Applied.Conflict conflict ->
            results.add(new CommitResult.Conflict(conflict.key()));
      }
    }
    return new Folded(gid, found, now, results, created, null);
  }

  private static Batch.Applied apply(Batch batch, @Nullable Stored stored) {
    try {
      return batch.applyTo(stored);
    } catch (IllegalStateException | IndexOutOfBoundsException e) {
      throw new StoreRejectedException("batch of " + batch.gid() + " does not fit its record", e);
    }
  }

  /** The newest documents of these gids; what makes no sense is told apart. */
  private Map<Gid, Documents.Found> find(
      Collection<Gid> gids, Map<Gid, BrokenRecordException> broken) {
    var found = new HashMap<Gid, Documents.Found>();
    if (!gids.isEmpty()) {
      for (BsonDocument document : database.newest().find(in(gids))) {
        Gid gid = Documents.gid(document);
        try {
          found.put(gid, Documents.read(document));
        } catch (BrokenRecordException e) {
          broken.put(gid, e);
        }
      }
    }
    return found;
  }

  static BsonDocument in(Collection<Gid> gids) {
    var ids = new BsonArray(gids.stream().map(gid -> new BsonString(gid.value())).toList());
    return new BsonDocument(ID, new BsonDocument("$in", ids));
  }
}
