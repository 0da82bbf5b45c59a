package io.dtm4j.model;

import io.dtm4j.protocol.Gid;
import java.time.Instant;

/**
 * A transaction that is due at some time, as the index of a store shows it.
 *
 * @param owner the token it was read with
 * @param nextTime when it is due, or its lease ends
 */
public record Due(Gid gid, Owner owner, Instant nextTime) {
  public static Due of(Stored stored) {
    return new Due(
        stored.transaction().gid(),
        stored.owner(),
        stored.transaction().state().schedule().nextTime());
  }
}
