package io.dtm4j.store.redis;

import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.StoreRejectedException;
import io.dtm4j.store.StoreUnavailableException;
import io.lettuce.core.RedisCommandTimeoutException;
import io.lettuce.core.RedisException;
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Connections to Redis, one for writes and one for reads, which all threads share, and what its
 * errors mean. Thread-safe.
 */
final class Redis implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Redis.class);

  private final RedisStoreConfig config;
  private final Servers servers;
  private final Link reads;
  private final Link writes;
  private final NowAndThen wrongTypes = new NowAndThen();
  private volatile @Nullable Trouble trouble;

  /** Something done with a connection. */
  interface Work<T extends @Nullable Object> {
    T on(Session session);
  }

  private record Trouble(Instant since, String why) {}

  /**
   * Connects.
   *
   * @throws RedisException when it cannot be reached
   */
  Redis(RedisStoreConfig config) {
    this.config = config;
    servers = new Servers(config);
    try {
      var keys = new Keys(config.ownPrefix());
      reads = new Link(() -> session(keys));
      writes = new Link(() -> session(keys));
      reads.session().connect();
      writes.session().connect();
    } catch (RuntimeException e) {
      servers.close();
      throw e;
    }
  }

  private Session session(Keys keys) {
    return new Session(servers.connect(), keys, config.isCluster(), config.replicas());
  }

  Servers servers() {
    return servers;
  }

  /**
   * Reads.
   *
   * @throws StoreUnavailableException when it cannot
   */
  <T extends @Nullable Object> T read(Work<T> work) {
    return read(reads, work);
  }

  /** As {@link #read}, where replicas may have to be waited for: no other read waits behind it. */
  <T extends @Nullable Object> T readReplicated(Work<T> work) {
    return read(config.replicas() == 0 ? reads : writes, work);
  }

  private <T extends @Nullable Object> T read(Link link, Work<T> work) {
    try {
      return use(link, work);
    } catch (RedisException e) {
      throw new StoreUnavailableException(cannot("read", e), e);
    } catch (BrokenRecordException e) {
      throw new StoreUnavailableException(String.valueOf(e.getMessage()), e);
    }
  }

  /**
   * Writes. Every error of Redis but one may pass: the same again changes nothing that has
   * happened. Something else at a key of ours stays until somebody takes it away: it is rejected
   * what needs that key, and only that, so that all else is written meanwhile.
   *
   * @throws OutcomeUnknownException when it may have happened
   * @throws StoreRejectedException when it certainly has not, nor ever will
   */
  <T extends @Nullable Object> T write(Work<T> work) {
    try {
      T result = use(writes, work);
      recovered();
      return result;
    } catch (RedisException e) {
      throw isWrongType(e) ? wrongType(e) : failed(e);
    } catch (OutcomeUnknownException | StoreRejectedException e) {
      throw e;
    } catch (RuntimeException e) { // broken records, defects
      throw new StoreRejectedException(String.valueOf(e.getMessage()), e);
    }
  }

  private <T extends @Nullable Object> T use(Link link, Work<T> work) {
    Session session = link.session();
    try {
      return work.on(session);
    } catch (RedisException e) {
      if (isUnanswered(e)) {
        // A server that is gone without a word would be waited for as long as TCP does.
        link.leave(session);
      } else if (isReadOnly(e) && !config.isCluster() && link.leave(session)) {
        // It is a replica now; the name of the master may lead elsewhere.
        reads.leave();
        writes.leave();
      }
      throw e;
    }
  }

  private static boolean isUnanswered(RedisException e) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof RedisCommandTimeoutException) {
        return true;
      }
    }
    return false;
  }

  /** Whether a replica has answered; of a script older servers say it in the midst of a text. */
  static boolean isReadOnly(RedisException e) {
    String reason = reason(e);
    return reason.contains("READONLY") || reason.contains("WAIT cannot be used with");
  }

  /** Whether something else lies at a key; of a script older servers say it amid a text. */
  static boolean isWrongType(RedisException e) {
    return reason(e).contains("WRONGTYPE");
  }

  private StoreRejectedException wrongType(RedisException e) {
    if (wrongTypes.isDue()) {
      log.atError()
          .addKeyValue("store", config)
          .setCause(e)
          .log("something else lies at a key of the store, what needs it is rejected");
    }
    return new StoreRejectedException(cannot("written", e), e);
  }

  private OutcomeUnknownException failed(RedisException e) {
    Trouble before = trouble;
    if (before == null) {
      trouble = new Trouble(Instant.ofEpochMilli(System.currentTimeMillis()), reason(e));
      log.atError().addKeyValue("store", config).setCause(e).log("the store cannot write");
    } else {
      trouble = new Trouble(before.since, reason(e));
    }
    return new OutcomeUnknownException(cannot("written", e), e);
  }

  private void recovered() {
    if (trouble != null) {
      trouble = null;
      log.atInfo().addKeyValue("store", config).log("the store writes again");
    }
  }

  private String cannot(String what, RedisException e) {
    return "Redis " + config.address() + " cannot be " + what + ": " + reason(e);
  }

  /** What lies behind it: the client wraps errors. */
  static String reason(RedisException e) {
    Throwable cause = e;
    while (cause.getCause() instanceof RedisException inner) {
      cause = inner;
    }
    return String.valueOf(cause.getMessage());
  }

  @Nullable String trouble() {
    Trouble present = trouble;
    return present == null
        ? null
        : "Redis "
            + config.address()
            + " cannot be written since "
            + present.since
            + ": "
            + present.why;
  }

  @Override
  public void close() {
    servers.close();
  }
}
