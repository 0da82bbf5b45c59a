package io.dtm4j.store.mongodb;

import com.mongodb.ConnectionString;
import com.mongodb.MongoClientSettings;
import com.mongodb.MongoCommandException;
import com.mongodb.MongoConfigurationException;
import com.mongodb.MongoException;
import com.mongodb.ReadConcern;
import com.mongodb.ReadPreference;
import com.mongodb.WriteConcern;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.StoreRejectedException;
import io.dtm4j.store.StoreUnavailableException;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.bson.BsonDocument;
import org.bson.BsonInt32;
import org.bson.RawBsonDocument;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The collections of a store, and what the errors of the driver mean.
 *
 * <p>Writes are acknowledged when a majority has them in its journal. The driver repeats none of
 * them: a repeat by itself needs sessions, and a write that is sent again is the lane's affair
 * (R6). Reads come from the primary. Those that answer somebody show only what a majority has, so
 * that nothing is told which a failover may take back; those before a conditional write show the
 * newest there is, which that write confirms. Thread-safe.
 */
final class Database implements AutoCloseable {
  static final String TRANSACTIONS = "dtm4j_transactions";
  static final String KEY_VALUES = "dtm4j_kv";
  static final String META = "dtm4j_meta";

  private static final Logger log = LoggerFactory.getLogger(Database.class);
  private static final int WAIT_MILLIS = 2_000;
  private static final int ANSWER_MILLIS = 10_000;
  private static final int MAJORITY_MILLIS = 5_000;
  private static final int NO_SUCH_COMMAND = 59;

  /** What {@code hello} was before MongoDB 4.4.2. */
  private static final String OLD_HELLO = "isMaster";

  private final MongoStoreConfig config;
  private final MongoClient client;
  private final MongoDatabase database;
  private volatile String hello = "hello";
  private volatile @Nullable Trouble trouble;

  private record Trouble(Instant since, String why) {}

  private Database(MongoStoreConfig config, MongoClient client) {
    this.config = config;
    this.client = client;
    database = client.getDatabase(config.database());
  }

  /**
   * Connects when it is used for the first time.
   *
   * @throws StoreUnavailableException when the address makes no sense
   */
  static Database of(MongoStoreConfig config) {
    ConnectionString url;
    try {
      url = new ConnectionString(config.url());
    } catch (IllegalArgumentException | MongoConfigurationException _) {
      // What the driver says may hold what is secret.
      throw new StoreUnavailableException(
          "the url of MongoDB "
              + config.address()
              + " cannot be used (expected: mongodb://user:password@host:port/ or mongodb+srv://…,"
              + " with %-escapes in user and password)",
          null);
    }
    MongoClientSettings settings =
        MongoClientSettings.builder()
            .applyToClusterSettings(
                cluster -> cluster.serverSelectionTimeout(WAIT_MILLIS, TimeUnit.MILLISECONDS))
            .applyToConnectionPoolSettings(
                pool -> pool.maxWaitTime(WAIT_MILLIS, TimeUnit.MILLISECONDS))
            .applyToSocketSettings(
                socket ->
                    socket
                        .connectTimeout(WAIT_MILLIS, TimeUnit.MILLISECONDS)
                        .readTimeout(ANSWER_MILLIS, TimeUnit.MILLISECONDS))
            .applicationName("dtm4j")
            .applyConnectionString(url)
            .retryWrites(false)
            .writeConcern(
                WriteConcern.MAJORITY
                    .withJournal(true)
                    .withWTimeout(MAJORITY_MILLIS, TimeUnit.MILLISECONDS))
            .readConcern(ReadConcern.MAJORITY)
            .readPreference(ReadPreference.primary())
            .build();
    return new Database(config, MongoClients.create(settings));
  }

  /** Shows what a majority has. */
  MongoCollection<BsonDocument> transactions() {
    return database.getCollection(TRANSACTIONS, BsonDocument.class);
  }

  /** Shows the newest, for who is about to write on the condition that it is still so. */
  MongoCollection<BsonDocument> newest() {
    return transactions().withReadConcern(ReadConcern.LOCAL);
  }

  /** The same; each document knows its size. */
  MongoCollection<RawBsonDocument> newestRaw() {
    return newest().withDocumentClass(RawBsonDocument.class);
  }

  MongoCollection<BsonDocument> keyValues() {
    return database.getCollection(KEY_VALUES, BsonDocument.class);
  }

  MongoCollection<BsonDocument> meta() {
    return database.getCollection(META, BsonDocument.class);
  }

  /** What the primary says of itself. */
  BsonDocument hello() {
    try {
      return run(hello);
    } catch (MongoCommandException e) {
      if (e.getErrorCode() != NO_SUCH_COMMAND || hello.equals(OLD_HELLO)) {
        throw e;
      }
      hello = OLD_HELLO;
      return run(hello);
    }
  }

  private BsonDocument run(String command) {
    return database.runCommand(
        new BsonDocument(command, new BsonInt32(1)), ReadPreference.primary(), BsonDocument.class);
  }

  /**
   * Reads.
   *
   * @throws StoreUnavailableException when it cannot
   */
  <T extends @Nullable Object> T read(Supplier<T> work) {
    try {
      return work.get();
    } catch (MongoException e) {
      throw new StoreUnavailableException(cannot("read", e), e);
    } catch (BrokenRecordException e) {
      throw new StoreUnavailableException(String.valueOf(e.getMessage()), e);
    }
  }

  /**
   * Writes.
   *
   * @throws OutcomeUnknownException when it may have happened
   * @throws StoreRejectedException when it certainly has not, nor ever will
   */
  <T extends @Nullable Object> T write(Supplier<T> work) {
    try {
      T result = work.get();
      recovered();
      return result;
    } catch (MongoException e) {
      throw failed(e);
    } catch (OutcomeUnknownException | StoreRejectedException e) {
      throw e;
    } catch (RuntimeException e) { // broken records, values that have no form, defects
      throw new StoreRejectedException(String.valueOf(e.getMessage()), e);
    }
  }

  private OutcomeUnknownException failed(MongoException e) {
    Trouble before = trouble;
    trouble =
        new Trouble(
            before == null ? Instant.ofEpochMilli(System.currentTimeMillis()) : before.since,
            String.valueOf(e.getMessage()));
    if (before == null) {
      log.atError().addKeyValue("database", config).setCause(e).log("the store cannot write");
    }
    return new OutcomeUnknownException(cannot("written", e), e);
  }

  private void recovered() {
    if (trouble != null) {
      trouble = null;
      log.atInfo().addKeyValue("database", config).log("the store writes again");
    }
  }

  private String cannot(String what, MongoException e) {
    return "MongoDB " + config.address() + " cannot be " + what + ": " + e.getMessage();
  }

  @Nullable String trouble() {
    Trouble present = trouble;
    return present == null
        ? null
        : "MongoDB "
            + config.address()
            + " cannot be written since "
            + present.since
            + ": "
            + present.why;
  }

  @Override
  public void close() {
    client.close();
  }
}
