package io.dtm4j.bench;

import org.jspecify.annotations.Nullable;

/** There are no figures, and the message says why: for the user, who needs no stack trace. */
final class BenchException extends RuntimeException {
  BenchException(String message) {
    this(message, null);
  }

  BenchException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
