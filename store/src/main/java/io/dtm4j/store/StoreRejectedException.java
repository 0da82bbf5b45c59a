package io.dtm4j.store;

/**
 * Nothing of a group is stored, nor ever will be: something in it cannot be stored, or the group is
 * too much at a time. The caller halves the group until only what is broken fails.
 */
public final class StoreRejectedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public StoreRejectedException(String message, Throwable cause) {
    super(message, cause);
  }
}
