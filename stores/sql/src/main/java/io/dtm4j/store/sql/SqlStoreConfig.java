package io.dtm4j.store.sql;

import java.time.ZoneId;
import org.jspecify.annotations.Nullable;

/**
 * Which database a shared store keeps its transactions in.
 *
 * @param url {@code jdbc:mariadb://host:port/database}, {@code jdbc:mysql://…} or {@code
 *     jdbc:postgresql://…}; the database exists, its tables are made when they are not there
 * @param user has the right to create, read and write tables there
 * @param password never part of a message or a log
 * @param poolSize the most connections for writes, and as many again for reads; a lane of the
 *     committer needs one of the former
 * @param shared whether a DTM in Go works on the tables, too: what has ended is not deleted then;
 *     null: as the history table says, and true where there are tables but no such table
 * @param zone whose wall clock columns without a zone hold in tables that a DTM in Go has made
 *     (MariaDB, MySQL): that of the DTM; null: as the history table says, else that of this machine
 */
public record SqlStoreConfig(
    String url,
    String user,
    String password,
    int poolSize,
    @Nullable Boolean shared,
    @Nullable ZoneId zone) {
  public static final int DEFAULT_POOL_SIZE = 8;

  public SqlStoreConfig(String url, String user, String password, int poolSize) {
    this(url, user, password, poolSize, null, null);
  }

  public SqlStoreConfig {
    if (poolSize < 1) {
      throw new IllegalArgumentException("poolSize: " + poolSize + " (expected: >= 1)");
    }
  }

  /** Without what is secret, or may be. */
  @Override
  public String toString() {
    return user + " at " + address();
  }

  /** The url without its parameters and without user and password, which some put into it. */
  String address() {
    int end = url.indexOf('?') < 0 ? url.length() : url.indexOf('?');
    String bare = url.substring(0, end);
    int host = bare.indexOf("//") + 2;
    int at = bare.lastIndexOf('@');
    return at < host || host < 2 ? bare : bare.substring(0, host) + bare.substring(at + 1);
  }
}
