package io.dtm4j.protocol;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The transaction of prepare, submit, abort and the other operations, as it came
 * (docs/spec/http-api.md 3, docs/spec/grpc-api.md 2). Absent and null members have their defaults
 * here.
 *
 * @param gid the gid as sent; may be empty or too long
 * @param transType the type as sent; may be unknown
 * @param steps steps of a saga or message
 * @param payloads request bodies of the steps, in their order
 * @param queryPrepared check-back or resume url
 * @param protocol {@code http} when absent
 * @param customData JSON text: concurrency and orders, delay, workflow name and input
 * @param options what governs calls, waits and retries
 * @param rollbackReason reason of an abort
 * @param reqExtra end of a workflow: status, rollback_reason, result
 * @param trace where it belongs in a trace of its client; null: nowhere, or it is not looked at
 */
public record TransactionRequest(
    String gid,
    String transType,
    List<Step> steps,
    List<Payload> payloads,
    String queryPrepared,
    String protocol,
    String customData,
    Options options,
    String rollbackReason,
    Map<String, String> reqExtra,
    @Nullable TraceContext trace) {
  public TransactionRequest {
    steps = List.copyOf(steps);
    payloads = List.copyOf(payloads);
    reqExtra = Map.copyOf(reqExtra);
  }

  /** The same with another gid. */
  public TransactionRequest withGid(String newGid) {
    return with(newGid, trace);
  }

  /** The same with what its head says about a trace. */
  public TransactionRequest withTrace(@Nullable TraceContext newTrace) {
    return with(gid, newTrace);
  }

  private TransactionRequest with(String newGid, @Nullable TraceContext newTrace) {
    return new TransactionRequest(
        newGid,
        transType,
        steps,
        payloads,
        queryPrepared,
        protocol,
        customData,
        options,
        rollbackReason,
        reqExtra,
        newTrace);
  }
}
