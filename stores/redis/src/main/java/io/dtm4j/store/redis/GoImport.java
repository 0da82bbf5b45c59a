package io.dtm4j.store.redis;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.StoreUnavailableException;
import io.lettuce.core.Limit;
import io.lettuce.core.Range;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.ScoredValue;
import io.lettuce.core.api.async.RedisAsyncCommands;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes over what a DTM in Go has left unfinished in the same Redis (docs/spec/storage.md 4), and
 * its topics. That DTM must not run any more. Each transaction is stored first, and then leaves
 * DTM's set of what is unfinished, so that a DTM that is started by mistake finds nothing to do;
 * the records of DTM stay as they are. May be repeated at any time, after an interruption, too.
 */
public final class GoImport {
  private static final Logger log = LoggerFactory.getLogger(GoImport.class);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int AT_ONCE = 64;
  private static final String TOPICS = "topics";

  private final RedisStoreConfig config;
  private final RedisStore store;
  private final Session session;
  private int imported;
  private int existing;
  private int vanished;
  private int leftAlone;
  private int topics;

  /**
   * What came of it.
   *
   * @param imported transactions that were stored
   * @param existing transactions that an import before had stored
   * @param vanished gids without a record: DTM has let it expire
   * @param leftAlone transactions that cannot be read, or whose gid another transaction of this
   *     store has; the log names them, and the store does not open while there are any
   * @param topics topics that were created; those that were there already stay as they are
   */
  public record Report(int imported, int existing, int vanished, int leftAlone, int topics) {}

  private GoImport(RedisStoreConfig config, RedisStore store, Session session) {
    this.config = config;
    this.store = store;
    this.session = session;
  }

  /**
   * Takes it over.
   *
   * @throws StoreUnavailableException when Redis cannot be reached or used
   * @throws OutcomeUnknownException when the connection was lost on the way; repeat it
   */
  public static Report run(RedisStoreConfig config) {
    try (RedisStore store = RedisStore.openBesideDtm(config)) {
      return store.<Report>inSession(
          session -> {
            var work = new GoImport(config, store, session);
            work.transactions();
            work.topics();
            return new Report(
                work.imported, work.existing, work.vanished, work.leftAlone, work.topics);
          });
    }
  }

  private byte[] key(String rest) {
    return Texts.bytes(config.dtmPrefix() + rest);
  }

  /** Those that stay in the set are behind those that were looked at. */
  private void transactions() {
    while (true) {
      List<ScoredValue<byte[]>> some =
          session.get(
              session
                  .commands()
                  .zrangebyscoreWithScores(
                      key("_u"), Range.<Long>unbounded(), Limit.create(leftAlone, AT_ONCE)));
      if (some.isEmpty()) {
        return;
      }
      take(some);
    }
  }

  private void take(List<ScoredValue<byte[]>> some) {
    List<RedisFuture<byte[]>> globals = new ArrayList<>();
    List<RedisFuture<List<byte[]>>> branches = new ArrayList<>();
    for (ScoredValue<byte[]> one : some) {
      String gid = Texts.text(one.getValue());
      globals.add(session.commands().get(key("_g_" + gid)));
      branches.add(session.commands().lrange(key("_b_" + gid), 0, -1));
    }
    var done = new ArrayList<byte[]>();
    var names = new ArrayList<byte[]>();
    var batches = new ArrayList<Batch>();
    for (int i = 0; i < some.size(); i++) {
      byte[] name = some.get(i).getValue();
      byte[] global = session.field(globals.get(i));
      List<byte[]> rows = session.get(branches.get(i));
      if (global == null) {
        log.atWarn().addKeyValue("gid", Texts.text(name)).log("DTM has no record of it any more");
        vanished++;
        done.add(name);
        continue;
      }
      Transaction transaction = read(name, (long) some.get(i).getScore(), global, rows);
      if (transaction == null) {
        leftAlone++;
      } else {
        names.add(name);
        batches.add(save(transaction));
      }
    }
    List<CommitResult> results = store.commit(batches);
    for (int i = 0; i < results.size(); i++) {
      if (isStored(batches.get(i), results.get(i))) {
        done.add(names.get(i));
      }
    }
    if (!done.isEmpty()) {
      session.get(session.commands().zrem(key("_u"), done.toArray(byte[][]::new)));
    }
  }

  private static @Nullable Transaction read(
      byte[] name, long nextTime, byte[] global, List<byte[]> rows) {
    try {
      var branches = new ArrayList<JsonNode>();
      for (byte[] row : rows) {
        branches.add(JSON.readTree(row));
      }
      return GoRecord.transaction(
          new Gid(Texts.text(name)),
          JSON.readTree(global),
          branches,
          Instant.ofEpochSecond(nextTime));
    } catch (IOException | RuntimeException e) {
      log.atError()
          .addKeyValue("gid", Texts.text(name))
          .setCause(e)
          .log("a transaction of DTM cannot be read, it is left alone");
      return null;
    }
  }

  /** At rest: whoever opens the store finds it when it is due. */
  private static Batch save(Transaction transaction) {
    var owner = new Owner(Owner.Mark.RESTING, "import", Gid.random().value(), 0);
    return new Batch(
        transaction.gid(), Guard.Absent.INSTANCE, owner, List.of(new Write.SaveNew(transaction)));
  }

  private boolean isStored(Batch batch, CommitResult result) {
    if (result instanceof CommitResult.Committed) {
      imported++;
      return true;
    }
    Stored other = result instanceof CommitResult.Lost lost ? lost.stored() : null;
    var save = (Write.SaveNew) batch.writes().getFirst();
    Instant created = save.transaction().definition().createTime();
    if (other != null && other.transaction().definition().createTime().equals(created)) {
      existing++;
      return true;
    }
    leftAlone++;
    log.atError()
        .addKeyValue("gid", batch.gid())
        .addKeyValue("result", result)
        .log("a transaction of DTM was not taken over, another one has its gid");
    return false;
  }

  private void topics() {
    String pattern = Keys.escaped(config.dtmPrefix()) + "_kv_" + TOPICS + "_*";
    store
        .servers()
        .onMasters(
            masters -> {
              for (RedisAsyncCommands<byte[], byte[]> master : masters) {
                Opening.scan(
                    session,
                    master,
                    pattern,
                    keys -> keys.forEach(key -> topic(session.field(master.get(key)))));
              }
            });
  }

  private void topic(byte @Nullable [] value) {
    if (value == null) {
      return;
    }
    try {
      JsonNode topic = JSON.readTree(value);
      // Of a category "topics_more" the keys look the same.
      if (topic.path("cat").asText().equals(TOPICS)
          && store.createKeyValue(TOPICS, topic.path("k").asText(), topic.path("v").asText())) {
        topics++;
      }
    } catch (IOException e) {
      log.atError().setCause(e).log("a topic of DTM cannot be read, it is left alone");
    }
  }
}
