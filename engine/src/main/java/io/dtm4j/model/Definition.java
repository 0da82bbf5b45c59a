package io.dtm4j.model;

import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.TransType;
import java.time.Instant;

/**
 * What the client asked for. After the transaction was created only a submit may change it, its
 * options that is ({@link Write.SetOptions}); so a store may keep it apart from the {@link State}.
 *
 * @param protocol {@code http}, {@code grpc} or {@code json-rpc}
 * @param queryPrepared url of the check-back or resume; "" when there is none
 * @param customData JSON text, "" when there is none (docs/spec/transactions.md 2)
 */
public record Definition(
    TransType type,
    String protocol,
    String queryPrepared,
    String customData,
    Options options,
    Instant createTime) {
  /** The same with other options. */
  public Definition withOptions(Options newOptions) {
    return new Definition(type, protocol, queryPrepared, customData, newOptions, createTime);
  }
}
