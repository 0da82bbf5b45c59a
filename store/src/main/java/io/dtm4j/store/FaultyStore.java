package io.dtm4j.store;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Only for tests: a store whose writes end without a known outcome when it is told so, as those of
 * a real one do when a connection breaks, or take longer. Reads are never disturbed. As thread-safe
 * as the store behind it.
 */
public final class FaultyStore implements TransactionStore {
  /** What becomes of a write. */
  public enum Fault {
    /** It goes well. */
    NONE,
    /** It never reaches the store; the caller does not know. */
    BEFORE_EFFECT,
    /** It is stored; the caller does not know. */
    AFTER_EFFECT,
    /** It is under way until {@link #land}; the caller does not know. */
    LATE_EFFECT
  }

  /** What becomes of the writes, one after another. Asked on their threads. */
  @FunctionalInterface
  public interface Plan {
    /**
     * What becomes of the next write.
     *
     * @param method of the store
     */
    Fault next(String method);

    /** Milliseconds that the next write takes longer. */
    default int delayMillis() {
      return 0;
    }

    /** Whether those that are under way land before the next write. */
    default boolean lands() {
      return false;
    }
  }

  private static final Logger log = LoggerFactory.getLogger(FaultyStore.class);
  private static final int LONGEST_DELAY_MILLIS = 50;

  private final TransactionStore store;
  private final Plan plan;
  private final Queue<Supplier<?>> underWay = new ArrayDeque<>(); // guarded by itself
  private final Map<Fault, LongAdder> counts = new ConcurrentHashMap<>();
  private final AtomicInteger delayed = new AtomicInteger();
  private final AtomicInteger landed = new AtomicInteger();

  /**
   * @param store what it stands before
   */
  public FaultyStore(TransactionStore store, Plan plan) {
    this.store = store;
    this.plan = plan;
  }

  /** One that fails so many writes of a hundred, a third of them in each way. */
  public static FaultyStore randomly(TransactionStore store, RandomGenerator random, int percent) {
    return new FaultyStore(store, _ -> any(random, percent));
  }

  /**
   * A bad time that needs nobody to steer it: so many writes of a hundred fail, a third of them in
   * each way, and as many take up to 50 ms longer. What is late lands before one of the next
   * writes: before it is sent again, or behind what came after it. How often all that happened is
   * logged at the end.
   *
   * @param told percent, or {@code percent,seed}; the same seed makes the same choices
   * @throws IllegalArgumentException when it is told something else
   */
  public static FaultyStore asTold(TransactionStore store, String told) {
    return new FaultyStore(store, badTime(told, 0));
  }

  /**
   * The plan of such a bad time. Thread-safe.
   *
   * @param told percent, or {@code percent,seed}
   * @param more is added to the seed
   * @throws IllegalArgumentException when it is told something else
   */
  public static Plan badTime(String told, long more) {
    if (!told.matches("\\d{1,2}(,\\d{1,18})?")) {
      throw new IllegalArgumentException("faults of a store: " + told + " (expected: 5 or 5,17)");
    }
    String[] words = told.split(",", 2);
    int percent = Integer.parseInt(words[0]);
    long seed = words.length == 1 ? 1 : Long.parseLong(words[1]);
    return new BadTime(percent, seed + more);
  }

  private static Fault any(RandomGenerator random, int percent) {
    Fault[] faults = Fault.values();
    return random.nextInt(100) < percent
        ? faults[1 + random.nextInt(faults.length - 1)]
        : Fault.NONE;
  }

  /** Thread-safe. */
  private static final class BadTime implements Plan {
    private final int percent;

    // Apart, so that a delay changes no fault.
    private final SplittableRandom faults;
    private final SplittableRandom delays;
    private final SplittableRandom landings;

    BadTime(int percent, long seed) {
      this.percent = percent;
      faults = new SplittableRandom(seed);
      delays = faults.split();
      landings = faults.split();
    }

    @Override
    public synchronized Fault next(String method) {
      return any(faults, percent);
    }

    @Override
    public synchronized int delayMillis() {
      return delays.nextInt(100) < percent ? 1 + delays.nextInt(LONGEST_DELAY_MILLIS) : 0;
    }

    @Override
    public synchronized boolean lands() {
      return landings.nextBoolean();
    }
  }

  private long count(Fault fault) {
    LongAdder count = counts.get(fault);
    return count == null ? 0 : count.sum();
  }

