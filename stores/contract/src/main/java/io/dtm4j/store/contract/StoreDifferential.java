package io.dtm4j.store.contract;

import static io.dtm4j.store.contract.Samples.FUTURE;
import static io.dtm4j.store.contract.Samples.PAST;
import static java.time.temporal.ChronoUnit.MILLIS;
import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.Filter;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.Lease;
import io.dtm4j.store.Listed;
import io.dtm4j.store.MemoryStore;
import io.dtm4j.store.Page;
import io.dtm4j.store.Reset;
import io.dtm4j.store.StoreRejectedException;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Sends random sequences of calls to a store and to {@link MemoryStore}: same results, same records
 * after every call. Each sequence has its seed, which a failure names with the calls before it;
 * {@code -Ddtm4j.differential.sequences=N} runs as many of them, {@code
 * -Ddtm4j.differential.first=SEED} begins elsewhere. Every kind of result has to occur, unless
 * there are few of them.
 *
 * <p>The two have clocks of their own. Where a call goes by the clock, the time that the store used
 * is read from its result, and the model does the same call at that very time.
 */
@DisplayNameGeneration(ReplaceUnderscores.class)
public abstract class StoreDifferential {
  private static final long FIRST = Long.getLong("dtm4j.differential.first", 1);
  private static final int PARTS = 2;
  private static final int CALLS = 25;
  private static final int RESTART_AFTER = 50;

  /** The model looks through all it has for each answer. */
  private static final int DELETE_AFTER = 25;

  private static final Set<String> KINDS =
      Set.of(
          "Committed",
          "Lost to a record",
          "Lost, nothing is stored",
          "Conflict",
          "group rejected",
          "due",
          "claimed",
          "not claimed",
          "lease lost",
          "lease renewed",
          "brought forward",
          "more to bring forward",
          "listed",
          "deleted",
          "key-value changed",
          "key-value not changed");

  /** What only a restart makes of a record. */
  private static final String ABANDONED = "abandoned";

  private static final Duration LEASE = Duration.ofHours(1);

  /** Texts only when they are wanted: they are long. */
  private final List<Supplier<String>> calls = new ArrayList<>();

  private final Set<String> kinds = new TreeSet<>();
  private Instant modelTime = PAST;
  private final Model model = new Model();
  private TransactionStore store = model;
  private boolean restarted;

  /** The model, which is embedded, too. */
  private final class Model extends MemoryStore {
    Model() {
      super(() -> modelTime);
    }

    void restart() {
      abandonAll();
    }
  }

  /** A store that holds nothing. */
  protected abstract TransactionStore emptyStore() throws Exception;

  /** The shortest time that the store tells apart. */
  protected Duration tick() {
    return Duration.ofMillis(1);
  }

  /** As in {@link OpenStore#earliest}. */
  private Instant earliest(Instant time) {
    long millis = tick().toMillis();
    return Instant.ofEpochMilli(Math.floorDiv(time.toEpochMilli(), millis) * millis);
  }

  /** As in {@link OpenStore#latest}. */
  private Instant latest() {
    return store.storeTime().plus(tick()).minusMillis(1);
  }

  /** How many sequences there are, unless a property says otherwise. */
  protected int sequences() {
    return 1_000;
  }

  /** Whether they are so many that every kind of result has to occur. */
  protected boolean areEnough() {
    return true;
  }

  /**
   * The same store after a restart of the process that has it to itself; null: it does not survive
   * one, or others may have it, too.
   */
  protected @Nullable TransactionStore reopen(TransactionStore open) throws Exception {
    return null;
  }

