package io.dtm4j.model;

import org.jspecify.annotations.Nullable;

/**
 * Who holds a stored transaction, and which of its writes was the last: the token in column {@code
 * owner}, {@code dtm4j:<mark>:<server>:<claim>:<revision>}. Compared are claim and revision, never
 * the mark or the server.
 *
 * @param mark what {@code next_cron_time} means
 * @param server name of the server, for people only; at most {@link #MAX_SERVER} characters, no
 *     colon
 * @param claim never comes twice, belongs to one gid only
 * @param revision no revision of a claim is used twice, committed or not
 */
public record Owner(Mark mark, String server, String claim, long revision) {
  public static final int MAX_SERVER = 40;

  private static final String PREFIX = "dtm4j";
  private static final int PARTS = 5;

  /** What the next time of a record means. */
  public enum Mark {
    /** The end of a lease: somebody works on it. */
    LEASED('l'),
    /** The due time: nobody works on it. */
    RESTING('r'),
    /** As leased, and whoever works on it must look again when coming to rest. */
    LOOK_AGAIN('a');

    private final char letter;

    Mark(char letter) {
      this.letter = letter;
    }
  }

  public Owner {
    if (server.length() > MAX_SERVER || server.indexOf(':') >= 0) {
      throw new IllegalArgumentException(
          "server name: " + server + " (expected: at most 40 characters without a colon)");
    }
  }

  /** Whether both stand for the same write of the same claim. */
  public boolean isSameWriteAs(Owner other) {
    return revision == other.revision && claim.equals(other.claim);
  }

  public boolean isHeld() {
    return mark != Mark.RESTING;
  }

  public Owner marked(Mark newMark) {
    return mark == newMark ? this : new Owner(newMark, server, claim, revision);
  }

  /** The token of the next write of this claim. */
  public Owner next(Mark newMark) {
    return new Owner(newMark, server, claim, revision + 1);
  }

  /** The token of that text; null when it is none of ours. */
  public static @Nullable Owner parse(String token) {
    String[] parts = token.split(":", -1);
    if (parts.length != PARTS || !parts[0].equals(PREFIX) || parts[1].length() != 1) {
      return null;
    }
    try {
      for (Mark mark : Mark.values()) {
        if (mark.letter == parts[1].charAt(0)) {
          return new Owner(mark, parts[2], parts[3], Long.parseLong(parts[4]));
        }
      }
      return null;
    } catch (IllegalArgumentException e) {
      return null; // no number, or a longer name than ours
    }
  }

  /** The token as it is stored. */
  @Override
  public String toString() {
    return PREFIX + ":" + mark.letter + ":" + server + ":" + claim + ":" + revision;
  }
}
