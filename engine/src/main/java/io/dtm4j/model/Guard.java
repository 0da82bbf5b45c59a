package io.dtm4j.model;

import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import org.jspecify.annotations.Nullable;

/** What must hold of the stored record for a batch to take effect (R4). */
public sealed interface Guard {
  /** No such gid yet. */
  record Absent() implements Guard {
    public static final Absent INSTANCE = new Absent();
  }

  /** A pass: nobody else has touched it since this write of this claim. */
  record HeldBy(GlobalStatus status, Owner owner) implements Guard {}

  /**
   * A command from a door: whoever holds it, it is in this status.
   *
   * @param withoutOp there is no row of this op (R2, workflows); null: any rows
   */
  record InStatus(GlobalStatus status, @Nullable Op withoutOp) implements Guard {}

  /** A claim: it is unfinished and still as it was read, next time included. */
  record AsRead(Due due) implements Guard {}

  /** A note for whoever works on it: it is still leased to this claim, whatever its revision. */
  record LeasedTo(String claim) implements Guard {}
}
