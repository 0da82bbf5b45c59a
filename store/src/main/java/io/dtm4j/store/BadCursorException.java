package io.dtm4j.store;

/** A cursor that no page of this list has given; the caller's mistake. */
public final class BadCursorException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  public BadCursorException(String cursor) {
    super("position: " + cursor + " (expected: next_position of the page before)");
  }
}
