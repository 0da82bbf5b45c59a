package io.dtm4j.protocol;

/** The status of one branch row (docs/spec/transactions.md 1). */
public enum BranchStatus {
  /** Not called yet, or called without a definite answer. */
  PREPARED("prepared"),
  SUCCEED("succeed"),
  FAILED("failed");

  private final String wireName;

  BranchStatus(String wireName) {
    this.wireName = wireName;
  }

  public String wireName() {
    return wireName;
  }
}
