package io.dtm4j.model;

import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Payload;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One stored branch row.
 *
 * @param url where it is called; "" counts as done without a call, and in workflows, whose rows are
 *     never called
 * @param payload the body of the call; of a workflow the result of the step
 * @param finishTime when it got its definite answer; null while it has none
 */
public record Branch(
    BranchKey key,
    String url,
    Payload payload,
    BranchStatus status,
    Instant createTime,
    @Nullable Instant finishTime) {

  /** A row that has not been called yet. */
  public static Branch open(BranchKey key, String url, Payload payload, Instant createTime) {
    return new Branch(key, url, payload, BranchStatus.PREPARED, createTime, null);
  }

  /** The same row after a definite answer. */
  public Branch settled(BranchStatus status, Instant at) {
    return new Branch(key, url, payload, status, createTime, at);
  }

  public boolean isOpen() {
    return status == BranchStatus.PREPARED;
  }

  public boolean isDone() {
    return status == BranchStatus.SUCCEED;
  }
}
