package io.dtm4j.store.mongodb;

import static io.dtm4j.store.mongodb.Documents.CREATE_TIME;
import static io.dtm4j.store.mongodb.Documents.END_TIME;
import static io.dtm4j.store.mongodb.Documents.ID;
import static io.dtm4j.store.mongodb.Documents.SEQUENCE;
import static io.dtm4j.store.mongodb.Values.instant;

import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoCursor;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.BadCursorException;
import io.dtm4j.store.Counts;
import io.dtm4j.store.Cursors;
import io.dtm4j.store.Filter;
import io.dtm4j.store.Listed;
import io.dtm4j.store.Page;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.bson.BsonArray;
import org.bson.BsonBoolean;
import org.bson.BsonDateTime;
import org.bson.BsonDocument;
import org.bson.BsonInt32;
import org.bson.BsonInt64;
import org.bson.BsonNumber;
import org.bson.RawBsonDocument;
import org.bson.codecs.BsonDocumentCodec;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Transactions page by page, by their numbers. What a page may cost is bounded, in documents it
 * looks at and in bytes it reads, so a page may be short when what it looks for is rare.
 */
final class Listings {
  private static final Logger log = LoggerFactory.getLogger(Listings.class);

  /** Transactions that a page looks at. */
  private static final int MOST_DOCUMENTS = 10_000;

  /** Bytes of documents that a page reads, but for its first. */
  private static final long MOST_BYTES = 8 << 20;

  /** Documents that the server sends at a time. */
  private static final int AT_A_TIME = 200;

  private static final BsonInt32 UP = new BsonInt32(1);
  private static final BsonInt32 DOWN = new BsonInt32(-1);
  private static final BsonDocument NEWEST_FIRST = new BsonDocument(SEQUENCE, DOWN);
  private static final BsonDocument NO_ROWS =
      new BsonDocument(Documents.BRANCHES, new BsonInt32(0));
  private static final BsonDocument NUMBER_ONLY =
      new BsonDocument(SEQUENCE, UP).append(ID, new BsonInt32(0));
  private static final BsonDocument BY_END = new BsonDocument(END_TIME, UP).append(SEQUENCE, UP);

  private final MongoCollection<BsonDocument> transactions;

  Listings(MongoCollection<BsonDocument> transactions) {
    this.transactions = transactions;
  }

  /** See {@link io.dtm4j.store.TransactionStore#list}. */
  Page<Listed> page(Filter filter, String cursor, int limit) {
    long end = cursor.isEmpty() ? Long.MAX_VALUE : Cursors.number(cursor);
    long last = end;
    long begin = filter.equals(Filter.ALL) ? 0 : edge(end); // else the limit bounds it
    var items = new ArrayList<Listed>();
    long bytes = 0;
    try (MongoCursor<RawBsonDocument> matching =
        transactions
            .withDocumentClass(RawBsonDocument.class)
            .find(condition(filter, begin, end))
            .projection(NO_ROWS)
            .sort(NEWEST_FIRST)
            .limit(limit + 1)
            .batchSize(AT_A_TIME)
            .cursor()) {
      while (matching.hasNext()) {
        if (items.size() == limit || bytes >= MOST_BYTES) {
          return new Page<>(items, Long.toString(last));
        }
        RawBsonDocument raw = matching.next();
        BsonDocument document = raw.decode(new BsonDocumentCodec());
        last = document.getNumber(SEQUENCE).longValue();
        bytes += raw.getByteBuffer().remaining();
        try {
          Listed one = Documents.readListed(document);
          if (filter.matches(one)) {
            items.add(one);
          }
        } catch (BrokenRecordException e) {
          leftAlone(e);
        }
      }
    }
    return new Page<>(items, begin == 0 ? "" : Long.toString(begin));
  }

  /** The number at which the search ends, itself included; 0 when nothing is so far away. */
  private long edge(long end) {
    BsonDocument far =
        transactions
            .find(new BsonDocument(SEQUENCE, new BsonDocument("$lt", new BsonInt64(end))))
            .projection(NUMBER_ONLY)
            .sort(NEWEST_FIRST)
            .skip(MOST_DOCUMENTS - 1)
            .first();
    return far == null ? 0 : far.getNumber(SEQUENCE).longValue();
  }

