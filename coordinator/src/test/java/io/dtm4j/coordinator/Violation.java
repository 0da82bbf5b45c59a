package io.dtm4j.coordinator;

import org.jspecify.annotations.Nullable;

/**
 * Something that must hold does not. It is thrown in the middle of an event, and once more after
 * it: what handles any trouble of others (a loop, a lane) must not hide it.
 */
final class Violation extends AssertionError {
  private static final long serialVersionUID = 1L;

  /** Of this thread, in which one world runs at a time. */
  private static final ThreadLocal<@Nullable Violation> FIRST = new ThreadLocal<>();

  private final String rule;

  /**
   * @param rule what must hold
   * @param about where it does not
   */
  Violation(String rule, @Nullable Object about) {
    super(rule + ": " + about);
    this.rule = rule;
    if (FIRST.get() == null) {
      FIRST.set(this);
    }
  }

  /** A new world: what was in others is over. */
  static void forget() {
    FIRST.remove();
  }

  /** Throws the first one of this world, if there is any. */
  static void throwFirst() {
    Violation first = FIRST.get();
    if (first != null) {
      throw first;
    }
  }

  String rule() {
    return rule;
  }
}
