package io.dtm4j.store.mongodb;

import static io.dtm4j.store.mongodb.Documents.ID;
import static io.dtm4j.store.mongodb.Documents.NEXT_TIME;

import com.mongodb.client.MongoCollection;
import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.bson.BsonArray;
import org.bson.BsonBoolean;
import org.bson.BsonDateTime;
import org.bson.BsonDocument;
import org.bson.BsonInt32;
import org.bson.BsonString;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What is unfinished, by its next time; an index holds these documents only. */
final class DueIndex {
  private static final Logger log = LoggerFactory.getLogger(DueIndex.class);

  /** Earliest first; gids in the order of their bytes. */
  static final BsonDocument ORDER =
      new BsonDocument(NEXT_TIME, new BsonInt32(1)).append(ID, new BsonInt32(1));

  private static final BsonDocument MEMBERS =
      new BsonDocument(NEXT_TIME, new BsonInt32(1)).append(Documents.OWNER, new BsonInt32(1));

  private DueIndex() {}

  /** A condition that holds for what is unfinished, and other conditions with it. */
  static BsonDocument unfinished() {
    return new BsonDocument(Documents.UNFINISHED, BsonBoolean.TRUE);
  }

  /** See {@link io.dtm4j.store.TransactionStore#dueBefore}. */
  static List<Due> before(
      MongoCollection<BsonDocument> from, Instant time, @Nullable Due after, int limit) {
    var before = new BsonDocument("$lt", Values.bound(time));
    BsonDocument condition = unfinished();
    if (after == null) {
      condition.append(NEXT_TIME, before);
    } else {
      BsonDateTime last = Values.notAfter(after.nextTime());
      condition
          .append(NEXT_TIME, before.append("$gte", last))
          .append(
              "$or",
              new BsonArray(
                  List.of(
                      new BsonDocument(NEXT_TIME, new BsonDocument("$gt", last)),
                      new BsonDocument(
                          ID, new BsonDocument("$gt", new BsonString(after.gid().value()))))));
    }
    return find(from, condition, limit);
  }

  /** Those later than that, the earliest first, that are not marked to be looked at again. */
  static List<Due> after(MongoCollection<BsonDocument> from, Instant time, int limit) {
    return find(
        from,
        unfinished()
            .append(NEXT_TIME, new BsonDocument("$gt", Values.notAfter(time)))
            .append(Documents.MARK, new BsonDocument("$ne", Documents.mark(Owner.Mark.LOOK_AGAIN))),
        limit);
  }

  /** Those that make no sense are left out. */
  private static List<Due> find(
      MongoCollection<BsonDocument> from, BsonDocument condition, int limit) {
    if (limit <= 0) {
      return List.of(); // to the server it would mean no limit
    }
    var broken = new ArrayList<BrokenRecordException>();
    while (true) {
      int wanted = limit + broken.size(); // those that make no sense may be the first for ever
      broken.clear();
      var dues = new ArrayList<Due>();
      List<BsonDocument> found =
          from.find(condition)
              .projection(MEMBERS)
              .sort(ORDER)
              .limit(wanted)
              .into(new ArrayList<>());
      for (BsonDocument document : found) {
        try {
          dues.add(Documents.due(document));
        } catch (BrokenRecordException e) {
          broken.add(e);
        }
      }
      if (dues.size() >= limit || found.size() < wanted) {
        broken.forEach(
            e -> log.atError().setCause(e).log("a transaction cannot be read, it is left alone"));
        return dues.subList(0, Math.min(limit, dues.size()));
      }
    }
  }
}
