package io.dtm4j.store.redis;

import io.lettuce.core.RedisException;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A connection that all threads share until it is left; who needs it next makes another one, and
 * others are refused as long as that takes. Thread-safe.
 */
final class Link {
  private final Supplier<Session> maker;
  private final Lock lock = new ReentrantLock();

  /** Changed under the lock. */
  private volatile @Nullable Session present;

  /**
   * Connects.
   *
   * @param maker connects; throws {@link RedisException} when it cannot
   */
  Link(Supplier<Session> maker) {
    this.maker = maker;
    present = maker.get();
  }

  /**
   * The connection.
   *
   * @throws RedisException when there is none
   */
  Session session() {
    Session session = present;
    if (session != null) {
      return session;
    }
    if (!lock.tryLock()) {
      throw new RedisException("another connection is being made");
    }
    try {
      session = present;
      if (session == null) {
        session = maker.get();
        present = session;
      }
      return session;
    } finally {
      lock.unlock();
    }
  }

  /** Leaves the connection, whichever it is. */
  void leave() {
    Session session = present;
    if (session != null) {
      leave(session);
    }
  }

  /**
   * Leaves that connection.
   *
   * @return false: somebody else has left it
   */
  boolean leave(Session session) {
    lock.lock();
    try {
      if (present != session) {
        return false;
      }
      present = null;
    } finally {
      lock.unlock();
    }
    session.close();
    return true;
  }
}
