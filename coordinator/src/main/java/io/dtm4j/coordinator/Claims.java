package io.dtm4j.coordinator;

import io.dtm4j.model.Owner;
import io.dtm4j.protocol.Gid;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * Makes owner tokens of claims that never come twice: 16 random characters made once per process
 * and a counter. Thread-safe.
 */
public final class Claims {
  private static final int RANDOM_LENGTH = 16;

  private final String server;
  private final String prefix = Gid.random().value().substring(0, RANDOM_LENGTH) + "-";
  private final AtomicLong counter = new AtomicLong();

  /**
   * @param server name of this server, for people; cut to what a token holds
   */
  public Claims(String server) {
    String clean = server.replace(':', '-');
    this.server = clean.substring(0, Math.min(clean.length(), Owner.MAX_SERVER));
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
   * Fresh tokens for work that may have to be repeated (R6): each repeat begins with {@link
   * Tokens#rewind} and gets the same tokens in the same order.
   */
  Tokens tokens() {
    return new Tokens();
  }

  /** Confined to one piece of work. */
  final class Tokens implements Supplier<Owner> {
    private final List<Owner> made = new ArrayList<>();
    private int used;

    Supplier<Owner> rewind() {
      used = 0;
      return this;
    }

    @Override
    public Owner get() {
      if (used == made.size()) {
        made.add(next());
      }
      return made.get(used++);
    }
  }
}