  private static BsonDocument condition(Filter filter, long begin, long end) {
    var condition =
        new BsonDocument(
            SEQUENCE,
            new BsonDocument("$gte", new BsonInt64(begin)).append("$lt", new BsonInt64(end)));
    if (filter.status() != null) {
      condition.append(Documents.STATUS, Values.text(filter.status().wireName()));
    }
    if (filter.type() != null) {
      condition.append(Documents.TYPE, Values.text(filter.type().wireName()));
    }
    var created = new BsonDocument();
    if (filter.createdFrom() != null) {
      created.append("$gte", Values.notAfter(filter.createdFrom()));
    }
    if (filter.createdTo() != null) {
      created.append("$lte", Values.notAfter(filter.createdTo()));
    }
    return created.isEmpty() ? condition : condition.append(CREATE_TIME, created);
  }

  Counts counts(Backlog backlog) {
    var withTime = new BsonDocument("$gte", Values.notAfter(Instant.MIN));
    List<BsonDocument> earliest =
        transactions
            .find(DueIndex.unfinished().append(Documents.NEXT_TIME, withTime))
            .projection(new BsonDocument(Documents.NEXT_TIME, UP).append(ID, new BsonInt32(0)))
            .sort(DueIndex.ORDER)
            .limit(1)
            .into(new ArrayList<>());
    long unfinished = backlog.unfinished(() -> transactions.countDocuments(DueIndex.unfinished()));
    return new Counts(
        unfinished,
        earliest.isEmpty() ? null : instant(earliest.getFirst().getDateTime(Documents.NEXT_TIME)));
  }

  @Nullable Instant oldestUnfinished() {
    BsonNumber last = new BsonInt64(Long.MIN_VALUE);
    while (true) {
      BsonDocument oldest =
          transactions
              .find(DueIndex.unfinished().append(SEQUENCE, Documents.numberBehind(last)))
              .projection(NUMBER_ONLY)
              .sort(new BsonDocument(SEQUENCE, UP))
              .first();
      if (oldest == null) {
        return null;
      }
      last = oldest.getNumber(SEQUENCE);
      BsonDocument document =
          transactions
              .find(new BsonDocument(SEQUENCE, last))
              .projection(new BsonDocument(CREATE_TIME, UP))
              .first();
      if (document != null && document.isDateTime(CREATE_TIME)) { // else gone, or it makes no sense
        return instant(document.getDateTime(CREATE_TIME));
      }
    }
  }

  /** See {@link io.dtm4j.store.TransactionStore#endedBefore}. */
  Page<Gid> endedBefore(Instant time, String cursor, int limit) {
    BsonDocument condition = ended(time);
    condition.putAll(Documents.numbered());
    if (!cursor.isEmpty()) {
      condition.append("$or", behind(cursor));
    }
    List<BsonDocument> found =
        transactions
            .find(condition)
            .projection(new BsonDocument(END_TIME, UP).append(SEQUENCE, UP))
            .sort(BY_END)
            .limit(limit + 1)
            .into(new ArrayList<>());
    List<BsonDocument> some = found.subList(0, Math.min(limit, found.size()));
    var gids = new ArrayList<Gid>();
    for (BsonDocument document : some) {
      try {
        gids.add(Documents.readGid(document));
      } catch (BrokenRecordException e) {
        leftAlone(e);
      }
    }
    return new Page<>(gids, found.size() > limit ? cursorOf(some.getLast()) : "");
  }

  private static void leftAlone(BrokenRecordException cause) {
    log.atError().setCause(cause).log("a transaction cannot be read, it is left alone");
  }

  private static BsonDocument ended(Instant before) {
    return new BsonDocument(END_TIME, new BsonDocument("$lt", Values.bound(before)))
        .append(Documents.UNFINISHED, new BsonDocument("$exists", BsonBoolean.FALSE));
  }

  private static String cursorOf(BsonDocument last) {
    return last.getDateTime(END_TIME).getValue() + ":" + last.getNumber(SEQUENCE).longValue();
  }

  private static BsonArray behind(String cursor) {
    int colon = cursor.indexOf(':');
    try {
      if (colon > 0) {
        var end = new BsonDateTime(Long.parseLong(cursor.substring(0, colon)));
        var number = new BsonInt64(Cursors.number(cursor.substring(colon + 1)));
        return new BsonArray(
            List.of(
                new BsonDocument(END_TIME, new BsonDocument("$gt", end)),
                new BsonDocument(END_TIME, end).append(SEQUENCE, new BsonDocument("$gt", number))));
      }
    } catch (NumberFormatException | BadCursorException _) {
      // as any other text
    }
    throw new BadCursorException(cursor);
  }

  /** Deletes those of these that ended before that time. */
  static int delete(Database database, List<Gid> gids, Instant endedBefore) {
    BsonDocument condition = ended(endedBefore);
    condition.putAll(GroupWrite.in(gids));
    return (int) database.transactions().deleteMany(condition).getDeletedCount();
  }
}
