package io.dtm4j.store.mongodb;

import static io.dtm4j.store.mongodb.Values.instant;
import static io.dtm4j.store.mongodb.Values.text;
import static io.dtm4j.store.mongodb.Values.time;

import com.mongodb.ErrorCategory;
import com.mongodb.MongoWriteException;
import com.mongodb.client.FindIterable;
import com.mongodb.client.MongoCollection;
import io.dtm4j.store.Cursors;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.Page;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.bson.BsonArray;
import org.bson.BsonDocument;
import org.bson.BsonInt32;
import org.bson.BsonInt64;
import org.bson.BsonInvalidOperationException;
import org.bson.BsonString;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Small values beside the transactions. */
final class KeyValues {
  private static final Logger log = LoggerFactory.getLogger(KeyValues.class);

  static final String CATEGORY = "category";
  static final String KEY = "key";
  private static final String VALUE = "value";
  private static final String VERSION = "version";
  private static final String CREATE_TIME = "create_time";
  private static final String UPDATE_TIME = "update_time";

  /** In the order of the index that makes names unique. */
  static final BsonDocument ORDER =
      new BsonDocument(CATEGORY, new BsonInt32(1)).append(KEY, new BsonInt32(1));

  private static final BsonDocument ANY_TEXT = new BsonDocument("$gte", new BsonString(""));

  private final MongoCollection<BsonDocument> values;

  KeyValues(MongoCollection<BsonDocument> values) {
    this.values = values;
  }

  List<KeyValue> find(@Nullable String category, @Nullable String key) {
    BsonDocument condition = named(category);
    if (key != null) {
      condition.append(KEY, new BsonString(key));
    }
    return read(sorted(values.find(condition)));
  }

  /** The condition that category and key are texts, by which alone anybody asks for a value. */
  private static BsonDocument named(@Nullable String category) {
    return new BsonDocument(CATEGORY, category == null ? ANY_TEXT : new BsonString(category))
        .append(KEY, ANY_TEXT);
  }

  private static List<BsonDocument> sorted(FindIterable<BsonDocument> found) {
    return found.sort(ORDER).into(new ArrayList<>());
  }

  /** Those that make no sense are left out. */
  private static List<KeyValue> read(List<BsonDocument> documents) {
    var read = new ArrayList<KeyValue>();
    for (BsonDocument document : documents) {
      try {
        read.add(keyValue(document));
      } catch (BsonInvalidOperationException e) {
        log.atError()
            .addKeyValue("category", category(document))
            .addKeyValue("key", key(document))
            .setCause(e)
            .log("a value cannot be read, it is left alone");
      }
    }
    return read;
  }

  private static String category(BsonDocument document) {
    return document.getString(CATEGORY).getValue();
  }

  private static String key(BsonDocument document) {
    return document.getString(KEY).getValue();
  }

  private static KeyValue keyValue(BsonDocument document) {
    return new KeyValue(
        category(document),
        key(document),
        document.getString(VALUE).getValue(),
        document.getNumber(VERSION).longValue(),
        instant(document.getDateTime(CREATE_TIME)),
        instant(document.getDateTime(UPDATE_TIME)));
  }

  /** See {@link io.dtm4j.store.TransactionStore#listKeyValues}. */
  Page<KeyValue> page(@Nullable String category, String cursor, int limit) {
    BsonDocument condition = named(category);
    if (!cursor.isEmpty()) {
      Cursors.Name last = Cursors.name(cursor);
      var lastCategory = new BsonString(last.category());
      condition.append(
          "$or",
          new BsonArray(
              List.of(
                  new BsonDocument(CATEGORY, new BsonDocument("$gt", lastCategory)),
                  new BsonDocument(CATEGORY, lastCategory)
                      .append(KEY, new BsonDocument("$gt", new BsonString(last.key()))))));
    }
    List<BsonDocument> found = sorted(values.find(condition).limit(limit + 1));
    List<BsonDocument> some = found.subList(0, Math.min(limit, found.size()));
    return new Page<>(
        read(some),
        found.size() > limit ? Cursors.behind(category(some.getLast()), key(some.getLast())) : "");
  }

  /** False when the key is taken. */
  boolean create(String category, String key, String value, Instant now) {
    try {
      values.insertOne(
          name(category, key)
              .append(VALUE, text(value))
              .append(VERSION, new BsonInt64(1))
              .append(CREATE_TIME, time(now))
              .append(UPDATE_TIME, time(now)));
      return true;
    } catch (MongoWriteException e) {
      if (e.getError().getCategory() == ErrorCategory.DUPLICATE_KEY) {
        return false;
      }
      throw e;
    }
  }

  private static BsonDocument name(String category, String key) {
    return new BsonDocument(CATEGORY, text(category)).append(KEY, text(key));
  }

  boolean update(String category, String key, String value, long version, Instant now) {
    return values
            .updateOne(
                name(category, key).append(VERSION, new BsonInt64(version)),
                new BsonDocument(
                        "$set", new BsonDocument(VALUE, text(value)).append(UPDATE_TIME, time(now)))
                    .append("$inc", new BsonDocument(VERSION, new BsonInt64(1))))
            .getMatchedCount()
        == 1;
  }

  boolean delete(String category, String key) {
    return values.deleteOne(name(category, key)).getDeletedCount() == 1;
  }
}
