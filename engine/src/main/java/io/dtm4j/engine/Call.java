package io.dtm4j.engine;

import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TraceContext;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A call of a participant that a decision wants sent (docs/spec/branch-calls.md 1).
 *
 * @param row the branch row, from 0, or {@link #NO_ROW}
 * @param protocol the transaction's protocol; with the url it picks the transport
 * @param url never empty: an empty url is success without a call, which the engine decides itself
 * @param timeout how long the participant may take, connecting included
 * @param headers further headers; they override those of the transport
 * @param trace where the transaction belongs in a trace of its client; null: nowhere
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
    Map<String, String> headers,
    @Nullable TraceContext trace) {
  /** The row of a call that belongs to none: a check-back, or the resume of a workflow. */
  public static final int NO_ROW = -1;

  /** The same with other headers. */
  public Call withHeaders(Map<String, String> newHeaders) {
    return new Call(gid, type, row, key, protocol, url, payload, timeout, newHeaders, trace);
  }
}
