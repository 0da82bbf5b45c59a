package io.dtm4j.store;

import org.jspecify.annotations.Nullable;

/** The store cannot be opened or read at the moment. Nothing was changed; try again later. */
public final class StoreUnavailableException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message for people; says the cause as well, as far as it is of any use to them
   */
  public StoreUnavailableException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
