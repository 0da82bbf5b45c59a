package io.dtm4j.model;

import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.TransType;
import java.time.Instant;

/**
 * What the client asked for; it never changes after the transaction was created, so a store may
 * keep it apart from the {@link State} and write it once.
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
    Instant createTime) {}
