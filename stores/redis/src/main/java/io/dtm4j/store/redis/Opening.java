package io.dtm4j.store.redis;

import io.dtm4j.store.StoreUnavailableException;
import io.lettuce.core.KeyScanCursor;
import io.lettuce.core.KeyValue;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisException;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.ScanArgs;
import io.lettuce.core.api.async.RedisAsyncCommands;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/** What is looked at before a store works on a Redis: whether it may, and whether it is safe. */
final class Opening {
  private static final Logger log = LoggerFactory.getLogger(Opening.class);

  private static final int FORMAT = 1;
  private static final byte[] FORMAT_FIELD = Texts.bytes("format");
  private static final byte[] SHARDS_FIELD = Texts.bytes("shards");
  private static final int SCANNED_AT_ONCE = 1_000;

  private final RedisStoreConfig config;
  private final Session session;
  private final Servers servers;

  Opening(RedisStoreConfig config, Session session, Servers servers) {
    this.config = config;
    this.session = session;
    this.servers = servers;
  }

  /**
   * Makes sure that this store may work here.
   *
   * @param besideDtm although a DTM has left unfinished work
   * @throws StoreUnavailableException when not; the message says what to do
   */
  void prepare(boolean besideDtm) {
    servers.onMasters(
        masters -> {
          refuseMemberOfCluster(masters);
          prepare(besideDtm, masters);
        });
  }

  private void prepare(boolean besideDtm, List<RedisAsyncCommands<byte[], byte[]>> masters) {
    if (!besideDtm) {
      refuseDtm();
    }
    claimFormat();
    refuseProxy();
    masters.forEach(this::warn);
  }

  private void refuseMemberOfCluster(List<RedisAsyncCommands<byte[], byte[]>> masters) {
    if (!config.isCluster()
        && session.get(masters.getFirst().info("cluster")).contains("cluster_enabled:1")) {
      throw new StoreUnavailableException(
          config + " belongs to a Cluster: name several of its servers, host:port,host:port", null);
    }
  }

  /** Its set of what is unfinished is there as long as something is. */
  private void refuseDtm() {
    for (String prefix : config.dtmPrefixes()) {
      boolean isOurs = prefix.equals(config.dtmPrefix());
      if (hasUnfinished(prefix, isOurs)) {
        throw new StoreUnavailableException(
            config
                + ": a DTM has left unfinished transactions under "
                + prefix
                + "_*. Stop it and take them over with ./dtm4j import --redis"
                + (isOurs ? "" : " --from-prefix '" + prefix + "'")
                + ", or let it finish them",
            null);
      }
    }
  }

  private boolean hasUnfinished(String dtmPrefix, boolean mustBeKnown) {
    byte[] unfinished = Texts.bytes(dtmPrefix + "_u");
    try {
      return session.get(session.commands().exists(unfinished)) > 0;
    } catch (RedisCommandExecutionException e) {
      if (!mustBeKnown && Redis.reason(e).contains("NOPERM")) {
        return false; // a user that may have nothing but the keys of this prefix
      }
      throw e;
    }
  }

  /** Some that stand before several servers run no script whose keys belong to several. */
  private void refuseProxy() {
    if (config.isCluster()) {
      return; // there each script has the keys of one shard
    }
    var keys = new ArrayList<>(session.keys().indexes(0));
    keys.addAll(session.keys().indexes(1));
    byte[] count = Texts.bytes(Integer.toString(keys.size()));
    try {
      Session.ScriptCall<List<Long>> ofNothing = session.call(Script.WRITE, keys, List.of(count));
      session.get(ofNothing);
    } catch (RedisCommandExecutionException e) {
      throw new StoreUnavailableException(
          config
              + " runs no script on the keys of several shards: "
              + Redis.reason(e)
              + ". It must be one Redis that does, or name the servers of a Cluster,"
              + " host:port,host:port, and no proxy before them",
          e);
    }
  }

