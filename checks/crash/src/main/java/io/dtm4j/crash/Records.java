package io.dtm4j.crash;

import java.time.Duration;
import java.util.List;
import java.util.Map;

/** What servers have stored of transactions. Blocks. */
interface Records {
  /**
   * An unfinished transaction as it is stored.
   *
   * @param process of the server that wrote it last, as its claims are named
   * @param isHeld whether somebody works on it
   * @param overdue since when it could be claimed; negative: not yet
   */
  record Open(String gid, String process, boolean isHeld, Duration overdue) {
    static Open of(String gid, String owner, Duration overdue) {
      return new Open(gid, Records.process(owner), !owner.split(":", -1)[1].equals("r"), overdue);
    }
  }

  /**
   * A transaction as it is stored.
   *
   * @param process of the server that wrote it last, as its claims are named
   * @param extra what dtm4j keeps beyond DTM's record, and maybe more
   */
  record Kept(String process, String extra) {}

  /** What is unfinished. */
  List<Open> open();

  /** All transactions, by gid. */
  Map<String, Kept> kept();

  /** What the server of an owner calls itself in claims. */
  static String process(String owner) {
    String claim = owner.split(":", -1)[3];
    return claim.substring(0, claim.lastIndexOf('-'));
  }
}
