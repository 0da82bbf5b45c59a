package io.dtm4j.store;

/** How stores that keep their own order write down where a page has ended. */
public final class Cursors {
  private static final char END_OF_LENGTH = ':';

  private Cursors() {}

  /** The name of a value. */
  public record Name(String category, String key) {
    static Name of(KeyValue value) {
      return new Name(value.category(), value.key());
    }
  }

  /**
   * The number that a cursor is.
   *
   * @throws BadCursorException when it is none, or negative
   */
  public static long number(String cursor) {
    try {
      long number = Long.parseLong(cursor);
      if (number >= 0 && Long.toString(number).equals(cursor)) {
        return number;
      }
    } catch (NumberFormatException _) {
      // as any other text
    }
    throw new BadCursorException(cursor);
  }

  /** The cursor behind that value: the length of the category, then category and key. */
  public static String behind(KeyValue last) {
    return behind(last.category(), last.key());
  }

  /** The cursor behind the value of that name. */
  public static String behind(String category, String key) {
    return category.length() + (END_OF_LENGTH + category) + key;
  }

  /**
   * The name of the value that a cursor stands behind.
   *
   * @throws BadCursorException when it is no such cursor
   */
  public static Name name(String cursor) {
    int colon = cursor.indexOf(END_OF_LENGTH);
    if (colon > 0) {
      String rest = cursor.substring(colon + 1);
      try {
        int length = Integer.parseInt(cursor.substring(0, colon));
        return new Name(rest.substring(0, length), rest.substring(length));
      } catch (NumberFormatException | StringIndexOutOfBoundsException _) {
        // as any other text
      }
    }
    throw new BadCursorException(cursor);
  }
}
