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
import io.dtm4j.store.StoreRejectedException;
import io.dtm4j.store.StoreUnavailableException;
import io.lettuce.core.Limit;
import io.lettuce.core.Range;
import io.lettuce.core.RedisException;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.ScoredValue;
import io.lettuce.core.api.async.RedisAsyncCommands;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
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

  private final String dtmPrefix;
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
   * @param leftAlone transactions that cannot be read or stored, or whose gid another transaction
   *     of this store has; the log names them, and the store does not open while there are any
   * @param topics topics that were created; those that were there already stay as they are
   */
  public record Report(int imported, int existing, int vanished, int leftAlone, int topics) {}

  private GoImport(String dtmPrefix, RedisStore store, Session session) {
    this.dtmPrefix = dtmPrefix;
    this.store = store;
    this.session = session;
  }

  /** As {@link #run(RedisStoreConfig, String)}, where that DTM was configured as this store is. */
  public static Report run(RedisStoreConfig config) {
    return run(config, config.dtmPrefix());
  }

  /**
   * Takes it over.
   *
   * @param dtmPrefix what the keys of that DTM begin with; other than ours it may have braces
   * @throws StoreUnavailableException when Redis cannot be reached or used
   * @throws OutcomeUnknownException when the connection was lost on the way; repeat it
   */
  public static Report run(RedisStoreConfig config, String dtmPrefix) {
    try (RedisStore store = RedisStore.openBesideDtm(config)) {
      return store.<Report>inSession(
          session -> {
            var work = new GoImport(dtmPrefix, store, session);
            work.transactions();
            work.topics();
            return new Report(
                work.imported, work.existing, work.vanished, work.leftAlone, work.topics);
          });
    }
  }

  private byte[] key(String rest) {
    return Texts.bytes(dtmPrefix + rest);
  }

  private byte[] key(String rest, byte[] name) {
    byte[] begin = key(rest);
    return ByteBuffer.allocate(begin.length + name.length).put(begin).put(name).array();
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

  /** What DTM has of one, on its way. */
  private record Asked(
      Bytes name, long nextTime, RedisFuture<byte[]> global, RedisFuture<List<byte[]>> branches) {}

  private void take(List<ScoredValue<byte[]>> some) {
    List<Asked> asked = some.stream().map(this::ask).toList();
    var done = new ArrayList<byte[]>();
    var names = new ArrayList<byte[]>();
    var batches = new ArrayList<Batch>();
    for (Asked one : asked) {
      byte[] global = null;
      Transaction transaction = null;
      try {
        global = session.field(one.global);
        if (global == null) {
          log.atWarn()
              .addKeyValue("gid", shown(one.name.array()))
              .log("DTM has no record of it any more");
          vanished++;
          done.add(one.name.array());
          continue;
        }
        transaction = read(one, global, session.get(one.branches));
      } catch (RedisException e) {
        if (!Redis.isWrongType(e)) {
          throw e;
        }
        cannotBeRead(one.name.array(), e);
      }
      if (transaction == null) {
        leftAlone++;
      } else {
        names.add(one.name.array());
        batches.add(save(transaction));
      }
    }
    List<CommitResult> results = commit(batches);
    for (int i = 0; i < results.size(); i++) {
      if (isStored(batches.get(i), results.get(i))) {
        done.add(names.get(i));
      }
    }
    if (!done.isEmpty()) {
      session.get(session.commands().zrem(key("_u"), done.toArray(byte[][]::new)));
    }
  }

  private Asked ask(ScoredValue<byte[]> one) {
    byte[] name = one.getValue();
    return new Asked(
        new Bytes(name),
        (long) one.getScore(),
        session.commands().get(key("_g_", name)),
        session.commands().lrange(key("_b_", name), 0, -1));
  }

  /** Stores them; where some cannot be stored, all others. */
  private List<CommitResult> commit(List<Batch> batches) {
    try {
      return store.commit(batches);
    } catch (StoreRejectedException e) {
      if (batches.size() == 1) {
        return List.of(new CommitResult.Rejected(String.valueOf(e.getMessage())));
      }
      int half = batches.size() / 2;
      var results = new ArrayList<>(commit(batches.subList(0, half)));
      results.addAll(commit(batches.subList(half, batches.size())));
      return results;
    }
  }

  /** A gid as the log names it. */
  private static String shown(byte[] name) {
    return isText(name)
        ? new String(name, StandardCharsets.UTF_8)
        : "0x" + HexFormat.of().formatHex(name);
  }

  private static boolean isText(byte[] name) {
    return Arrays.equals(
        new String(name, StandardCharsets.UTF_8).getBytes(StandardCharsets.UTF_8), name);
  }

  private static @Nullable Transaction read(Asked one, byte[] global, List<byte[]> rows) {
    try {
      if (!isText(one.name.array())) {
        throw new IllegalArgumentException("its gid is not UTF-8");
      }
      var branches = new ArrayList<JsonNode>();
      for (byte[] row : rows) {
        branches.add(JSON.readTree(row));
      }
      return GoRecord.transaction(
          new Gid(new String(one.name.array(), StandardCharsets.UTF_8)),
          JSON.readTree(global),
          branches,
          Instant.ofEpochSecond(one.nextTime));
    } catch (IOException | RuntimeException e) {
      cannotBeRead(one.name.array(), e);
      return null;
    }
  }

  private static void cannotBeRead(byte[] name, Exception cause) {
    log.atError()
        .addKeyValue("gid", shown(name))
        .setCause(cause)
        .log("a transaction of DTM cannot be read, it is left alone");
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
        .log(
            other == null
                ? "a transaction of DTM was not taken over, it cannot be stored"
                : "a transaction of DTM was not taken over, another one has its gid");
    return false;
  }

  private void topics() {
    String pattern = Keys.escaped(dtmPrefix) + "_kv_" + TOPICS + "_*";
    store
        .servers()
        .onMasters(
            masters -> {
              for (RedisAsyncCommands<byte[], byte[]> master : masters) {
                Opening.scan(
                    session, master, pattern, keys -> keys.forEach(key -> topic(master.get(key))));
              }
            });
  }

  private void topic(RedisFuture<byte[]> answer) {
    try {
      byte[] value = session.field(answer);
      if (value == null) {
        return;
      }
      JsonNode topic = JSON.readTree(value);
      // Of a category "topics_more" the keys look the same.
      if (topic.path("cat").asText().equals(TOPICS)
          && store.createKeyValue(TOPICS, topic.path("k").asText(), topic.path("v").asText())) {
        topics++;
      }
    } catch (IOException e) {
      topicCannotBeRead(e);
    } catch (RedisException e) {
      if (!Redis.isWrongType(e)) {
        throw e;
      }
      topicCannotBeRead(e);
    }
  }

  private static void topicCannotBeRead(Exception cause) {
    log.atError().setCause(cause).log("a topic of DTM cannot be read, it is left alone");
  }
}
