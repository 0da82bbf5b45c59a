package io.dtm4j.store.sql;

/** Which texts a column gives back as they are. */
final class Texts {
  private Texts() {}

  /** Whether it comes back as it is: no half of a surrogate pair, and no NUL (PostgreSQL). */
  static boolean isStorable(String text) {
    return storablePart(text).length() == text.length();
  }

  /**
   * Its beginning that comes back as it is. What is stored and sorts behind it does behind the
   * whole.
   */
  static String storablePart(String text) {
    for (int i = 0; i < text.length(); i++) {
      char unit = text.charAt(i);
      if (unit == 0 || Character.isLowSurrogate(unit)) {
        return text.substring(0, i);
      }
      if (Character.isHighSurrogate(unit)) {
        if (i + 1 == text.length() || !Character.isLowSurrogate(text.charAt(i + 1))) {
          return text.substring(0, i);
        }
        i++;
      }
    }
    return text;
  }
}
