package io.dtm4j.store.mongodb;

import static io.dtm4j.store.mongodb.Values.text;
import static io.dtm4j.store.mongodb.Values.time;

import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.Lease;
import io.dtm4j.store.Reset;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bson.BsonArray;
import org.bson.BsonDocument;
import org.bson.BsonValue;

/** What renewals, releases and resets change: who holds a transaction, and until when. */
final class Heads {
  private static final int PART = 512;

  private final Database database;

  Heads(Database database) {
    this.database = database;
  }

  /** Moves the ends of leases to that time, never back; those that are not held any more. */
  List<Lease> renew(List<Lease> leases, Instant until) {
    return change(
        leases, new BsonDocument("$max", new BsonDocument(Documents.NEXT_TIME, time(until))));
  }

  /** Gives leases back: due at that time. */
  void release(List<Lease> leases, Instant now) {
    change(
        leases,
        new BsonDocument(
            "$set",
            new BsonDocument(Documents.MARK, Documents.mark(Owner.Mark.RESTING))
                .append(Documents.NEXT_TIME, time(now))));
  }

  private List<Lease> change(List<Lease> leases, BsonDocument changes) {
    var byGid = new LinkedHashMap<Gid, List<Lease>>();
    leases.forEach(one -> byGid.computeIfAbsent(one.gid(), _ -> new ArrayList<>()).add(one));
    var lost = new ArrayList<Lease>();
    // One gid may be named with several claims, of which one can be the present.
    for (int turn = 0; ; turn++) {
      int at = turn;
      List<Lease> some =
          byGid.values().stream().filter(of -> at < of.size()).map(of -> of.get(at)).toList();
      if (some.isEmpty()) {
        return lost;
      }
      for (int from = 0; from < some.size(); from += PART) {
        lost.addAll(changeEach(some.subList(from, Math.min(some.size(), from + PART)), changes));
      }
    }
  }

  private List<Lease> changeEach(List<Lease> leases, BsonDocument changes) {
    var send = new GroupSend(database);
    for (Lease held : leases) {
      send.update(
          held.gid(),
          DueIndex.unfinished()
              .append(Documents.CLAIM, text(held.claim()))
              .append(
                  Documents.MARK,
                  new BsonDocument(
                      "$in",
                      new BsonArray(
                          List.of(
                              Documents.mark(Owner.Mark.LEASED),
                              Documents.mark(Owner.Mark.LOOK_AGAIN))))),
          changes);
    }
    Set<Gid> done = send.send().done();
    return leases.stream().filter(held -> !done.contains(held.gid())).toList();
  }

  /** Brings forward what is due later than now and that duration. */
  Reset reset(Duration after, Instant now, int limit) {
    Instant laterThan = now.plus(after);
    List<Due> later = DueIndex.after(database.newest(), laterThan, limit + 1);
    int count = 0;
    List<Due> some = later.subList(0, Math.min(limit, later.size()));
    for (int from = 0; from < some.size(); from += PART) {
      var send = new GroupSend(database);
      for (Due due : some.subList(from, Math.min(some.size(), from + PART))) {
        send.update(due.gid(), asSeen(due, laterThan), broughtForward(due, now));
      }
      count += send.send().done().size();
    }
    return new Reset(count, later.size() > limit);
  }

  private static BsonDocument asSeen(Due due, Instant laterThan) {
    return DueIndex.unfinished()
        .append(Documents.MARK, Documents.mark(due.owner().mark()))
        .append(Documents.NEXT_TIME, new BsonDocument("$gt", Values.notAfter(laterThan)));
  }

  /** As {@link Reset#broughtForward} says. */
  private static BsonDocument broughtForward(Due due, Instant now) {
    Map.Entry<String, BsonValue> change =
        due.owner().isHeld()
            ? Map.entry(Documents.MARK, Documents.mark(Owner.Mark.LOOK_AGAIN))
            : Map.entry(Documents.NEXT_TIME, time(now));
    return new BsonDocument("$set", new BsonDocument(change.getKey(), change.getValue()));
  }
}
