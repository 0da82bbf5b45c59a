package io.dtm4j.server;

import org.jspecify.annotations.Nullable;

/** The server cannot start, for a reason outside of it. The message says what to do about it. */
public final class StartException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public StartException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
