package io.dtm4j.coordinator;

import org.jspecify.annotations.Nullable;

/** Something that must hold does not. */
final class Violation extends AssertionError {
  private static final long serialVersionUID = 1L;

  private final String rule;

  /**
   * @param rule what must hold
   * @param about where it does not
   */
  Violation(String rule, @Nullable Object about) {
    super(rule + ": " + about);
    this.rule = rule;
  }

  String rule() {
    return rule;
  }
}