  /** Each part has a store of its own and runs beside the others. */
  @RepeatedTest(PARTS)
  @Execution(ExecutionMode.CONCURRENT)
  @Timeout(value = 1, unit = TimeUnit.HOURS) // for many sequences
  void random_calls_have_the_results_that_they_have_in_the_model(RepetitionInfo part)
      throws Exception {
    int all = Integer.getInteger("dtm4j.differential.sequences", sequences());
    int number = part.getCurrentRepetition() - 1;
    int count = (all + PARTS - 1 - number) / PARTS;
    store = emptyStore();
    try {
      for (int i = 0; i < count; i++) {
        long seed = FIRST + (long) i * PARTS + number;
        try {
          var sequence = new Sequence(seed);
          sequence.run();
          if (i % RESTART_AFTER == 0) {
            sequence.restart();
            sequence.run();
          }
          sequence.finish();
          if (i % DELETE_AFTER == 0) {
            sequence.deleteAll();
          }
        } catch (AssertionError | Exception e) {
          throw new AssertionError("seed " + seed + ", after these calls:\n" + callsSoFar(), e);
        }
      }
    } finally {
      store.close();
    }
    if (all >= sequences() && areEnough()) {
      Set<String> expected = new TreeSet<>(KINDS);
      if (restarted) {
        expected.add(ABANDONED);
      }
      assertThat(kinds).isEqualTo(expected);
    }
  }

  private String callsSoFar() {
    return calls.stream().map(Supplier::get).collect(joining("\n"));
  }

  /** One sequence, on gids and keys of its own. */
  private final class Sequence {
    private final SplittableRandom random;
    private final RandomBatches batches;
    private final String name;
    private final List<Gid> gids;
    private final List<Due> dues = new ArrayList<>();

    Sequence(long seed) {
      calls.clear();
      random = new SplittableRandom(seed);
      name = "s" + seed + "-";
      batches = new RandomBatches(random, name, tick());
      gids = List.of(gid('a'), gid('b'), gid('c'), gid('d'));
    }

    private Gid gid(char last) {
      return new Gid(name + last);
    }

    void run() {
      for (int i = 0; i < CALLS; i++) {
        switch (random.nextInt(26)) {
          case 0 -> dueBefore();
          case 1 -> claim();
          case 2 -> claimDue();
          case 3 -> renew();
          case 4 -> release();
          case 5, 6 -> keyValues();
          case 7 -> resetDue();
          case 8 -> list();
          case 9 -> delete();
          default -> commit();
        }
        compareRecords();
      }
    }

    /** In the midst of it: with records of all kinds, leased ones among them. */
    void restart() throws Exception {
      calls.add(() -> "restart");
      List<Stored> before = records(store);
      modelTime = store.storeTime();
      TransactionStore reopened = reopen(store);
      if (reopened != null) {
        store = reopened;
        restarted = true;
        note(ABANDONED, before.stream().anyMatch(one -> one.isLeasedTo(one.owner().claim())));
        learnTime(before, Duration.ZERO);
        model.restart();
      }
      compareRecords();
    }

    private void commit() {
      var group = new ArrayList<Batch>();
      for (int i = random.nextInt(4); i >= 0; i--) {
        Gid gid = batches.gid();
        group.add(batches.next(gid, model.find(gid).orElse(null)));
      }
      commit(group);
    }

    private void commit(List<Batch> group) {
      calls.add(() -> "commit " + group);
      List<CommitResult> expected = commit(model, group);
      List<CommitResult> results = commit(store, group);
      calls.add(() -> "  " + expected);
      assertThat(results).hasSameSizeAs(expected);
      note("group rejected", expected.isEmpty());
      for (int i = 0; i < expected.size(); i++) {
        compare(group.get(i), results.get(i), expected.get(i));
      }
    }

    /** The results; none when the group was rejected. */
    private static List<CommitResult> commit(TransactionStore store, List<Batch> group) {
      try {
        return store.commit(group);
      } catch (StoreRejectedException _) {
        return List.of();
      }
    }

    /** A committed record may be left out, unless R4a wants it or it is due now. */
    private void compare(Batch batch, CommitResult result, CommitResult expected) {
      kinds.add(
          switch (expected) {
            case Committed _ -> "Committed";
            case CommitResult.Lost lost ->
                lost.stored() == null ? "Lost, nothing is stored" : "Lost to a record";
            case CommitResult.Conflict _ -> "Conflict";
            case CommitResult.Rejected _ -> "rejected alone, which no store says";
          });
      if (result instanceof Committed bare
          && bare.stored() == null
          && expected instanceof Committed committed
          && !isDueAtOnce(batch, committed.stored())
          && !mustReturnRecord(batch)) {
        return;
      }
      assertThat(result).isEqualTo(expected);
    }

