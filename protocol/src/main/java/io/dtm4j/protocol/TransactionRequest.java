package io.dtm4j.protocol;

import java.util.List;
import java.util.Map;

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
    Map<String, String> reqExtra) {
  public TransactionRequest {
    steps = List.copyOf(steps);
    payloads = List.copyOf(payloads);
    reqExtra = Map.copyOf(reqExtra);
  }
}
