package io.dtm4j.engine;

import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.util.Map;

/**
 * A call of a participant that a decision wants sent (docs/spec/branch-calls.md 1).
 *
 * @param row the branch row, from 0, or {@link #NO_ROW}
 * @param protocol the transaction's protocol; with the url it picks the transport
 * @param url never empty: an empty url is success without a call, which the engine decides itself
 * @param timeout how long the participant may take, connecting included
 * @param headers further headers; they override those of the transport
 */
public record Call(
    Gid gid,
    TransType type,
    int row,
    BranchKey key,
    String protocol,
    String url,
    Payload payload,
    Duration timeout,
    Map<String, String> headers) {
  /** The row of a call that belongs to none: a check-back, or the resume of a workflow. */
  public static final int NO_ROW = -1;
}