    /** Whether a pass came to rest, and finds its time over already. */
    private static boolean isDueAtOnce(Batch batch, @Nullable Stored stored) {
      return batch.owner() != null
          && !batch.owner().isHeld()
          && stored != null
          && !stored.transaction().status().isFinal()
          && !stored
              .transaction()
              .state()
              .schedule()
              .nextTime()
              .isAfter(stored.transaction().state().updateTime());
    }

    private static boolean mustReturnRecord(Batch batch) {
      boolean changesStatus = batch.writes().stream().anyMatch(w -> w instanceof Write.SetStatus);
      return batch.owner() != null
          && switch (batch.guard()) {
            case Guard.Absent _, Guard.Known _, Guard.LeasedTo _ -> false;
            case Guard.HeldBy held -> held.status() == GlobalStatus.PREPARED && changesStatus;
            case Guard.InStatus _, Guard.AsRead _ -> true;
          };
    }

    private void dueBefore() {
      Instant time =
          (random.nextBoolean() ? PAST : FUTURE).plus(tick().multipliedBy(random.nextInt(60)));
      int limit = 1 + random.nextInt(6);
      Due after = dues.isEmpty() || random.nextBoolean() ? null : batches.pick(dues);
      calls.add(() -> "dueBefore " + time + " " + after + " " + limit);

      List<Due> found = store.dueBefore(time, after, limit);

      assertThat(found).isEqualTo(model.dueBefore(time, after, limit));
      dues.addAll(found);
      note("due", !found.isEmpty());
    }

    private void claim() {
      if (dues.isEmpty()) {
        return;
      }
      var read = new ArrayList<Due>();
      for (int i = random.nextInt(4); i >= 0; i--) {
        Due due = batches.pick(dues);
        if (read.stream().noneMatch(other -> other.gid().equals(due.gid()))) {
          read.add(due);
        }
      }
      calls.add(() -> "claim " + read);
      claimed((some, owners) -> some.claim(read, LEASE, owners));
    }

    private void claimDue() {
      int limit = 1 + random.nextInt(5);
      calls.add(() -> "claimDue " + limit);
      claimed((some, owners) -> some.claimDue(LEASE, owners, limit));
    }

    /** The model claims at the time that the store used, with the same tokens. */
    private void claimed(BiFunction<TransactionStore, Function<Gid, Owner>, List<Stored>> claim) {
      var made = new HashMap<Gid, Owner>();
      Function<Gid, Owner> owners = gid -> made.computeIfAbsent(gid, _ -> batches.newOwner());
      modelTime = store.storeTime();
      List<Stored> claimed = claim.apply(store, owners);
      calls.add(() -> "  " + claimed);
      if (!claimed.isEmpty()) {
        Instant used = claimed.getFirst().transaction().state().updateTime();
        assertThat(used).isBetween(earliest(modelTime), latest());
        modelTime = used;
      }
      assertThat(claim.apply(model, owners)).isEqualTo(claimed);
      kinds.add(claimed.isEmpty() ? "not claimed" : "claimed");
    }

    private void renew() {
      List<Lease> leases = leases();
      calls.add(() -> "renew " + leases);
      List<Stored> before = records(store);
      modelTime = store.storeTime();

      List<Lease> lost = store.renew(leases, LEASE);

      learnTime(before, LEASE);
      assertThat(lost).containsExactlyInAnyOrderElementsOf(model.renew(leases, LEASE));
      note("lease lost", !lost.isEmpty());
      note("lease renewed", lost.size() < leases.size());
    }

