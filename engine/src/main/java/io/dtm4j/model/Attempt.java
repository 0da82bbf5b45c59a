package io.dtm4j.model;

import io.dtm4j.protocol.PlainText;
import java.time.Instant;

/**
 * The last call of an open branch that brought no definite answer; kept so that people can see why
 * a transaction waits.
 *
 * @param number how often the branch has been called
 * @param at when the answer came, or was given up
 * @param kind what kind of answer it was
 * @param text the first {@link #MAX_TEXT} characters of it, as a {@link PlainText}
 */
public record Attempt(int number, Instant at, Kind kind, String text) {
  public static final int MAX_TEXT = 500;

  /** How an attempt ended. */
  public enum Kind {
    ONGOING,
    /** The branch refused an op that may not fail. */
    FAILURE,
    UNKNOWN
  }

  public Attempt {
    text = PlainText.beginning(text, MAX_TEXT);
  }
}
