package io.dtm4j.store.mongodb;

import static io.dtm4j.store.mongodb.Documents.ID;
import static io.dtm4j.store.mongodb.Documents.WRITES;

import com.mongodb.MongoBulkWriteException;
import com.mongodb.bulk.BulkWriteError;
import com.mongodb.bulk.BulkWriteResult;
import com.mongodb.bulk.BulkWriteUpsert;
import com.mongodb.client.model.BulkWriteOptions;
import com.mongodb.client.model.UpdateOneModel;
import com.mongodb.client.model.UpdateOptions;
import io.dtm4j.protocol.Gid;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bson.BsonArray;
import org.bson.BsonDocument;
import org.bson.BsonInt32;
import org.bson.BsonObjectId;
import org.bson.BsonString;

/**
 * Conditional writes of many transactions, sent as one command, at most one of each gid; all bear
 * the same mark. The server answers with totals only. As long as they say that every write found
 * its document, nothing more is asked; else the marks tell which did.
 */
final class GroupSend {
  /** Writes that a document remembers: so many others may follow before somebody has looked. */
  private static final int REMEMBERED = 8;

  private static final int DUPLICATE_KEY = 11_000;

  /** The server steps down, shuts down or was too slow: what was refused may go through again. */
  private static final Set<Integer> PASSING =
      Set.of(
          6, 7, 24, 50, 64, 89, 91, 100, 112, 134, 189, 202, 262, 9_001, 10_107, 11_600, 11_602,
          13_435, 13_436);

  private static final BulkWriteOptions UNORDERED = new BulkWriteOptions().ordered(false);

  private final Database database;
  private final BsonObjectId mark = new BsonObjectId();
  private final List<UpdateOneModel<BsonDocument>> models = new ArrayList<>();
  private final List<Gid> gids = new ArrayList<>();
  private final Set<Integer> creating = new HashSet<>();

  /**
   * What became of it.
   *
   * @param done those that took effect
   * @param refused those that the server will never take, and why; all others did not find what
   *     they expected
   */
  record Outcome(Set<Gid> done, Map<Gid, String> refused) {}

  GroupSend(Database database) {
    this.database = database;
  }

  /** What every document that it creates must bear in {@link Documents#WRITES}. */
  BsonObjectId mark() {
    return mark;
  }

  /** Creates a document, unless it is there. */
  void create(Gid gid, BsonDocument document) {
    creating.add(models.size());
    add(
        gid,
        new BsonDocument(ID, Values.text(gid.value())),
        new BsonDocument("$setOnInsert", document),
        true);
  }

  /**
   * Changes a document if the conditions hold.
   *
   * @param conditions beside that of the gid
   * @param changes operators of an update; may be none, then the write only confirms the conditions
   */
  void update(Gid gid, BsonDocument conditions, BsonDocument changes) {
    BsonDocument filter = Documents.id(gid);
    filter.putAll(conditions);
    var update = new BsonDocument();
    changes.forEach(
        (operator, values) -> {
          if (!values.asDocument().isEmpty()) {
            update.put(operator, values);
          }
        });
    add(gid, filter, update.append("$push", new BsonDocument(WRITES, remembered())), false);
  }

  private BsonDocument remembered() {
    return new BsonDocument("$each", new BsonArray(List.of(mark)))
        .append("$position", new BsonInt32(0))
        .append("$slice", new BsonInt32(REMEMBERED));
  }

  private void add(Gid gid, BsonDocument filter, BsonDocument update, boolean upsert) {
    models.add(new UpdateOneModel<>(filter, update, new UpdateOptions().upsert(upsert)));
    gids.add(gid);
  }

  boolean isEmpty() {
    return models.isEmpty();
  }

  /**
   * Sends them. A majority has what is done afterwards, and all that the primary had before.
   *
   * @throws com.mongodb.MongoException when nobody knows what became of them
   */
  Outcome send() {
    if (models.isEmpty()) {
      return new Outcome(Set.of(), Map.of());
    }
    var refused = new HashMap<Gid, String>();
    var taken = new HashSet<Integer>();
    BulkWriteResult result;
    try {
      result = database.newest().bulkWrite(models, UNORDERED);
    } catch (MongoBulkWriteException e) {
      if (e.getWriteConcernError() != null
          || e.getWriteErrors().stream().anyMatch(error -> PASSING.contains(error.getCode()))) {
        throw e;
      }
      for (BulkWriteError error : e.getWriteErrors()) {
        if (error.getCode() == DUPLICATE_KEY && creating.contains(error.getIndex())) {
          taken.add(error.getIndex()); // somebody else has created it at the same time
        } else {
          refused.put(gids.get(error.getIndex()), error.getMessage());
        }
      }
      result = e.getWriteResult();
    }
    var done = new HashSet<Gid>();
    for (BulkWriteUpsert created : result.getUpserts()) {
      done.add(gids.get(created.getIndex()));
    }
    int found = 0;
    var updated = new ArrayList<Gid>();
    for (int i = 0; i < gids.size(); i++) {
      if (!creating.contains(i)) {
        updated.add(gids.get(i));
      } else if (!taken.contains(i)
          && !done.contains(gids.get(i))
          && !refused.containsKey(gids.get(i))) {
        found++; // it was there
      }
    }
    if (result.getMatchedCount() - found == updated.size()) {
      done.addAll(updated);
    } else {
      done.addAll(marked(updated));
    }
    return new Outcome(done, refused);
  }

  private List<Gid> marked(List<Gid> some) {
    var ids = new BsonArray(some.stream().map(gid -> new BsonString(gid.value())).toList());
    return database
        .newest()
        .find(new BsonDocument(ID, new BsonDocument("$in", ids)).append(WRITES, mark))
        .projection(new BsonDocument(ID, new BsonInt32(1)))
        .map(Documents::gid)
        .into(new ArrayList<>());
  }
}
