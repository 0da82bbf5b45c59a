package io.dtm4j.store.sql;

import static java.util.Comparator.comparing;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.StoreRejectedException;
import io.dtm4j.store.StoreUnavailableException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Connections to the database, and what its errors mean. A write is one database transaction, which
 * begins again by itself when the database has undone it because of somebody else (a deadlock, a
 * lock that took too long). Thread-safe.
 */
final class Connections implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Connections.class);
  private static final int MOST_ATTEMPTS = 10;
  private static final long WAIT_MILLIS = 2_000;

  /** Less than the databases allow (see {@link Dialect#session}). */
  private static final long IDLE_MILLIS = 20_000;

  private static final long PAUSE_MILLIS = 5;

  /** Conflicts that last longer are said. */
  private static final long LONG_BUSY_NANOS = TimeUnit.SECONDS.toNanos(5);

  private final SqlStoreConfig config;
  private final Dialect dialect;
  private final Form form;
  private final HikariDataSource readers;
  private final HikariDataSource writers;
  private volatile @Nullable Trouble trouble;

  /** Threads whose writes begin again and again because of others, and since when. */
  private final Map<Thread, Busy> busy = new ConcurrentHashMap<>();

  /** Something done with a connection. */
  interface Work<T extends @Nullable Object> {
    T on(Session session) throws SQLException;
  }

  private record Trouble(Instant since, String why) {}

  /**
   * @param nanos by the monotonic clock
   */
  private record Busy(long nanos, Trouble trouble) {}

  Connections(SqlStoreConfig config, Dialect dialect, Form form) {
    this.config = config;
    this.dialect = dialect;
    this.form = form;
    readers = pool(config, dialect, true);
    writers = pool(config, dialect, false);
  }

  private static HikariDataSource pool(SqlStoreConfig config, Dialect dialect, boolean reads) {
    var pool = new HikariConfig();
    pool.setPoolName(reads ? "dtm4j-reads" : "dtm4j-writes");
    pool.setJdbcUrl(dialect.driverUrl(config.url()));
    pool.setUsername(config.user());
    pool.setPassword(config.password());
    dialect.driverProperties().forEach(pool::addDataSourceProperty);
    pool.setConnectionInitSql(dialect.session());
    // Else PostgreSQL takes these settings back with the first rollback.
    pool.setIsolateInternalQueries(true);
    pool.setTransactionIsolation("TRANSACTION_READ_COMMITTED");
    pool.setAutoCommit(reads);
    pool.setMaximumPoolSize(config.poolSize());
    // Nobody keeps trying while nobody waits: whoever comes when the database is back gets through.
    pool.setMinimumIdle(0);
    pool.setIdleTimeout(IDLE_MILLIS);
    pool.setConnectionTimeout(WAIT_MILLIS);
    pool.setValidationTimeout(WAIT_MILLIS / 2);
    pool.setInitializationFailTimeout(-1); // the opening has found out already
    return new HikariDataSource(pool);
  }

  /**
   * Reads; each statement sees what was committed before it.
   *
   * @throws StoreUnavailableException when it cannot
   */
  <T extends @Nullable Object> T read(Work<T> work) {
    try (Connection connection = readers.getConnection()) {
      return work.on(new Session(connection, dialect, form));
    } catch (SQLException e) {
      throw new StoreUnavailableException(cannot("read", e), e);
    } catch (BrokenRowException e) {
      throw new StoreUnavailableException(String.valueOf(e.getMessage()), e);
    }
  }

  /**
   * Writes: all of it is durable afterwards, or nothing.
   *
   * @throws OutcomeUnknownException when it may have happened
   * @throws StoreRejectedException when it certainly has not, nor ever will
   */
  <T extends @Nullable Object> T write(Work<T> work) {
    for (int attempt = 1; ; attempt++) {
      try {
        T result = attempt(work);
        recovered();
        return result;
      } catch (ConflictException e) {
        noteBusy(e);
        if (attempt == MOST_ATTEMPTS && e.isDuplicate()) {
          busy.remove(Thread.currentThread());
          throw new StoreRejectedException(String.valueOf(e.getMessage()), e);
        }
        if (attempt == MOST_ATTEMPTS) {
          throw new OutcomeUnknownException("others keep the rows busy", e);
        }
        log.atDebug().setCause(e).log("a write begins again");
        long most = PAUSE_MILLIS * attempt;
        LockSupport.parkNanos(
            TimeUnit.MILLISECONDS.toNanos(ThreadLocalRandom.current().nextLong(most)));
      } catch (SQLException e) {
        throw failed(e);
      } catch (StoreRejectedException | FastGroup.MissedException e) {
        busy.remove(Thread.currentThread());
        throw e;
      }
    }
  }

  private void noteBusy(ConflictException e) {
    busy.computeIfAbsent(
        Thread.currentThread(),
        _ ->
            new Busy(
                System.nanoTime(),
                new Trouble(
                    Instant.ofEpochMilli(System.currentTimeMillis()),
                    "others keep rows busy (" + e.getMessage() + ")")));
  }

  private <T extends @Nullable Object> T attempt(Work<T> work) throws SQLException {
    try (Connection connection = writers.getConnection()) {
      T result;
      try {
        result = work.on(new Session(connection, dialect, form));
      } catch (SQLException e) {
        rollBack(connection);
        throwDefinite(e);
        throw e;
      } catch (ConflictException | StoreRejectedException | FastGroup.MissedException e) {
        rollBack(connection);
        throw e;
      } catch (UnstorableException e) {
        rollBack(connection);
        throw new StoreRejectedException(String.valueOf(e.getMessage()), e, e.code());
      } catch (RuntimeException e) { // broken rows, values that have no form, defects
        rollBack(connection);
        throw new StoreRejectedException(String.valueOf(e.getMessage()), e);
      }
      try {
        connection.commit();
      } catch (SQLException e) {
        rollBack(connection);
        if (dialect.failure(e) == Dialect.Failure.CONFLICT) {
          throw new ConflictException(String.valueOf(e.getMessage()), e);
        }
        throw e;
      }
      return result;
    }
  }

  /** Throws what is certain: nothing is stored. */
  private void throwDefinite(SQLException e) {
    switch (dialect.failure(e)) {
      case CONFLICT -> throw new ConflictException(String.valueOf(e.getMessage()), e);
      // What was lost on its way may have landed meanwhile: it is found when the records are read
      // again.
      case DUPLICATE -> throw ConflictException.duplicate(e);
      case REJECTED -> throw new StoreRejectedException(String.valueOf(e.getMessage()), e);
      case LOGIN, NO_DATABASE, DENIED, UNKNOWN -> {}
    }
  }

  private static void rollBack(Connection connection) {
    try {
      connection.rollback();
    } catch (SQLException e) {
      log.atDebug().setCause(e).log("a rollback failed, the database does it by itself");
    }
  }

  private OutcomeUnknownException failed(SQLException e) {
    String what = cannot("written", e);
    Trouble before = trouble;
    if (before == null) {
      trouble = new Trouble(Instant.ofEpochMilli(System.currentTimeMillis()), reason(e));
      log.atError().addKeyValue("database", config).setCause(e).log("the store cannot write");
    } else {
      trouble = new Trouble(before.since, reason(e));
    }
    return new OutcomeUnknownException(what, e);
  }

  private void recovered() {
    if (!busy.isEmpty()) {
      busy.remove(Thread.currentThread());
    }
    if (trouble != null) {
      trouble = null;
      log.atInfo().addKeyValue("database", config).log("the store writes again");
    }
  }

  private String cannot(String what, SQLException e) {
    return "database " + config.address() + " cannot be " + what + ": " + reason(e);
  }

  /** What the driver says, not the pool. */
  private static String reason(SQLException e) {
    Throwable cause = e;
    while (cause.getCause() instanceof SQLException inner) {
      cause = inner;
    }
    return String.valueOf(cause.getMessage());
  }

  @Nullable String trouble() {
    Trouble present = trouble == null ? longBusy() : trouble;
    return present == null
        ? null
        : "database "
            + config.address()
            + " cannot be written since "
            + present.since
            + ": "
            + present.why;
  }

  /** What has begun again and again for long. */
  private @Nullable Trouble longBusy() {
    long now = System.nanoTime();
    return busy.values().stream()
        .filter(one -> now - one.nanos > LONG_BUSY_NANOS)
        .map(Busy::trouble)
        .min(comparing(Trouble::since))
        .orElse(null);
  }

  @Override
  public void close() {
    writers.close();
    readers.close();
  }
}
