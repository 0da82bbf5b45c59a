package io.dtm4j.store;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a pass writes to the transaction that it holds, where that can be said without knowing the
 * record: for stores that update without reading. What {@link Batch#applyTo} compares has to stand
 * in the conditions of the update, in one point stricter: the token has to be the very one that the
 * pass believes in, mark included; and the answers have to name rows that are there. Immutable.
 *
 * @param guard what has to be so; its mark is "leased", its status not final
 * @param owner the new token, of the same claim and server
 * @param answers of rows, at most one each
 * @param status the new one, or that of the guard
 * @param updateTime null: stays
 * @param endTime null: not ended
 * @param reason null: stays
 * @param result null: stays
 * @param interval null: stays
 * @param nextTime null: stays; while the new token {@link Owner#isHeld} the later one of this and
 *     the stored one counts
 */
public record HeldUpdate(
    Gid gid,
    Guard.HeldBy guard,
    Owner owner,
    List<Write.SetBranch> answers,
    GlobalStatus status,
    @Nullable Instant updateTime,
    @Nullable Instant endTime,
    @Nullable String reason,
    @Nullable String result,
    @Nullable Duration interval,
    @Nullable Instant nextTime) {
  public HeldUpdate {
    answers = List.copyOf(answers);
  }

  /** The update of a batch; null when it takes more than that. */
  public static @Nullable HeldUpdate of(Batch batch) {
    Owner owner = batch.owner();
    if (!(batch.guard() instanceof Guard.HeldBy guard)
        || owner == null
        || guard.owner().mark() != Owner.Mark.LEASED
        || guard.status().isFinal()
        || !owner.claim().equals(guard.owner().claim())
        || !owner.server().equals(guard.owner().server())
        || owner.mark() == Owner.Mark.LOOK_AGAIN) {
      return null;
    }
    var draft = new Draft(guard, owner);
    for (Write write : batch.writes()) {
      if (!draft.add(write)) {
        return null;
      }
    }
    // Who may leave prepared gets the rows (R4a); who comes to rest may find that it is due.
    boolean getsRows =
        guard.status() == GlobalStatus.PREPARED
            && batch.writes().stream().anyMatch(write -> write instanceof Write.SetStatus);
    return getsRows || owner.isHeld() == draft.status.isFinal() ? null : draft.of(batch.gid());
  }

  private static final class Draft {
    private final Guard.HeldBy guard;
    private final Owner owner;
    private final List<Write.SetBranch> answers = new ArrayList<>();
    private GlobalStatus status;
    private @Nullable Instant updateTime;
    private @Nullable Instant endTime;
    private @Nullable String reason;
    private @Nullable String result;
    private @Nullable Duration interval;
    private @Nullable Instant nextTime;

    private Draft(Guard.HeldBy guard, Owner owner) {
      this.guard = guard;
      this.owner = owner;
      status = guard.status();
    }

    private boolean add(Write write) {
      switch (write) {
        case Write.SetBranch answer -> {
          if (answers.stream().anyMatch(other -> other.row() == answer.row())) {
            return false; // the order would matter
          }
          answers.add(answer);
          updateTime = answer.at();
        }
        case Write.SetStatus change -> {
          status = change.status();
          reason = change.reason() == null ? reason : change.reason();
          result = change.result() == null ? result : change.result();
          endTime = status.isFinal() ? change.at() : null;
          updateTime = change.at();
        }
        case Write.SetSchedule change -> {
          interval = change.schedule().interval();
          move(change.schedule().nextTime(), change.at());
        }
        case Write.Lease lease -> move(lease.until(), lease.at());
        case Write.SaveNew _,
            Write.AddBranches _,
            Write.BringForward _,
            Write.Postpone _,
            Write.SetExtra _,
            Write.Delay _,
            Write.SetOptions _,
            Write.LookAgain _ -> {
          return false;
        }
      }
      return true;
    }

    private void move(Instant time, Instant at) {
      Instant before = nextTime;
      nextTime = owner.isHeld() && before != null && before.isAfter(time) ? before : time;
      updateTime = at;
    }

    private HeldUpdate of(Gid gid) {
      return new HeldUpdate(
          gid,
          guard,
          owner,
          answers,
          status,
          updateTime,
          endTime,
          reason,
          result,
          interval,
          nextTime);
    }
  }
}
