package io.dtm4j.store;

import java.time.Instant;

/**
 * A small value beside the transactions, such as a topic.
 *
 * @param version 1 when created, one more with each update
 */
public record KeyValue(
    String category,
    String key,
    String value,
    long version,
    Instant createTime,
    Instant updateTime) {}
