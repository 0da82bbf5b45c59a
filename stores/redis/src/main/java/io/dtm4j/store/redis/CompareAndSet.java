package io.dtm4j.store.redis;

import static java.util.Objects.requireNonNull;

import io.dtm4j.protocol.Gid;
import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.StoreRejectedException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Changes records without locks. What is to become of a record is decided in Java, on what this
 * store has seen of it last; the script writes it if the record still is that, else it is read and
 * decided again. So all that was decided holds for the moment of the write, and the same write that
 * arrives a second time, or late, finds another head and does nothing.
 *
 * <p>What was decided on a record that this call has read, and changes nothing, needs no write; on
 * one that was only remembered, the script compares all the same.
 *
 * @param <T> how much of a record the decision takes
 */
final class CompareAndSet<T extends Seen> {
  private static final int MOST_ATTEMPTS = 100;
  private static final long PAUSE_MICROS = 200;

  /**
   * Of one call of a script. While Redis works on one call the next is put together: with few
   * records in each, groups are done sooner.
   */
  private static final int MOST_RECORDS = 8;

  /** Of one call, during which Redis does nothing else. */
  private static final int MOST_BYTES = 1 << 20;

  private final Session session;
  private final Source<T> source;

  /** Decides about one record; the last time it is asked counts. */
  interface Decision<T extends Seen> {
    /**
     * What is to become of it.
     *
     * @param seen null: there is no such record
     * @param othersWritten whether something of this call is written already
     * @return null when nothing changes
     * @throws StoreRejectedException when it does not fit what was seen; not when others are
     *     written
     */
    RecordWrite.@Nullable Plan<T> on(@Nullable T seen, boolean othersWritten);

    /** Whether there most likely is no such record, so that it need not be read. */
    default boolean isOfNew() {
      return false;
    }
  }

  /** Where what is decided on comes from. */
  interface Source<T extends Seen> {
    /** As this store remembers it, or null. */
    @Nullable T recent(Gid gid);

    /** As they are; those that are not there are left out. */
    Map<Gid, T> read(Session session, Collection<Gid> gids);

    /** So it is now. */
    void written(Gid gid, @Nullable T before, @Nullable T now);

    /** Nobody knows what it is now. */
    void forget(Gid gid);
  }

  /** What a decision is made on. */
  private record Basis<T extends Seen>(@Nullable T seen, boolean isRead) {}

  /**
   * What was decided on what was seen.
   *
   * @param plan null: nothing changes, what was seen is compared
   */
  private record Decided<T extends Seen>(
      Gid gid, @Nullable T seen, RecordWrite.@Nullable Plan<T> plan) {}

  /**
   * What is on its way.
   *
   * @param changes of each; null: it is compared
   */
  private record Sent<T extends Seen>(
      List<Decided<T>> records,
      List<RecordWrite.@Nullable Change<T>> changes,
      Session.ScriptCall<List<Long>> call) {}

  CompareAndSet(Session session, Source<T> source) {
    this.session = session;
    this.source = source;
  }

  /**
   * Decides about all these records, and writes what was decided. Replicas are waited for even when
   * nothing is to be written: it may be there from an attempt that they have not followed yet.
   *
   * @throws StoreRejectedException when something does not fit; then nothing is written
   */
  void run(Map<Gid, ? extends Decision<T>> decisions) {
    try {
      session.<@Nullable Void>replicated(
          () -> session.shardsOf(decisions.keySet()),
          () -> {
            write(decisions);
            return null;
          });
    } catch (RuntimeException e) {
      decisions.keySet().forEach(source::forget);
      throw e;
    }
  }

  private void write(Map<Gid, ? extends Decision<T>> decisions) {
    Map<Gid, Basis<T>> open = remembered(decisions);
    boolean othersWritten = false;
    for (int attempt = 1; !open.isEmpty(); attempt++) {
      if (attempt > MOST_ATTEMPTS) {
        throw new OutcomeUnknownException("others keep the records busy", null);
      }
      var decided = new ArrayList<Decided<T>>();
      var again = new HashSet<Gid>();
      for (Map.Entry<Gid, Basis<T>> entry : open.entrySet()) {
        Gid gid = entry.getKey();
        Basis<T> basis = entry.getValue();
        try {
          Decided<T> one = decide(gid, basis, decisions, othersWritten);
          if (one != null) {
            decided.add(one);
          }
        } catch (StoreRejectedException e) {
          if (basis.isRead) {
            throw e;
          }
          again.add(gid); // another server may have made it fit
        }
      }
      if (again.isEmpty()) {
        again.addAll(send(decided));
        othersWritten |= again.size() < decided.size();
        open.keySet().retainAll(again);
        pause(attempt);
      }
      again.forEach(source::forget);
      Map<Gid, T> read = source.read(session, again);
      again.forEach(gid -> open.put(gid, new Basis<>(read.get(gid), true)));
    }
  }

