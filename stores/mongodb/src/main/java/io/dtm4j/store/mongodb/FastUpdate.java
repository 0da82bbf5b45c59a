package io.dtm4j.store.mongodb;

import static io.dtm4j.store.mongodb.Values.text;
import static io.dtm4j.store.mongodb.Values.time;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.HeldUpdate;
import org.bson.BsonDocument;
import org.bson.BsonInt64;
import org.bson.BsonNull;
import org.jspecify.annotations.Nullable;

/**
 * A {@link HeldUpdate} as an update of the document that reads nothing. Names of rows are compared,
 * too.
 */
final class FastUpdate {
  /** Conditions on more rows cost the server more than they save. */
  private static final int MOST_ANSWERS = 64;

  private final HeldUpdate update;

  private FastUpdate(HeldUpdate update) {
    this.update = update;
  }

  /** The update of a batch, or null when it takes more than that. */
  static @Nullable FastUpdate of(Batch batch, KnownRows known) {
    HeldUpdate update = HeldUpdate.of(batch);
    return update == null
            || update.answers().size() > MOST_ANSWERS
            || !known.fit(update.gid(), update.owner().claim(), update.answers())
        ? null
        : new FastUpdate(update);
  }

  GlobalStatus status() {
    return update.status();
  }

  BsonDocument conditions() {
    Guard.HeldBy guard = update.guard();
    var conditions =
        new BsonDocument(Documents.STATUS, text(guard.status().wireName()))
            .append(Documents.CLAIM, text(guard.owner().claim()))
            .append(Documents.REVISION, new BsonInt64(guard.owner().revision()))
            .append(Documents.MARK, Documents.mark(guard.owner().mark()));
    for (Write.SetBranch answer : update.answers()) {
      conditions
          .append(Documents.ofRow(answer.row(), Documents.BRANCH_ID), text(answer.key().branchId()))
          .append(Documents.ofRow(answer.row(), Documents.OP), text(answer.key().op().wireName()));
    }
    return conditions;
  }

  BsonDocument changes() {
    Owner owner = update.owner();
    var values = new BsonDocument();
    var unset = new BsonDocument();
    var later = new BsonDocument();
    values.put(Documents.STATUS, text(update.status().wireName()));
    values.put(Documents.MARK, Documents.mark(owner.mark()));
    values.put(Documents.REVISION, new BsonInt64(owner.revision()));
    if (update.status().isFinal()) {
      unset.put(Documents.UNFINISHED, BsonNull.VALUE);
    }
    if (update.updateTime() != null) {
      values.put(Documents.UPDATE_TIME, time(update.updateTime()));
    }
    if (update.endTime() != null) {
      values.put(Documents.END_TIME, time(update.endTime()));
    }
    if (update.reason() != null) {
      values.put(Documents.REASON, text(update.reason()));
    }
    if (update.result() != null) {
      values.put(Documents.RESULT, text(update.result()));
    }
    if (update.interval() != null) {
      values.put(Documents.INTERVAL, new BsonInt64(update.interval().toSeconds()));
    }
    if (update.nextTime() != null) {
      // While the lease lasts the later time wins.
      (owner.isHeld() ? later : values).put(Documents.NEXT_TIME, time(update.nextTime()));
    }
    for (Write.SetBranch answer : update.answers()) {
      values.put(Documents.ofRow(answer.row(), Documents.STATUS), text(answer.status().wireName()));
      values.put(Documents.ofRow(answer.row(), Documents.FINISH_TIME), time(answer.at()));
    }
    return new BsonDocument("$set", values).append("$unset", unset).append("$max", later);
  }
}
