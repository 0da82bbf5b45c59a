package io.dtm4j.store.mongodb;

import static io.dtm4j.store.mongodb.Documents.END_TIME;
import static io.dtm4j.store.mongodb.Documents.ID;
import static io.dtm4j.store.mongodb.Documents.NEXT_TIME;
import static io.dtm4j.store.mongodb.Documents.SEQUENCE;
import static io.dtm4j.store.mongodb.Documents.UNFINISHED;

import com.mongodb.ErrorCategory;
import com.mongodb.MongoException;
import com.mongodb.MongoSecurityException;
import com.mongodb.client.model.FindOneAndUpdateOptions;
import com.mongodb.client.model.IndexOptions;
import com.mongodb.client.model.ReturnDocument;
import com.mongodb.client.model.UpdateOptions;
import io.dtm4j.store.StoreUnavailableException;
import org.bson.BsonBoolean;
import org.bson.BsonDocument;
import org.bson.BsonInt32;
import org.bson.BsonInt64;
import org.bson.BsonString;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Collections, indexes and the format, made or checked when a store is opened. */
final class Schema {
  static final int FORMAT = 1;

  private static final Logger log = LoggerFactory.getLogger(Schema.class);
  private static final String FORMAT_NUMBER = "format";
  private static final String NUMBER = "number";
  private static final String STORES = "stores";
  private static final int UNAUTHORIZED = 13;
  private static final int MOST_ATTEMPTS = 5;
  private static final BsonInt32 UP = new BsonInt32(1);

  private final MongoStoreConfig config;
  private final Database database;

  Schema(MongoStoreConfig config, Database database) {
    this.config = config;
    this.database = database;
  }

  /**
   * Blocks until all is there; several servers may do it at the same time.
   *
   * @return the numbers of what this store will create
   * @throws StoreUnavailableException when it cannot be used; the message says what to do
   */
  Sequence prepare() {
    for (int attempt = 1; ; attempt++) {
      try {
        warnUnlessReplicated(database.hello());
        checkFormat();
        makeIndexes();
        return new Sequence(numberOfStore(), newest());
      } catch (MongoException e) {
        // Two that open an empty database at the same time: one of them has made it.
        boolean overtaken = ErrorCategory.fromErrorCode(e.getCode()) == ErrorCategory.DUPLICATE_KEY;
        if (!overtaken || attempt == MOST_ATTEMPTS) {
          throw unavailable(config, e);
        }
      }
    }
  }

  static StoreUnavailableException unavailable(MongoStoreConfig config, MongoException e) {
    boolean login = e instanceof MongoSecurityException || e.getCode() == UNAUTHORIZED;
    return new StoreUnavailableException(
        "MongoDB "
            + config.address()
            + (login
                ? " does not let us in: check user and password, and the user's rights ("
                : " cannot be used: is it running, and is the address right? (")
            + e.getMessage()
            + ")",
        e);
  }

  private void warnUnlessReplicated(BsonDocument hello) {
    boolean shards = new BsonString("isdbgrid").equals(hello.get("msg"));
    if (!shards && !hello.containsKey("setName")) {
      log.atWarn()
          .addKeyValue("database", config)
          .log("this MongoDB is no replica set: nothing is kept but by this one server");
    }
  }

  private void checkFormat() {
    var id = new BsonDocument(ID, new BsonString(FORMAT_NUMBER));
    database
        .meta()
        .updateOne(
            id,
            new BsonDocument(
                "$setOnInsert", new BsonDocument(FORMAT_NUMBER, new BsonInt32(FORMAT))),
            new UpdateOptions().upsert(true));
    BsonDocument found = database.meta().find(id).first();
    int format = found == null ? FORMAT : found.getNumber(FORMAT_NUMBER).intValue();
    if (format > FORMAT) {
      throw new StoreUnavailableException(
          "MongoDB "
              + config.address()
              + " has data of format "
              + format
              + " (expected: <= "
              + FORMAT
              + "): a newer version of dtm4j has made them. Use that one, or give this one a"
              + " database of its own",
          null);
    }
  }

  private void makeIndexes() {
    var transactions = database.transactions();
    transactions.createIndex(
        // Counts, and the oldest, are found in the index alone.
        new BsonDocument(UNFINISHED, UP).append(NEXT_TIME, UP).append(ID, UP).append(SEQUENCE, UP),
        new IndexOptions()
            .name("due")
            .partialFilterExpression(new BsonDocument(UNFINISHED, BsonBoolean.TRUE)));
    transactions.createIndex(
        new BsonDocument(SEQUENCE, new BsonInt32(-1)), new IndexOptions().name("stored"));
    transactions.createIndex(
        new BsonDocument(END_TIME, UP).append(SEQUENCE, UP),
        new IndexOptions()
            .name("ended")
            .partialFilterExpression(
                new BsonDocument(END_TIME, new BsonDocument("$exists", BsonBoolean.TRUE))));
    database.keyValues().createIndex(KeyValues.ORDER, new IndexOptions().name("name").unique(true));
  }

  /** A number that no store that is open now has. */
  private long numberOfStore() {
    BsonDocument counter =
        database
            .meta()
            .findOneAndUpdate(
                new BsonDocument(ID, new BsonString(STORES)),
                new BsonDocument("$inc", new BsonDocument(NUMBER, new BsonInt64(1))),
                new FindOneAndUpdateOptions().upsert(true).returnDocument(ReturnDocument.AFTER));
    return counter == null ? 0 : counter.getNumber(NUMBER).longValue();
  }

  private long newest() {
    BsonDocument newest =
        database
            .newest()
            .find(Documents.numbered())
            .projection(new BsonDocument(SEQUENCE, UP))
            .sort(new BsonDocument(SEQUENCE, new BsonInt32(-1)))
            .first();
    return newest == null ? 0 : newest.getNumber(SEQUENCE).longValue();
  }
}