  /** The writes that are under way reach the store now, in their order. */
  public void land() {
    while (true) {
      Supplier<?> write;
      synchronized (underWay) {
        write = underWay.poll();
      }
      if (write == null) {
        return;
      }
      landed.incrementAndGet();
      try {
        var _ = write.get();
      } catch (StoreRejectedException _) {
        // nobody waits for it any more
      }
    }
  }

  private <T> T write(String method, Supplier<T> effect) {
    if (plan.lands()) {
      land(); // on the thread of the writes: what they share is confined to it
    }
    int delay = plan.delayMillis();
    if (delay > 0) {
      delayed.incrementAndGet();
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(delay));
    }
    Fault fault = plan.next(method);
    counts.computeIfAbsent(fault, _ -> new LongAdder()).increment();
    switch (fault) {
      case NONE -> {
        return effect.get();
      }
      case BEFORE_EFFECT -> {}
      case AFTER_EFFECT -> {
        var _ = effect.get();
      }
      case LATE_EFFECT -> {
        synchronized (underWay) {
          underWay.add(effect);
        }
      }
    }
    var unknown = new OutcomeUnknownException("connection lost, on purpose", null);
    unknown.setStackTrace(new StackTraceElement[0]); // it tells nothing and would fill the logs
    throw unknown;
  }

  @Override
  public List<CommitResult> commit(List<Batch> group) {
    return write("commit", () -> store.commit(group));
  }

  @Override
  public Optional<Stored> find(Gid gid) {
    return store.find(gid);
  }

  @Override
  public List<Stored> claimDue(Duration lease, Function<Gid, Owner> owners, int limit) {
    return write("claimDue", () -> store.claimDue(lease, owners, limit));
  }

  @Override
  public List<Due> dueBefore(Instant time, @Nullable Due after, int limit) {
    return store.dueBefore(time, after, limit);
  }

  @Override
  public List<Stored> claim(List<Due> dues, Duration lease, Function<Gid, Owner> owners) {
    return write("claim", () -> store.claim(dues, lease, owners));
  }

  @Override
  public List<Lease> renew(List<Lease> leases, Duration lease) {
    return write("renew", () -> store.renew(leases, lease));
  }

  @Override
  public void release(List<Lease> leases) {
    write(
        "release",
        () -> {
          store.release(leases);
          return leases;
        });
  }

  @Override
  public Reset resetDue(Duration after, int limit) {
    return write("resetDue", () -> store.resetDue(after, limit));
  }

  @Override
  public Page<Listed> list(Filter filter, String cursor, int limit) {
    return store.list(filter, cursor, limit);
  }

  @Override
  public Counts counts() {
    return store.counts();
  }

  @Override
  public @Nullable Instant oldestUnfinished() {
    return store.oldestUnfinished();
  }

  @Override
  public Page<Gid> endedBefore(Instant time, String cursor, int limit) {
    return store.endedBefore(time, cursor, limit);
  }

  @Override
  public int delete(List<Gid> gids, Instant endedBefore) {
    return write("delete", () -> store.delete(gids, endedBefore));
  }

  @Override
  public Optional<KeyValue> findKeyValue(String category, String key) {
    return store.findKeyValue(category, key);
  }

  @Override
  public List<KeyValue> findKeyValues(@Nullable String category, @Nullable String key) {
    return store.findKeyValues(category, key);
  }

  @Override
  public Page<KeyValue> listKeyValues(@Nullable String category, String cursor, int limit) {
    return store.listKeyValues(category, cursor, limit);
  }

  @Override
  public boolean createKeyValue(String category, String key, String value) {
    return write("createKeyValue", () -> store.createKeyValue(category, key, value));
  }

  @Override
  public boolean updateKeyValue(String category, String key, String value, long version) {
    return write("updateKeyValue", () -> store.updateKeyValue(category, key, value, version));
  }

  @Override
  public boolean deleteKeyValue(String category, String key) {
    return write("deleteKeyValue", () -> store.deleteKeyValue(category, key));
  }

  @Override
  public Instant storeTime() {
    return store.storeTime();
  }

  @Override
  public @Nullable String trouble() {
    return store.trouble();
  }

  @Override
  public void close() {
    log.atWarn()
        .addKeyValue("undisturbed", count(Fault.NONE))
        .addKeyValue("before_effect", count(Fault.BEFORE_EFFECT))
        .addKeyValue("after_effect", count(Fault.AFTER_EFFECT))
        .addKeyValue("late", count(Fault.LATE_EFFECT))
        .addKeyValue("landed", landed)
        .addKeyValue("delayed", delayed)
        .log("writes of a store that was disturbed on purpose");
    store.close();
  }
}
