package io.dtm4j.crash;

import java.util.Random;

/** Servers that come to harm, and the store of theirs. Not thread-safe; blocks. */
interface Site extends AutoCloseable {
  /** What servers, or their store, come to. */
  enum Harm {
    /** As by kill -9: one of the servers. */
    KILL,
    /** The same, and once more while the next server starts, or has just begun to recover. */
    KILL_TWICE,
    /** The same of all servers at once. */
    KILL_ALL,
    /** What was written and not synced is lost, too. */
    POWER_CUT,
    /** One of the servers stands still for longer than its leases, and goes on. */
    STANDSTILL,
    /** The database is killed with -9, and is back a little later. */
    KILL_DATABASE,
    /** The database is restarted in good order. */
    RESTART_DATABASE
  }

  /** All its servers. */
  Api api();

  /** Starts its servers, on what is there. */
  void start();

  /**
   * Does it some harm, which is over on return: all servers serve.
   *
   * @return the bytes that are lost
   */
  long harm(Harm harm, Random random);

  /** Kills what runs. */
  @Override
  void close();
}
