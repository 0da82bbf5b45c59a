package io.dtm4j.coordinator;

import io.dtm4j.model.Owner;
import io.dtm4j.protocol.Gid;
import java.util.HashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

/**
 * Makes owner tokens of claims that never come twice: 16 random characters made once per process
 * and a counter. Thread-safe.
 */
public final class Claims {
  private static final int RANDOM_LENGTH = 16;

  private final String server;
  private final String process;
  private final String prefix;
  private final AtomicLong counter = new AtomicLong();

  /**
   * @param server name of this server, for people; cut to what a token holds
   */
  public Claims(String server) {
    this(server, Gid.random().value().substring(0, RANDOM_LENGTH));
  }

  /**
   * @param process names the process; never used by another one
   */
  Claims(String server, String process) {
    this.process = process;
    prefix = process + "-";
    String clean = server.replace(':', '-');
    this.server = clean.substring(0, Math.min(clean.length(), Owner.MAX_SERVER));
  }

  /** Names this process, as each of its claims does. */
  String process() {
    return process;
  }

  /** A leased token of a fresh claim. */
  public Owner next() {
    return new Owner(
        Owner.Mark.LEASED, server, prefix + Long.toString(counter.incrementAndGet(), 36), 1);
  }

  /** Whether a claim was made by this process. */
  boolean isOurs(String claim) {
    return claim.startsWith(prefix);
  }

  /**
   * Fresh tokens for one piece of work that may have to be repeated (R6): each gid gets the same
   * one again. Confined to that work.
   */
  Function<Gid, Owner> tokens() {
    var made = new HashMap<Gid, Owner>();
    return gid -> made.computeIfAbsent(gid, _ -> next());
  }
}
