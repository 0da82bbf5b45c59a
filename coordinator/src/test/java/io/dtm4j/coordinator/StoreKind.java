package io.dtm4j.coordinator;

import io.dtm4j.protocol.Gid;
import java.util.Locale;

/** The kinds of stores, by how the writes of servers that share one take effect. */
enum StoreKind {
  /** Each write as a whole, in one moment; for one server its embedded store. */
  MEMORY,

  /**
   * Each write is a transaction of a database, which has its records locked until it ends. A claim
   * leaves out what is locked: MariaDB, MySQL, PostgreSQL.
   */
  SQL,

  /** The same, but a claim waits for locks, and takes some of what it has seen to be due: TiDB. */
  TIDB,

  /** The records of one shard as a whole, each shard by itself. */
  REDIS,

  /** Each record by itself. */
  MONGODB;

  private static final int SHARDS = 3;

  /** As it is named on a command line. */
  String optionName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Whether each write is a transaction of a database. */
  boolean locks() {
    return this == SQL || this == TIDB;
  }

  /** What a record takes effect together with: all that gives the same. */
  Object partOf(Gid gid) {
    return switch (this) {
      case MEMORY, SQL, TIDB -> this;
      case REDIS -> Math.floorMod(gid.hashCode(), SHARDS);
      case MONGODB -> gid;
    };
  }

  /** Whether it need not tell the record that a pass has written. */
  boolean tellsLittle() {
    return switch (this) {
      case MEMORY, REDIS -> false;
      case SQL, TIDB, MONGODB -> true;
    };
  }
}