  private Map<Gid, Basis<T>> remembered(Map<Gid, ? extends Decision<T>> decisions) {
    var open = new LinkedHashMap<Gid, Basis<T>>();
    var unknown = new ArrayList<Gid>();
    decisions.forEach(
        (gid, decision) -> {
          T recent = source.recent(gid);
          open.put(gid, new Basis<>(recent, false));
          if (recent == null && !decision.isOfNew()) {
            unknown.add(gid);
          }
        });
    Map<Gid, T> read = source.read(session, unknown);
    unknown.forEach(gid -> open.put(gid, new Basis<>(read.get(gid), true)));
    return open;
  }

  /** What is to be written, or compared at least; null: nothing. */
  private @Nullable Decided<T> decide(
      Gid gid, Basis<T> basis, Map<Gid, ? extends Decision<T>> decisions, boolean othersWritten) {
    Decision<T> decision = requireNonNull(decisions.get(gid));
    RecordWrite.Plan<T> plan = decision.on(basis.seen, othersWritten);
    return plan == null && basis.isRead ? null : new Decided<>(gid, basis.seen, plan);
  }

  /**
   * Sends all, in calls of which Redis works on one while the next is put together.
   *
   * @return those that were not as they were seen
   */
  private Set<Gid> send(List<Decided<T>> all) {
    var sent = new ArrayList<Sent<T>>();
    for (List<Decided<T>> together : session.together(all, one -> Texts.bytes(one.gid.value()))) {
      for (int from = 0; from < together.size(); ) {
        Sent<T> next = call(together.subList(from, together.size()));
        sent.add(next);
        from += next.changes.size();
      }
    }
    var missed = new HashSet<Gid>();
    for (Sent<T> call : sent) {
      Set<Long> places = new HashSet<>(session.get(call.call));
      for (int place = 0; place < call.changes.size(); place++) {
        Decided<T> one = call.records.get(place);
        RecordWrite.Change<T> change = call.changes.get(place);
        if (places.contains(place + 1L)) {
          missed.add(one.gid);
        } else if (change != null) {
          source.written(one.gid, one.seen, change.after());
        }
      }
    }
    return missed;
  }

  /** Sends the first of them, as many as go in one call. */
  private Sent<T> call(List<Decided<T>> records) {
    Keys keys = session.keys();
    var indexKeys = new ArrayList<byte[]>();
    var recordKeys = new ArrayList<byte[]>();
    var places = new HashMap<Integer, byte[]>();
    var arguments = new ArrayList<byte[]>();
    var changes = new ArrayList<RecordWrite.@Nullable Change<T>>();
    int bytes = 0;
    for (Decided<T> one : records) {
      if (changes.size() == MOST_RECORDS || bytes >= MOST_BYTES) {
        break;
      }
      RecordWrite.Change<T> change = one.plan == null ? null : one.plan.change();
      changes.add(change);
      RecordWrite write =
          change == null ? RecordWrite.comparing(one.gid, one.seen) : change.write();
      bytes += write.bytes();
      byte[] gid = write.gid().array();
      byte[] place =
          places.computeIfAbsent(
              Keys.shard(gid),
              shard -> {
                byte[] here = Texts.bytes(Integer.toString(indexKeys.size()));
                indexKeys.addAll(keys.indexes(shard));
                return here;
              });
      recordKeys.add(keys.record(gid));
      arguments.add(place);
      arguments.addAll(write.arguments());
    }
    arguments.addFirst(Texts.bytes(Integer.toString(indexKeys.size())));
    indexKeys.addAll(recordKeys);
    return new Sent<>(records, changes, session.call(Script.WRITE, indexKeys, arguments));
  }

  private static void pause(int attempt) {
    if (attempt > 2) {
      long most = PAUSE_MICROS * attempt;
      LockSupport.parkNanos(
          TimeUnit.MICROSECONDS.toNanos(ThreadLocalRandom.current().nextLong(most)));
    }
  }
}
