package io.dtm4j.protocol;

import java.security.SecureRandom;

/**
 * The id of a global transaction. Compared exactly, byte by byte: {@code G1} is not {@code g1}.
 *
 * @param value never empty, at most {@link #MAX_LENGTH} characters
 */
public record Gid(String value) {
  /** The longest gid a server takes; SQL stores keep it in a {@code varchar(128)}. */
  public static final int MAX_LENGTH = 128;

  private static final String ALPHABET =
      "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  private static final int RANDOM_LENGTH = 22;
  private static final SecureRandom RANDOM = new SecureRandom();

  public Gid {
    if (value.isEmpty() || value.length() > MAX_LENGTH) {
      throw new IllegalArgumentException(
          "gid of " + value.length() + " characters (expected: 1 to " + MAX_LENGTH + ")");
    }
  }

  /**
   * A new gid that nobody has: 22 characters of base 57, about 128 random bits
   * (docs/spec/http-api.md 4.1). Safe in urls.
   */
  public static Gid random() {
    var text = new StringBuilder(RANDOM_LENGTH);
    for (int i = 0; i < RANDOM_LENGTH; i++) {
      text.append(ALPHABET.charAt(RANDOM.nextInt(ALPHABET.length())));
    }
    return new Gid(text.toString());
  }

  @Override
  public String toString() {
    return value;
  }
}
