package io.dtm4j.server.config;

import java.util.ArrayList;
import java.util.List;

/** Gathers what is wrong with the values of one record, in the order of the checks. */
final class Checks {
  private final List<String> problems = new ArrayList<>();

  Checks check(boolean holds, String key, Object value, String expected) {
    if (!holds) {
      problems.add(problem(key, value, expected));
    }
    return this;
  }

  void done() {
    if (!problems.isEmpty()) {
      throw new ConfigException(problems);
    }
  }

  static String problem(String key, Object value, String expected) {
    String shown = value.toString().isEmpty() ? "(empty)" : value.toString();
    return key + ": " + shown + " (expected: " + expected + ")";
  }
}
