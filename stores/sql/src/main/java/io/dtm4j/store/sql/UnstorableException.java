package io.dtm4j.store.sql;

/** A value that no column can hold. Nothing is stored. */
final class UnstorableException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  UnstorableException(String message) {
    super(message);
  }

  /** Whether it comes back as it is: no half of a surrogate pair, and no NUL (PostgreSQL). */
  static boolean isStorable(String text) {
    for (int i = 0; i < text.length(); i++) {
      char unit = text.charAt(i);
      if (unit == 0 || Character.isLowSurrogate(unit)) {
        return false;
      }
      if (Character.isHighSurrogate(unit)
          && (++i == text.length() || !Character.isLowSurrogate(text.charAt(i)))) {
        return false;
      }
    }
    return true;
  }
}
