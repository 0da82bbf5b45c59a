package io.dtm4j.server;

import io.dtm4j.server.config.StoreConfig;
import io.dtm4j.store.FaultyStore;
import io.dtm4j.store.StoreUnavailableException;
import io.dtm4j.store.TransactionStore;
import io.dtm4j.store.mongodb.MongoStore;
import io.dtm4j.store.mongodb.MongoStoreConfig;
import io.dtm4j.store.redis.GoImport;
import io.dtm4j.store.redis.RedisStore;
import io.dtm4j.store.redis.RedisStoreConfig;
import io.dtm4j.store.rocksdb.RocksDbConfig;
import io.dtm4j.store.rocksdb.RocksDbStore;
import io.dtm4j.store.sql.SqlStore;
import io.dtm4j.store.sql.SqlStoreConfig;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The stores there are: the one place that knows which configuration means which. */
final class Stores {
  private static final Logger log = LoggerFactory.getLogger(Stores.class);
  private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(10);

  private Stores() {}

  /**
   * Opens a store.
   *
   * @throws StoreUnavailableException when it cannot be opened now
   * @throws StartException when it never can be
   */
  static TransactionStore open(StoreConfig store) {
    TransactionStore opened =
        asConfigured(
            () ->
                switch (store) {
                  case StoreConfig.RocksDb rocksDb ->
                      RocksDbStore.open(new RocksDbConfig(rocksDb.directory(), rocksDb.sync()));
                  case StoreConfig.Sql sql -> SqlStore.open(config(sql));
                  case StoreConfig.Redis redis -> RedisStore.open(config(redis));
                  case StoreConfig.Mongo mongo -> MongoStore.open(config(mongo));
                });
    return disturbed(opened);
  }

  /**
   * Does something with a store that is configured.
   *
   * @throws StartException when the configuration makes no sense to the store
   */
  static <T> T asConfigured(Supplier<T> work) {
    try {
      return work.get();
    } catch (IllegalArgumentException e) {
      throw new StartException("Store: " + e.getMessage(), e);
    }
  }

  /**
   * Tries again until the store can be opened; the pauses grow to ten seconds. Blocks.
   *
   * @param failed is told of each try in vain
   * @throws InterruptedException when the wait is called off
   */
  static TransactionStore await(StoreConfig store, Consumer<StoreUnavailableException> failed)
      throws InterruptedException {
    for (Duration pause = FIRST_PAUSE; ; ) {
      Thread.sleep(pause);
      try {
        return open(store);
      } catch (StoreUnavailableException e) {
        failed.accept(e);
      }
      Duration twice = pause.multipliedBy(2);
      pause = twice.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : twice;
    }
  }

  /**
   * Deletes all transactions of a store, and nothing that is not dtm4j's.
   *
   * @return false: there is no store to delete anything of
   */
  static boolean reset(StoreConfig store) {
    return asConfigured(
        () ->
            switch (store) {
              case StoreConfig.RocksDb rocksDb -> RocksDbStore.reset(rocksDb.directory());
              case StoreConfig.Sql sql -> SqlStore.reset(config(sql));
              case StoreConfig.Redis redis -> {
                RedisStore.reset(config(redis));
                yield true;
              }
              case StoreConfig.Mongo mongo -> {
                MongoStore.reset(config(mongo));
                yield true;
              }
            });
  }

  /**
   * Takes over what a DTM in Go has left unfinished in a Redis, and says what came of it.
   *
   * @param dtmPrefix what its keys begin with; null: as the store is configured
   * @return false: something was left alone
   */
  static boolean importGo(StoreConfig.Redis redis, @Nullable String dtmPrefix) {
    GoImport.Report report =
        asConfigured(
            () ->
                dtmPrefix == null
                    ? GoImport.run(config(redis))
                    : GoImport.run(config(redis), dtmPrefix));
    log.atInfo()
        .addKeyValue("imported", report.imported())
        .addKeyValue("existing", report.existing())
        .addKeyValue("vanished", report.vanished())
        .addKeyValue("leftAlone", report.leftAlone())
        .addKeyValue("topics", report.topics())
        .log("the unfinished work of DTM was taken over");
    return report.leftAlone() == 0;
  }

  /** How long what has ended is kept; zero or less: for ever. */
  static Duration keep(StoreConfig store) {
    return switch (store) {
      case StoreConfig.RocksDb rocksDb -> rocksDb.dataExpire();
      case StoreConfig.Sql sql -> sql.dataExpire();
      case StoreConfig.Redis _ -> Duration.ZERO; // Redis does it
      case StoreConfig.Mongo mongo -> mongo.dataExpire();
    };
  }

  /** Where transactions are kept and when they are safe, for people. */
  static String words(StoreConfig store) {
    return switch (store) {
      case StoreConfig.RocksDb rocksDb ->
          "rocksdb in "
              + rocksDb.directory().toAbsolutePath().normalize()
              + (rocksDb.sync() ? ", every commit synced" : ", not synced: a power cut loses work");
      case StoreConfig.Sql _, StoreConfig.Redis _, StoreConfig.Mongo _ -> store.toString();
    };
  }

  static SqlStoreConfig config(StoreConfig.Sql sql) {
    int poolSize = Math.min(sql.maxOpen(), SqlStoreConfig.DEFAULT_POOL_SIZE);
    return new SqlStoreConfig(
        sql.url(), sql.user(), sql.password(), poolSize, sql.shared(), sql.zone());
  }

  private static RedisStoreConfig config(StoreConfig.Redis redis) {
    return new RedisStoreConfig(
        redis.hosts(),
        redis.user(),
        redis.password(),
        redis.prefix(),
        redis.finishedDataExpire(),
        redis.replicas());
  }

  private static MongoStoreConfig config(StoreConfig.Mongo mongo) {
    return new MongoStoreConfig(mongo.url(), mongo.database());
  }

  /** Only for tests: a bad time of the store, as {@link FaultyStore#asTold} (CONTRIBUTING.md). */
  private static TransactionStore disturbed(TransactionStore store) {
    String told = System.getProperty("dtm4j.test.storeFaults");
    if (told == null) {
      return store;
    }
    try {
      return FaultyStore.asTold(store, told);
    } catch (IllegalArgumentException e) {
      store.close();
      throw e;
    }
  }
}
