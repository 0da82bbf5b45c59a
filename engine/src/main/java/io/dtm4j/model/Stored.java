package io.dtm4j.model;

import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.TransType;
import java.time.Instant;

/** A transaction as it is stored, with the token of its last write. */
public record Stored(Transaction transaction, Owner owner) {
  /** Whether it is unfinished and somebody works on it under this claim. */
  public boolean isLeasedTo(String claim) {
    return owner.isHeld() && owner.claim().equals(claim) && !transaction.status().isFinal();
  }

  /** Whether it is finished, and was so before that time. */
  public boolean endedBefore(Instant time) {
    Instant end = transaction.state().endTime();
    return transaction.status().isFinal() && end != null && end.isBefore(time);
  }

  /** The same with another end of the lease, or due time; by itself no update. */
  public Stored withNextTime(Instant nextTime) {
    State state = transaction.state();
    Schedule schedule = new Schedule(state.schedule().interval(), nextTime);
    return new Stored(
        new Transaction(
            transaction.gid(),
            transaction.definition(),
            state.withSchedule(schedule),
            transaction.branches()),
        owner);
  }

  /**
   * Whether its holder, should it be gone, may have called an action ahead of a success that was
   * never stored: a saga that runs forward, and whose holder has not come to rest.
   */
  boolean mayHaveRunAhead() {
    return owner.isHeld()
        && transaction.definition().type() == TransType.SAGA
        && transaction.status() == GlobalStatus.SUBMITTED;
  }

  /** The same when its holder is gone, whatever it was about to do: at rest, due at that time. */
  public Stored abandoned(Instant due) {
    Stored released = released(due);
    if (!mayHaveRunAhead()) {
      return released;
    }
    Transaction now = released.transaction();
    State state = now.state().withExtra(now.state().extra().withDirty(true));
    return new Stored(
        new Transaction(now.gid(), now.definition(), state, now.branches()), released.owner());
  }

  /** The same when its holder has given it back, with all it did stored: due at that time. */
  public Stored released(Instant due) {
    return new Stored(transaction, owner.marked(Owner.Mark.RESTING)).withNextTime(due);
  }
}