    private void release() {
      List<Lease> leases = leases();
      calls.add(() -> "release " + leases);
      List<Stored> before = records(store);
      modelTime = store.storeTime();

      store.release(leases);

      learnTime(before, Duration.ZERO);
      model.release(leases);
    }

    /** Leases of this and of earlier claims, each gid once. */
    private List<Lease> leases() {
      var leases = new ArrayList<Lease>();
      for (Gid gid : gids) {
        Stored now = model.find(gid).orElse(null);
        Stored old = batches.remembered();
        if (now != null && batches.chance(60)) {
          leases.add(new Lease(gid, now.owner().claim()));
        } else if (old != null && batches.chance(50)) {
          leases.add(new Lease(gid, old.owner().claim()));
        }
      }
      return leases;
    }

    /** The store's clock as a call used it, from the record that it moved to now + lease. */
    private void learnTime(List<Stored> before, Duration lease) {
      for (Stored now : records(store)) {
        Instant moved = now.transaction().state().schedule().nextTime();
        if (before.stream().noneMatch(old -> isUnmoved(old, now))) {
          Instant used = moved.minus(lease);
          assertThat(used).isBetween(earliest(modelTime), latest());
          modelTime = used;
          return;
        }
      }
      modelTime = earliest(modelTime); // what it would have moved has that time already
    }

    private static boolean isUnmoved(Stored old, Stored now) {
      return old.transaction().gid().equals(now.transaction().gid())
          && old.transaction().state().schedule().equals(now.transaction().state().schedule());
    }

    /** Later than any lease, so that the very time of the call decides nothing. */
    private void resetDue() {
      Duration after = LEASE.multipliedBy(2);
      int limit = 1 + random.nextInt(3);
      calls.add(() -> "resetDue " + limit);
      List<Stored> before = records(store);
      modelTime = store.storeTime();

      Reset reset = store.resetDue(after, limit);

      learnTime(before, Duration.ZERO);
      assertThat(reset).isEqualTo(model.resetDue(after, limit));
      note("brought forward", reset.count() > 0);
      note("more to bring forward", reset.more());
    }

    /** The first pages; how long each is does not matter, what they show together does. */
    private void list() {
      Filter filter = batches.filter();
      int limit = 1 + random.nextInt(6);
      int most = 1 + random.nextInt(20);
      calls.add(() -> "list " + filter + " " + limit + " " + most);
      List<Listed> listed = list(store, filter, limit, most);
      assertThat(listed).isEqualTo(list(model, filter, 1_000, most));
      note("listed", !listed.isEmpty());
      assertThat(store.counts()).isEqualTo(model.counts());
      compareOldest();
    }

    /** It may be later than it is when a younger one had been stored before. */
    private void compareOldest() {
      Instant oldest = model.oldestUnfinished();
      if (oldest == null) {
        assertThat(store.oldestUnfinished()).isNull();
      } else {
        assertThat(store.oldestUnfinished()).isAfterOrEqualTo(oldest.truncatedTo(MILLIS));
      }
    }

    private static List<Listed> list(TransactionStore from, Filter filter, int limit, int most) {
      var items = new ArrayList<Listed>();
      String cursor = "";
      do {
        Page<Listed> page = from.list(filter, cursor, limit);
        assertThat(page.items()).hasSizeLessThanOrEqualTo(limit);
        items.addAll(page.items());
        cursor = page.next();
      } while (!cursor.isEmpty() && items.size() < most);
      return items.subList(0, Math.min(most, items.size()));
    }

    /** All the way through, because every store has its own. */
    private void delete() {
      Instant time = PAST.plus(tick().multipliedBy(random.nextInt(30_000)));
      int limit = 1 + random.nextInt(6);
      calls.add(() -> "delete " + time + " " + limit);
      int deleted = delete(store, time, limit);
      assertThat(deleted).isEqualTo(delete(model, time, limit));
      note("deleted", deleted > 0);
    }

