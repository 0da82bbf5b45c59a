package io.dtm4j.store;

import io.dtm4j.model.Definition;
import io.dtm4j.model.Owner;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;

/** A transaction as a list shows it: all of {@link Stored} but its branch rows. */
public record Listed(Gid gid, Definition definition, State state, Owner owner) {
  public static Listed of(Stored stored) {
    return new Listed(
        stored.transaction().gid(),
        stored.transaction().definition(),
        stored.transaction().state(),
        stored.owner());
  }
}
