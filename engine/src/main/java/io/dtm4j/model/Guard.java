package io.dtm4j.model;

import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import java.time.Instant;
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
   * @param created it is the transaction that was created then: what the command was decided on may
   *     have been deleted since, and its gid used anew
   */
  record InStatus(GlobalStatus status, @Nullable Op withoutOp, Instant created) implements Guard {
    /** The transaction as it was seen, in the status in which it was seen. */
    public static InStatus as(Transaction seen) {
      return as(seen, null);
    }

    /** The same without a row of that op; null: any rows. */
    public static InStatus as(Transaction seen, @Nullable Op withoutOp) {
      return new InStatus(seen.status(), withoutOp, seen.definition().createTime());
    }
  }

  /** A command that means whatever has this gid, in any status. */
  record Known() implements Guard {
    public static final Known INSTANCE = new Known();
  }

  /** A claim: it is unfinished and still as it was read, next time included. */
  record AsRead(Due due) implements Guard {}

  /** A note for whoever works on it: it is still leased to this claim, whatever its revision. */
  record LeasedTo(String claim) implements Guard {}
}
