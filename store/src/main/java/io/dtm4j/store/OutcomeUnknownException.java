package io.dtm4j.store;

import org.jspecify.annotations.Nullable;

/**
 * A write may or may not be durable, and may even become so later. The caller sends the same group
 * again until its outcome is definite (R6), and does nothing else with its gids meanwhile.
 */
public final class OutcomeUnknownException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public OutcomeUnknownException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
