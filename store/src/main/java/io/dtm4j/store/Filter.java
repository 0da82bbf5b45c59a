package io.dtm4j.store;

import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.TransType;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Which transactions a list shows: those of which all that is given is true. What is null is not
 * asked for.
 *
 * @param createdFrom created at this time or later
 * @param createdTo created at this time or earlier
 */
public record Filter(
    @Nullable GlobalStatus status,
    @Nullable TransType type,
    @Nullable Instant createdFrom,
    @Nullable Instant createdTo) {
  public static final Filter ALL = new Filter(null, null, null, null);

  public boolean matches(Listed one) {
    Instant created = one.definition().createTime();
    return (status == null || status == one.state().status())
        && (type == null || type == one.definition().type())
        && (createdFrom == null || !created.isBefore(createdFrom))
        && (createdTo == null || !created.isAfter(createdTo));
  }
}
