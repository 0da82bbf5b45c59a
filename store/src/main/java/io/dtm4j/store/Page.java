package io.dtm4j.store;

import java.util.List;

/**
 * A part of a list.
 *
 * @param items may be fewer than were asked for, or none, although more follow
 * @param next where the next page begins, to be given back as it is; "" when nothing follows. Not
 *     empty does not promise that something follows
 */
public record Page<T>(List<T> items, String next) {
  /** The most that may be asked for at a time. */
  public static final int MAX_LIMIT = 10_000;

  public Page {
    items = List.copyOf(items);
  }

  /**
   * Refuses impossible limits.
   *
   * @throws IllegalArgumentException when it is not between 1 and {@link #MAX_LIMIT}
   */
  public static void checkLimit(int limit) {
    if (limit < 1 || limit > MAX_LIMIT) {
      throw new IllegalArgumentException("limit: " + limit + " (expected: 1 to " + MAX_LIMIT + ")");
    }
  }
}
