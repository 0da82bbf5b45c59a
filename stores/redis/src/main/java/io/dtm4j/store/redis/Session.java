package io.dtm4j.store.redis;

import io.dtm4j.protocol.Gid;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisException;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.RedisNoScriptException;
import io.lettuce.core.ScriptOutputType;
import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends commands and waits for their answers; what is sent before it is waited for goes together.
 * Everything throws {@link RedisException} when there is no answer, or it is an error.
 */
final class Session {
  private static final Logger log = LoggerFactory.getLogger(Session.class);
  private static final Duration PAUSE = Duration.ofMillis(5);

  private final Servers.Connection connection;
  private final RedisClusterAsyncCommands<byte[], byte[]> commands;
  private final Keys keys;
  private final boolean isCluster;
  private final Replication replication;

  /** A call of a script that is on its way. */
  record ScriptCall<T>(
      Script script, List<byte[]> keys, List<byte[]> arguments, RedisFuture<T> answer) {}

  /**
   * For a new connection.
   *
   * @param replicas how many have what {@link #replicated} has done
   */
  Session(Servers.Connection connection, Keys keys, boolean isCluster, int replicas) {
    this.connection = connection;
    commands = connection.commands();
    this.keys = keys;
    this.isCluster = isCluster;
    replication = new Replication(this, connection.way(), replicas);
  }

  /**
   * Connects to all servers of a Cluster that have something of the store: a command that needs a
   * connection which is not there yet is refused, and makes one.
   */
  void connect() {
    if (!isCluster) {
      return;
    }
    List<byte[]> some = new ArrayList<>();
    for (int shard = 0; shard < Keys.SHARDS; shard++) {
      some.add(keys.index(shard, Index.DUE));
    }
    some.add(keys.meta());
    some.addAll(keys.keyValues());
    long end = System.nanoTime() + Servers.COMMAND_TIMEOUT.toNanos();
    for (byte[] key : some) {
      while (true) {
        try {
          get(commands.exists(key));
          break;
        } catch (RedisException e) {
          boolean isAnswer = e instanceof RedisCommandExecutionException;
          if (isAnswer || System.nanoTime() > end || Thread.currentThread().isInterrupted()) {
            throw e;
          }
          LockSupport.parkNanos(PAUSE.toNanos());
        }
      }
    }
  }

  /** Ends the connection and waits for nobody; what has no answer yet fails. */
  void close() {
    var _ =
        connection
            .stateful()
            .closeAsync()
            .whenComplete((_, e) -> log.atDebug().setCause(e).log("left a connection"));
  }

  RedisClusterAsyncCommands<byte[], byte[]> commands() {
    return commands;
  }

  Keys keys() {
    return keys;
  }

  boolean isCluster() {
    return isCluster;
  }

  /** Those that one script may work on: all, or in a Cluster those of one shard. */
  <T> Collection<List<T>> together(List<T> all, Function<T, byte[]> gid) {
    if (!isCluster) {
      return all.isEmpty() ? List.of() : List.of(all);
    }
    Map<Integer, List<T>> shards = new LinkedHashMap<>();
    for (T one : all) {
      shards.computeIfAbsent(Keys.shard(gid.apply(one)), _ -> new ArrayList<>()).add(one);
    }
    return shards.values();
  }

  /** A key of each shard of these gids. */
  List<byte[]> shardsOf(Collection<Gid> gids) {
    return gids.stream()
        .map(gid -> Keys.shard(Texts.bytes(gid.value())))
        .distinct()
        .map(shard -> keys.index(shard, Index.DUE))
        .toList();
  }

  /**
   * Does something, and waits until enough replicas have what it has written, and what it has read.
   *
   * @param keys one of each shard that it works on
   * @throws RedisException when it is not certain that they have; it may have happened, and the
   *     same again is waited for as well
   */
  <T extends @Nullable Object> T replicated(Supplier<List<byte[]>> keys, Supplier<T> work) {
    return replication.of(keys, work);
  }

  /** Calls a script that answers with one value or, if {@code T} is a list, with several. */
  <T> ScriptCall<T> call(Script script, List<byte[]> keys, List<byte[]> arguments) {
    return new ScriptCall<>(
        script,
        keys,
        arguments,
        commands.evalsha(script.digest(), outputOf(script), array(keys), array(arguments)));
  }

  private static ScriptOutputType outputOf(Script script) {
    return switch (script) {
      case WRITE, TIME -> ScriptOutputType.MULTI;
      case FORGET, VALUE -> ScriptOutputType.INTEGER;
    };
  }

  /** The answer; a server that does not know the script has not run it, and is given it. */
  <T> T get(ScriptCall<T> call) {
    try {
      return get(call.answer);
    } catch (RedisNoScriptException _) {
      return get(
          commands.eval(
              call.script.text(), outputOf(call.script), array(call.keys), array(call.arguments)));
    }
  }

  private static byte[][] array(List<byte[]> list) {
    return list.toArray(byte[][]::new);
  }

  <T extends @Nullable Object> T get(RedisFuture<T> future) {
    try {
      return future.get(); // ends by itself: Redis.COMMAND_TIMEOUT
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RedisException cause) {
        throw cause;
      }
      throw new RedisException(e.getCause());
    } catch (CancellationException e) {
      throw new RedisException("the connection was lost", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RedisException("interrupted", e);
    }
  }

  /** The value, or null when there is none. */
  byte @Nullable [] field(RedisFuture<byte[]> future) {
    return get(future);
  }

  <T extends @Nullable Object> List<T> all(List<RedisFuture<T>> futures) {
    var answers = new ArrayList<T>(futures.size());
    for (RedisFuture<T> future : futures) {
      answers.add(get(future));
    }
    return answers;
  }
}
