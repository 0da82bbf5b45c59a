package io.dtm4j.protocol;

/**
 * Texts that every store gives back as they are: no half of a surrogate pair, which has no form in
 * UTF-8, and no NUL, which PostgreSQL does not keep. What comes from participants, or is cut by us,
 * is made one; what clients send is refused if it is none.
 */
public final class PlainText {
  /** What stands for characters that cannot be kept. */
  public static final char REPLACEMENT = '\uFFFD';

  private PlainText() {}

  /** Whether it can be kept as it is. */
  public static boolean isOne(String text) {
    return indexOfUnfit(text, 0, false) < 0;
  }

  /** The text with what cannot be kept replaced, character by character. */
  public static String of(String text) {
    return replaced(text, false);
  }

  /**
   * The first characters of a text, as {@link #of}; a pair that would be cut in half is left out.
   *
   * @param limit in characters
   */
  public static String beginning(String text, int limit) {
    if (text.length() <= limit) {
      return of(text);
    }
    boolean cutsPair =
        Character.isHighSurrogate(text.charAt(limit - 1))
            && Character.isLowSurrogate(text.charAt(limit));
    return of(text.substring(0, cutsPair ? limit - 1 : limit));
  }

  /** How many bytes it has in UTF-8. */
  public static long bytesOf(String text) {
    long bytes = text.length();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c >= 0x80) {
        bytes += c < 0x800 || Character.isSurrogate(c) ? 1 : 2; // a pair has four bytes
      }
    }
    return bytes;
  }

  /** The text with halves of surrogate pairs replaced; NUL stays. */
  static String wellFormed(String text) {
    return replaced(text, true);
  }

  private static String replaced(String text, boolean nulFits) {
    int unfit = indexOfUnfit(text, 0, nulFits);
    if (unfit < 0) {
      return text;
    }
    var changed = new StringBuilder(text);
    for (; unfit >= 0; unfit = indexOfUnfit(text, unfit + 1, nulFits)) {
      changed.setCharAt(unfit, REPLACEMENT);
    }
    return changed.toString();
  }

  private static int indexOfUnfit(String text, int from, boolean nulFits) {
    for (int i = from; i < text.length(); i++) {
      char unit = text.charAt(i);
      if (unit == 0 && !nulFits) {
        return i;
      }
      if (Character.isSurrogate(unit)) {
        boolean isPair =
            Character.isHighSurrogate(unit)
                && i + 1 < text.length()
                && Character.isLowSurrogate(text.charAt(i + 1));
        if (!isPair) {
          return i;
        }
        i++;
      }
    }
    return -1;
  }
}
