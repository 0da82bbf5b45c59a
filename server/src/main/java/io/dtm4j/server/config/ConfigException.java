package io.dtm4j.server.config;

import java.util.List;

/**
 * The configuration cannot be used. Says everything that is wrong with it, not the first thing
 * only.
 */
public final class ConfigException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final List<String> problems;

  /**
   * @param problems one sentence each: key, value, expectation
   */
  public ConfigException(List<String> problems) {
    super(String.join("\n", problems));
    this.problems = List.copyOf(problems);
  }

  public List<String> problems() {
    return problems;
  }
}
