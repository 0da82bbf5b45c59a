package io.dtm4j.model;

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

  /** The same when nobody works on it any more: due at that time. */
  public Stored atRest(Instant due) {
    return new Stored(transaction, owner.marked(Owner.Mark.RESTING)).withNextTime(due);
  }
}
