package io.dtm4j.store.mongodb;

import static io.dtm4j.store.mongodb.Values.text;
import static io.dtm4j.store.mongodb.Values.time;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.State;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.GlobalStatus;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.bson.BsonDocument;
import org.bson.BsonInt64;
import org.bson.BsonNull;
import org.jspecify.annotations.Nullable;

/**
 * What a pass writes to what it holds, as an update that reads nothing. What {@link Batch#applyTo}
 * compares stands in its conditions, in one point stricter: the mark has to be the one that the
 * pass believes in, too. Names of rows are compared as well.
 */
final class FastUpdate {
  /** Conditions on more rows cost the server more than they save. */
  private static final int MOST_ANSWERS = 64;

  private final Guard.HeldBy guard;
  private final Owner owner;
  private final List<Write.SetBranch> answers = new ArrayList<>();
  private final BsonDocument set = new BsonDocument();
  private GlobalStatus status;
  private @Nullable Instant endTime;
  private @Nullable Instant nextTime;

  private FastUpdate(Guard.HeldBy guard, Owner owner) {
    this.guard = guard;
    this.owner = owner;
    status = guard.status();
  }

  /** The update of a batch, or null when it takes more than that. */
  static @Nullable FastUpdate of(Batch batch, KnownRows known) {
    if (!(batch.guard() instanceof Guard.HeldBy guard)
        || batch.owner() == null
        || guard.owner().mark() != Owner.Mark.LEASED
        || guard.status().isFinal()
        || !batch.owner().claim().equals(guard.owner().claim())
        || !batch.owner().server().equals(guard.owner().server())
        || batch.owner().mark() == Owner.Mark.LOOK_AGAIN) {
      return null;
    }
    var update = new FastUpdate(guard, batch.owner());
    for (Write write : batch.writes()) {
      if (!update.add(write)) {
        return null;
      }
    }
    // Who may leave prepared gets the rows (R4a); who comes to rest may find that it is due.
    boolean getsRows =
        guard.status() == GlobalStatus.PREPARED
            && batch.writes().stream().anyMatch(write -> write instanceof Write.SetStatus);
    return getsRows
            || update.owner.isHeld() == update.status.isFinal()
            || !known.fit(batch.gid(), guard.owner().claim(), update.answers)
        ? null
        : update;
  }

  private boolean add(Write write) {
    switch (write) {
      case Write.SetBranch answer -> {
        if (answers.size() == MOST_ANSWERS
            || answers.stream().anyMatch(other -> other.row() == answer.row())) {
          return false; // of two answers of a row the order would matter
        }
        answers.add(answer);
        updated(answer.at());
      }
      case Write.SetStatus change -> {
        status = change.status();
        endTime = status.isFinal() ? change.at() : null;
        if (change.reason() != null) {
          set.put(Documents.REASON, text(State.shortened(change.reason())));
        }
        if (change.result() != null) {
          set.put(Documents.RESULT, text(change.result()));
        }
        updated(change.at());
      }
      case Write.SetSchedule change -> {
        set.put(Documents.INTERVAL, new BsonInt64(change.schedule().interval().toSeconds()));
        move(change.schedule().nextTime(), change.at());
      }
      case Write.Lease lease -> move(lease.until(), lease.at());
      case Write.SaveNew _,
          Write.AddBranches _,
          Write.BringForward _,
          Write.Postpone _,
          Write.SetExtra _,
          Write.Delay _,
          Write.SetOptions _,
          Write.LookAgain _ -> {
        return false;
      }
    }
    return true;
  }

  private void move(Instant next, Instant at) {
    Instant before = nextTime;
    nextTime = owner.isHeld() && before != null && before.isAfter(next) ? before : next;
    updated(at);
  }

  private void updated(Instant at) {
    set.put(Documents.UPDATE_TIME, time(at));
  }

  GlobalStatus status() {
    return status;
  }

  BsonDocument conditions() {
    var conditions =
        new BsonDocument(Documents.STATUS, text(guard.status().wireName()))
            .append(Documents.CLAIM, text(guard.owner().claim()))
            .append(Documents.REVISION, new BsonInt64(guard.owner().revision()))
            .append(Documents.MARK, Documents.mark(guard.owner().mark()));
    for (Write.SetBranch answer : answers) {
      conditions
          .append(Documents.ofRow(answer.row(), Documents.BRANCH_ID), text(answer.key().branchId()))
          .append(Documents.ofRow(answer.row(), Documents.OP), text(answer.key().op().wireName()));
    }
    return conditions;
  }

  BsonDocument changes() {
    var values = set.clone();
    var unset = new BsonDocument();
    var later = new BsonDocument();
    values.put(Documents.STATUS, text(status.wireName()));
    values.put(Documents.MARK, Documents.mark(owner.mark()));
    values.put(Documents.REVISION, new BsonInt64(owner.revision()));
    if (status.isFinal()) {
      unset.put(Documents.UNFINISHED, BsonNull.VALUE);
    }
    if (endTime != null) {
      values.put(Documents.END_TIME, time(endTime));
    }
    if (nextTime != null) {
      // While the lease lasts the later time wins.
      (owner.isHeld() ? later : values).put(Documents.NEXT_TIME, time(nextTime));
    }
    for (Write.SetBranch answer : answers) {
      values.put(Documents.ofRow(answer.row(), Documents.STATUS), text(answer.status().wireName()));
      values.put(Documents.ofRow(answer.row(), Documents.FINISH_TIME), time(answer.at()));
    }
    return new BsonDocument("$set", values).append("$unset", unset).append("$max", later);
  }
}