    /** Of this sequence and of those before it: all have ended. */
    void deleteAll() {
      Instant later = FUTURE.plus(LEASE);
      assertThat(delete(store, later, 100)).isEqualTo(delete(model, later, 100));
      assertThat(list(store, Filter.ALL, 1, 1)).isEmpty();
      List<KeyValue> all = walked(store, null, 1 + random.nextInt(20));
      assertThat(all).hasSameSizeAs(walked(model, null, 1_000));
      for (KeyValue one : all) {
        assertThat(model.deleteKeyValue(one.category(), one.key())).isTrue();
        assertThat(store.deleteKeyValue(one.category(), one.key())).isTrue();
      }
    }

    private void note(String kind, boolean occurred) {
      if (occurred) {
        kinds.add(kind);
      }
    }

    private static int delete(TransactionStore from, Instant time, int limit) {
      int count = 0;
      String cursor = "";
      do {
        Page<Gid> page = from.endedBefore(time, cursor, limit);
        assertThat(page.items()).hasSizeLessThanOrEqualTo(limit);
        count += from.delete(page.items(), time);
        cursor = page.next();
      } while (!cursor.isEmpty());
      return count;
    }

    private void keyValues() {
      String category = name + random.nextInt(2);
      String key = "k" + random.nextInt(3);
      String value = "v" + random.nextInt(1_000);
      int call = random.nextInt(4);
      calls.add(() -> "key-value " + call + " " + category + " " + key + " " + value);
      long version = random.nextInt(1, 4);
      boolean changed = keyValue(store, call, category, key, value, version);
      assertThat(changed).isEqualTo(keyValue(model, call, category, key, value, version));
      kinds.add(changed ? "key-value changed" : "key-value not changed");
      assertThat(store.findKeyValues(category, null))
          .usingRecursiveFieldByFieldElementComparatorIgnoringFields("createTime", "updateTime")
          .isEqualTo(model.findKeyValues(category, null));
      assertThat(store.findKeyValue(category, key).map(KeyValue::version))
          .isEqualTo(model.findKeyValue(category, key).map(KeyValue::version));
      assertThat(walked(store, category, 1 + random.nextInt(3)))
          .isEqualTo(store.findKeyValues(category, null));
    }

    private static List<KeyValue> walked(
        TransactionStore from, @Nullable String category, int limit) {
      var items = new ArrayList<KeyValue>();
      String cursor = "";
      do {
        Page<KeyValue> page = from.listKeyValues(category, cursor, limit);
        assertThat(page.items()).hasSizeLessThanOrEqualTo(limit);
        items.addAll(page.items());
        cursor = page.next();
      } while (!cursor.isEmpty());
      return items;
    }

    private static boolean keyValue(
        TransactionStore store, int call, String category, String key, String value, long version) {
      return switch (call) {
        case 0 -> store.createKeyValue(category, key, value);
        case 1 -> store.deleteKeyValue(category, key);
        default -> store.updateKeyValue(category, key, value, version);
      };
    }

    /** Ends every transaction, so that the next sequence meets nothing of this one. */
    void finish() {
      for (Stored stored : records(model)) {
        GlobalStatus status = stored.transaction().status();
        if (!status.isFinal()) {
          commit(
              List.of(
                  new Batch(
                      stored.transaction().gid(),
                      Guard.InStatus.as(stored.transaction()),
                      batches.newOwner(),
                      List.of(
                          new Write.SetStatus(
                              GlobalStatus.FAILED, "end", null, PAST.plus(LEASE))))));
        }
      }
      assertThat(store.dueBefore(Instant.parse("9999-01-01T00:00:00Z"), null, 10)).isEmpty();
      compareRecords();
    }

    private void compareRecords() {
      assertThat(store.counts().unfinished()).isEqualTo(model.counts().unfinished());
      for (Gid gid : gids) {
        Stored expected = model.find(gid).orElse(null);
        assertThat(store.find(gid).orElse(null)).isEqualTo(expected);
        if (expected != null) {
          batches.see(expected);
        }
      }
    }

    private List<Stored> records(TransactionStore from) {
      return gids.stream().flatMap(gid -> from.find(gid).stream()).toList();
    }
  }
}
