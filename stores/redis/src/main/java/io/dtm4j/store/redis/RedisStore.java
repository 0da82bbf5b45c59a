package io.dtm4j.store.redis;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.Counts;
import io.dtm4j.store.Cursors;
import io.dtm4j.store.ElapsedTime;
import io.dtm4j.store.Filter;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.Lease;
import io.dtm4j.store.Listed;
import io.dtm4j.store.Page;
import io.dtm4j.store.Reset;
import io.dtm4j.store.StoreTimeSource;
import io.dtm4j.store.StoreUnavailableException;
import io.dtm4j.store.TransactionStore;
import io.lettuce.core.RedisException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The shared store on Redis: one server, the one that Sentinels name, or a Cluster. Any number of
 * lanes and servers write at the same time; each record is compared and set by a script. How far
 * what was acknowledged outlives a crash is a matter of the settings of Redis, and the opening says
 * what may be lost.
 *
 * <p>While Redis cannot be reached every write says that its outcome is not known, reads that the
 * store is unavailable, and {@link #trouble} why; when it is there again the next call goes
 * through. While the time of Redis is not known nothing is claimed: the claims find nothing.
 * Thread-safe; every call but {@link #storeTime} and {@link #trouble} blocks.
 */
public final class RedisStore implements TransactionStore {
  private static final long MAX_RECENT = 16 << 20;
  private static final Duration SWEEP_INTERVAL = Duration.ofMinutes(1);

  private final Redis redis;
  private final Duration expiry;
  private final StoreTimeSource clock;
  private final Numbers numbers;
  private final Records.Wholes wholes;
  private final Records.Wholes readable;
  private final Records.Heads heads;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("dtm4j-redis-timer").daemon().factory());

  private RedisStore(Redis redis, RedisStoreConfig config, LongSupplier nanoTime) {
    this.redis = redis;
    expiry = config.finishedDataExpire();
    clock = new StoreTimeSource(() -> redis.read(RedisStore::redisTime), nanoTime);
    long last = redis.read(session -> new Listings(session).lastNumber());
    numbers = new Numbers(clock, last);
    var recent = new Recent(MAX_RECENT);
    wholes = new Records.Wholes(recent, false);
    readable = new Records.Wholes(recent, true);
    heads = new Records.Heads(recent);
    clock.start();
    if (!expiry.isZero()) {
      var sweep = new Sweep(redis, clock, expiry);
      long interval = SWEEP_INTERVAL.toMillis();
      var _ = timer.scheduleWithFixedDelay(sweep::run, interval, interval, TimeUnit.MILLISECONDS);
    }
  }

  /**
   * Opens the store; a Redis that has none yet gets one.
   *
   * @throws StoreUnavailableException when Redis cannot be reached or used, a newer version has
   *     made the store, or a DTM has left unfinished work; the message says what to do
   */
  public static RedisStore open(RedisStoreConfig config) {
    return open(config, false, new ElapsedTime());
  }

  /** As {@link #open}, although a DTM has left unfinished work: to take it over. */
  static RedisStore openBesideDtm(RedisStoreConfig config) {
    return open(config, true, new ElapsedTime());
  }

  /** As {@link #open}, with that monotonic clock. */
  static RedisStore open(RedisStoreConfig config, LongSupplier nanoTime) {
    return open(config, false, nanoTime);
  }

  private static RedisStore open(
      RedisStoreConfig config, boolean besideDtm, LongSupplier nanoTime) {
    Redis redis = connect(config);
    try {
      redis.<@Nullable Void>read(
          session -> {
            new Opening(config, session, redis.servers()).prepare(besideDtm);
            return null;
          });
      return new RedisStore(redis, config, nanoTime);
    } catch (RuntimeException e) {
      redis.close();
      throw e;
    }
  }

  /**
   * Deletes all that a store with this configuration has, and nothing else; no store may be open.
   *
   * @throws StoreUnavailableException when Redis cannot be reached or used
   */
  public static void reset(RedisStoreConfig config) {
    try (Redis redis = connect(config)) {
      redis.<@Nullable Void>read(
          session -> {
            new Opening(config, session, redis.servers()).reset();
            return null;
          });
    }
  }

  private static Redis connect(RedisStoreConfig config) {
    try {
      return new Redis(config);
    } catch (RedisException e) {
      String reason = Redis.reason(e);
      String advice =
          reason.contains("WRONGPASS") || reason.contains("NOAUTH")
              ? ". Check user and password"
              : ". Is it running, and reachable from here?";
      throw new StoreUnavailableException(config + " cannot be used: " + reason + advice, e);
    }
  }

  private static Instant redisTime(Session session) {
    Session.ScriptCall<List<byte[]>> call =
        session.call(Script.TIME, List.of(session.keys().meta()), List.of());
    List<byte[]> time = session.get(call);
    return Instant.ofEpochSecond(Long.parseLong(Texts.text(time.get(0))))
        .plus(Long.parseLong(Texts.text(time.get(1))), ChronoUnit.MICROS);
  }

  /** Does something else with the Redis of this store; throws as writes do. */
  <T> T inSession(Redis.Work<T> work) {
    return redis.write(work);
  }

  /** The servers that it works on. */
  Servers servers() {
    return redis.servers();
  }

  @Override
  public List<CommitResult> commit(List<Batch> group) {
    if (group.isEmpty()) {
      return List.of();
    }
    return redis.write(
        session ->
            new GroupWrite(numbers, expiry).apply(new CompareAndSet<>(session, wholes), group));
  }

  @Override
  public Optional<Stored> find(Gid gid) {
    return redis.read(
        session -> Optional.ofNullable(Records.whole(session, gid)).map(Seen.Whole::stored));
  }

  @Override
  public List<Stored> claimDue(Duration lease, Function<Gid, Owner> owners, int limit) {
    if (!clock.isKnown()) {
      return List.of();
    }
    Instant now = storeTime();
    return redis.write(session -> claims(session, now, lease, owners).due(limit));
  }

  @Override
  public List<Due> dueBefore(Instant time, @Nullable Due after, int limit) {
    return redis.read(session -> DueIndex.before(session, time, after, limit));
  }

  @Override
  public List<Stored> claim(List<Due> dues, Duration lease, Function<Gid, Owner> owners) {
    if (!clock.isKnown()) {
      return List.of();
    }
    Instant now = storeTime();
    return redis.write(session -> claims(session, now, lease, owners).asRead(dues));
  }

  private Claims claims(Session session, Instant now, Duration lease, Function<Gid, Owner> owners) {
    return new Claims(session, new CompareAndSet<>(session, readable), now, lease, owners);
  }

  @Override
  public List<Lease> renew(List<Lease> leases, Duration lease) {
    Instant until = storeTime().plus(lease);
    return redis.write(session -> headChanges(session).renew(leases, until));
  }

  @Override
  public void release(List<Lease> leases) {
    Instant now = storeTime();
    redis.<@Nullable Void>write(
        session -> {
          headChanges(session).release(leases, now);
          return null;
        });
  }

  @Override
  public Reset resetDue(Duration after, int limit) {
    Page.checkLimit(limit);
    Instant now = storeTime();
    return redis.write(session -> headChanges(session).reset(after, now, limit));
  }

  private HeadChanges headChanges(Session session) {
    return new HeadChanges(session, new CompareAndSet<>(session, heads));
  }

  @Override
  public Page<Listed> list(Filter filter, String cursor, int limit) {
    Page.checkLimit(limit);
    return redis.read(session -> new Listings(session).page(filter, cursor, limit));
  }

  @Override
  public Counts counts() {
    return redis.read(session -> new Listings(session).counts());
  }

  @Override
  public @Nullable Instant oldestUnfinished() {
    return redis.<@Nullable Instant>read(session -> new Listings(session).oldestUnfinished());
  }

  @Override
  public Page<Gid> endedBefore(Instant time, String cursor, int limit) {
    Page.checkLimit(limit);
    return redis.read(session -> new Listings(session).endedBefore(time, cursor, limit));
  }

  @Override
  public int delete(List<Gid> gids, Instant endedBefore) {
    if (!clock.isKnown()) {
      return 0; // the caller's time may be wrong by as much as the clock was set
    }
    return redis.write(session -> headChanges(session).delete(gids, endedBefore));
  }

  @Override
  public Optional<KeyValue> findKeyValue(String category, String key) {
    return redis.readReplicated(
        session -> Optional.ofNullable(new KeyValues(session).findOne(category, key)));
  }

  @Override
  public List<KeyValue> findKeyValues(@Nullable String category, @Nullable String key) {
    return redis.read(session -> new KeyValues(session).find(category, key));
  }

  @Override
  public Page<KeyValue> listKeyValues(@Nullable String category, String cursor, int limit) {
    Page.checkLimit(limit);
    if (!cursor.isEmpty()) {
      Cursors.name(cursor);
    }
    return redis.read(session -> new KeyValues(session).page(category, cursor, limit));
  }

  @Override
  public boolean createKeyValue(String category, String key, String value) {
    return redis.write(session -> new KeyValues(session).create(category, key, value, storeTime()));
  }

  @Override
  public boolean updateKeyValue(String category, String key, String value, long version) {
    return redis.write(
        session -> new KeyValues(session).update(category, key, value, version, storeTime()));
  }

  @Override
  public boolean deleteKeyValue(String category, String key) {
    return redis.write(session -> new KeyValues(session).delete(category, key));
  }

  @Override
  public Instant storeTime() {
    return clock.instant();
  }

  @Override
  public @Nullable String trouble() {
    return redis.trouble();
  }

  @Override
  public void close() {
    timer.shutdownNow();
    clock.close();
    redis.close();
  }
}
