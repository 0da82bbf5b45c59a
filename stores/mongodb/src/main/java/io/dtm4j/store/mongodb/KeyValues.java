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
import org.bson.BsonString;
import org.jspecify.annotations.Nullable;

/** Small values beside the transactions. */
final class KeyValues {
  static final String CATEGORY = "category";
  static final String KEY = "key";
  private static final String VALUE = "value";
  private static final String VERSION = "version";
  private static final String CREATE_TIME = "create_time";
  private static final String UPDATE_TIME = "update_time";

  /** In the order of the index that makes names unique. */
  static final BsonDocument ORDER =
      new BsonDocument(CATEGORY, new BsonInt32(1)).append(KEY, new BsonInt32(1));

  private final MongoCollection<BsonDocument> values;

  KeyValues(MongoCollection<BsonDocument> values) {
    this.values = values;
  }

  List<KeyValue> find(@Nullable String category, @Nullable String key) {
    var condition = new BsonDocument();
    if (category != null) {
      condition.append(CATEGORY, new BsonString(category));
    }
    if (key != null) {
      condition.append(KEY, new BsonString(key));
    }
    return read(values.find(condition));
  }

  private static List<KeyValue> read(FindIterable<BsonDocument> found) {
    return found.sort(ORDER).map(KeyValues::keyValue).into(new ArrayList<>());
  }

  private static KeyValue keyValue(BsonDocument document) {
    return new KeyValue(
        document.getString(CATEGORY).getValue(),
        document.getString(KEY).getValue(),
        document.getString(VALUE).getValue(),
        document.getNumber(VERSION).longValue(),
        instant(document.getDateTime(CREATE_TIME)),
        instant(document.getDateTime(UPDATE_TIME)));
  }

  /** See {@link io.dtm4j.store.TransactionStore#listKeyValues}. */
  Page<KeyValue> page(@Nullable String category, String cursor, int limit) {
    var condition = new BsonDocument();
    if (category != null) {
      condition.append(CATEGORY, new BsonString(category));
    }
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
    List<KeyValue> found = read(values.find(condition).limit(limit + 1));
    List<KeyValue> items = found.subList(0, Math.min(limit, found.size()));
    return new Page<>(items, found.size() > limit ? Cursors.behind(items.getLast()) : "");
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