  private void claimFormat() {
    byte[] meta = session.keys().meta();
    List<RedisFuture<Boolean>> set =
        List.of(
            session.commands().hsetnx(meta, FORMAT_FIELD, Texts.bytes(Integer.toString(FORMAT))),
            session
                .commands()
                .hsetnx(meta, SHARDS_FIELD, Texts.bytes(Integer.toString(Keys.SHARDS))));
    session.all(set);
    List<KeyValue<byte[], byte[]>> found =
        session.get(session.commands().hmget(meta, FORMAT_FIELD, SHARDS_FIELD));
    check("format", found.get(0), FORMAT);
    check("number of shards", found.get(1), Keys.SHARDS);
  }

  private void check(String what, KeyValue<byte[], byte[]> found, int expected) {
    String is = Texts.text(found.getValue());
    if (!is.equals(Integer.toString(expected))) {
      throw new StoreUnavailableException(
          config
              + ": "
              + what
              + " "
              + is
              + " (expected: "
              + expected
              + "). A newer dtm4j has made this store: use that one, or another prefix",
          null);
    }
  }

  /** Says what may be lost. */
  private void warn(RedisAsyncCommands<byte[], byte[]> master) {
    Map<String, String> settings = new HashMap<>();
    try {
      for (String name : List.of("appendonly", "appendfsync", "maxmemory", "maxmemory-policy")) {
        settings.putAll(session.get(master.configGet(name)));
      }
    } catch (RedisException e) {
      log.atInfo()
          .addKeyValue("store", config)
          .addKeyValue("reason", Redis.reason(e))
          .log("Redis does not say whether it keeps what it has acknowledged");
      return;
    }
    for (Finding finding : findings(settings)) {
      log.atLevel(finding.isBad ? Level.WARN : Level.INFO)
          .addKeyValue("store", config)
          .log(finding.text);
    }
  }

  /** What an operator should know of the settings of a server. */
  record Finding(boolean isBad, String text) {}

  static List<Finding> findings(Map<String, String> settings) {
    var findings = new ArrayList<Finding>();
    if (!settings.getOrDefault("appendonly", "").equals("yes")) {
      findings.add(
          new Finding(
              true,
              "appendonly is off: transactions that were acknowledged are lost when Redis ends"));
    } else if (!settings.getOrDefault("appendfsync", "").equals("always")) {
      findings.add(
          new Finding(
              false,
              "appendfsync is not always: a crash or power cut may lose what was acknowledged in"
                  + " the last two seconds"));
    }
    if (!settings.getOrDefault("maxmemory", "0").equals("0")
        && !settings.getOrDefault("maxmemory-policy", "").equals("noeviction")) {
      findings.add(
          new Finding(
              true,
              "maxmemory-policy is not noeviction: Redis throws transactions away when its memory"
                  + " is full"));
    }
    return findings;
  }

  /** Deletes all that belongs to the store, and nothing else. */
  void reset() {
    servers.onMasters(
        masters -> {
          for (RedisAsyncCommands<byte[], byte[]> master : masters) {
            scan(
                session,
                master,
                session.keys().pattern(),
                keys ->
                    session.all(
                        keys.stream()
                            .filter(session.keys()::isOwn)
                            .map(key -> master.unlink(key))
                            .toList()));
          }
        });
  }

  /** Walks through the keys of a server that match. */
  static void scan(
      Session session,
      RedisAsyncCommands<byte[], byte[]> master,
      String pattern,
      Consumer<List<byte[]>> work) {
    ScanArgs matching = ScanArgs.Builder.matches(pattern).limit(SCANNED_AT_ONCE);
    KeyScanCursor<byte[]> cursor = session.get(master.scan(matching));
    work.accept(cursor.getKeys());
    while (!cursor.isFinished()) {
      cursor = session.get(master.scan(cursor, matching));
      work.accept(cursor.getKeys());
    }
  }
}
