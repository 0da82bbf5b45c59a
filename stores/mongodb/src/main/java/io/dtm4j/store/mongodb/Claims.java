package io.dtm4j.store.mongodb;

import com.mongodb.client.MongoCursor;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.CommitResult;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Function;
import org.bson.BsonDocument;
import org.bson.RawBsonDocument;
import org.bson.codecs.BsonDocumentCodec;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes transactions over: finds what is due, reads it, and writes each claim on the condition that
 * the document still is as it was read. When others get ahead of it, several servers do this at the
 * same time: then it takes a part of more candidates, by chance, so that they do not all want the
 * same ones.
 */
final class Claims {
  private static final Logger log = LoggerFactory.getLogger(Claims.class);

  /** Bytes of documents after which the rest waits for the next claim. */
  private static final long HEAVY = 8 << 20;

  /** Documents that the server sends at a time: they may be large. */
  private static final int AT_A_TIME = 16;

  private static final int MOST_ROUNDS = 100;
  private static final int SPREAD = 4;

  private final Database database;
  private final GroupWrite groups;
  private final Instant now;
  private final Duration lease;
  private final Function<Gid, Owner> owners;
  private final Random random = ThreadLocalRandom.current();
  private final List<Stored> claimed = new ArrayList<>();
  private final Set<Gid> done = new HashSet<>();
  private final Map<Gid, Owner> tokens = new HashMap<>();
  private long bytes;

  Claims(
      Database database,
      GroupWrite groups,
      Instant now,
      Duration lease,
      Function<Gid, Owner> owners) {
    this.database = database;
    this.groups = groups;
    this.now = now;
    this.lease = lease;
    this.owners = owners;
  }

  /** What is due, the most overdue first. */
  List<Stored> due(int limit) {
    boolean othersToo = false;
    for (int round = 0; round < MOST_ROUNDS && bytes < HEAVY && claimed.size() < limit; round++) {
      int room = limit - claimed.size();
      int wanted = (othersToo ? SPREAD * room : room) + done.size();
      List<Due> candidates =
          new ArrayList<>(DueIndex.before(database.newest(), now.plusMillis(1), null, wanted));
      candidates.removeIf(due -> done.contains(due.gid()));
      if (candidates.isEmpty()) {
        break;
      }
      if (candidates.size() > room) {
        Collections.shuffle(candidates, random);
      }
      List<Due> some = candidates.subList(0, Math.min(room, candidates.size()));
      int before = claimed.size();
      take(some);
      othersToo = claimed.size() - before <= some.size() / 2;
    }
    return claimed;
  }

  /** Those that are still as they were read. */
  List<Stored> asRead(List<Due> dues) {
    take(dues);
    return claimed;
  }

  /** Takes of these what can be had and is not too much at a time. */
  private void take(List<Due> dues) {
    if (dues.isEmpty()) {
      return;
    }
    Map<Gid, Documents.Found> found = read(dues);
    List<Batch> batches =
        dues.stream()
            .filter(due -> found.containsKey(due.gid()))
            .map(
                due ->
                    Batch.claim(
                        due, tokens.computeIfAbsent(due.gid(), owners), now.plus(lease), now))
            .toList();
    for (CommitResult result : groups.claim(batches, found)) {
      if (result instanceof CommitResult.Committed committed && committed.stored() != null) {
        claimed.add(committed.stored());
        done.add(committed.stored().transaction().gid());
      }
    }
  }

  /** The documents of these, the most overdue first, as far as they are not too much. */
  private Map<Gid, Documents.Found> read(List<Due> dues) {
    var found = new HashMap<Gid, Documents.Found>();
    try (MongoCursor<RawBsonDocument> cursor =
        database
            .newestRaw()
            .find(GroupWrite.in(dues.stream().map(Due::gid).toList()))
            .sort(DueIndex.ORDER)
            .batchSize(AT_A_TIME)
            .cursor()) {
      while (bytes < HEAVY && cursor.hasNext()) {
        RawBsonDocument raw = cursor.next();
        BsonDocument document = raw.decode(new BsonDocumentCodec());
        Gid gid = Documents.gid(document);
        try {
          found.put(gid, Documents.read(document));
          bytes += raw.getByteBuffer().remaining();
        } catch (BrokenRecordException e) {
          done.add(gid);
          log.atError()
              .addKeyValue("gid", gid)
              .setCause(e)
              .log("a transaction cannot be read, it is left alone");
        }
      }
    }
    return found;
  }
}
