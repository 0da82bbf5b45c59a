package io.dtm4j.protocol;

import org.jspecify.annotations.Nullable;

/** The status of a global transaction (docs/spec/transactions.md 1.1). */
public enum GlobalStatus {
  PREPARED("prepared"),
  SUBMITTED("submitted"),
  ABORTING("aborting"),
  SUCCEED("succeed"),
  FAILED("failed");

  private final String wireName;

  GlobalStatus(String wireName) {
    this.wireName = wireName;
  }

  public String wireName() {
    return wireName;
  }

  /** The status of that name on the wire, or null when there is none. */
  public static @Nullable GlobalStatus of(String wireName) {
    for (GlobalStatus status : values()) {
      if (status.wireName.equals(wireName)) {
        return status;
      }
    }
    return null;
  }

  /** Whether the transaction is over: a final status never changes again. */
  public boolean isFinal() {
    return this == SUCCEED || this == FAILED;
  }
}
