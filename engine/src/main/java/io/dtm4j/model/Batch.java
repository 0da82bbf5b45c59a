package io.dtm4j.model;

import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes to one transaction that take effect together, or not at all.
 *
 * @param guard what must hold for it
 * @param owner the token afterwards; null: the stored one stays (a command that touches neither
 *     claim nor revision)
 * @param writes in their order
 */
public record Batch(Gid gid, Guard guard, @Nullable Owner owner, List<Write> writes) {
  public Batch {
    writes = List.copyOf(writes);
  }

  /**
   * Takes over an unfinished record that still is as it was read.
   *
   * @param owner a fresh token, leased
   * @param until the end of the lease
   */
  public static Batch claim(Due read, Owner owner, Instant until, Instant now) {
    return new Batch(
        read.gid(), new Guard.AsRead(read), owner, List.of(new Write.Lease(until, now)));
  }

  /** What became of a batch. */
  public sealed interface Applied {
    /** It took effect. */
    record Changed(Stored stored) implements Applied {}

    /**
     * The guard did not hold; nothing changed.
     *
     * @param stored the record as it is; null: there is none
     */
    record Refused(@Nullable Stored stored) implements Applied {}

    /** A row of that key exists with other content; nothing changed. */
    record Conflict(BranchKey key) implements Applied {}
  }

  /**
   * The meaning of a batch: what every store must do with it. A batch that finds its own token was
   * committed before (R6) and changes nothing again. One that takes a saga that runs forward from a
   * holder that has not come to rest marks it {@link Extra#dirty}.
   *
   * @param stored the record as of this commit; null: there is none
   */
  public Applied applyTo(@Nullable Stored stored) {
    if (stored != null && owner != null && owner.isSameWriteAs(stored.owner())) {
      return new Applied.Changed(stored);
    }
    if (!holds(stored)) {
      return new Applied.Refused(stored);
    }
    Draft draft = new Draft(stored, owner);
    for (Write write : writes) {
      BranchKey conflict = draft.apply(write);
      if (conflict != null) {
        return new Applied.Conflict(conflict);
      }
    }
    return draft.done();
  }

  private boolean holds(@Nullable Stored stored) {
    if (stored == null) {
      return guard instanceof Guard.Absent;
    }
    GlobalStatus status = stored.transaction().status();
    return switch (guard) {
      case Guard.Absent _ -> false;
      case Guard.Known _ -> true;
      case Guard.HeldBy held ->
          status == held.status() && stored.owner().isSameWriteAs(held.owner());
      case Guard.InStatus in ->
          status == in.status()
              && stored.transaction().definition().createTime().equals(in.created())
              && (in.withoutOp() == null
                  || stored.transaction().branches().stream()
                      .noneMatch(branch -> branch.key().op().equals(in.withoutOp())));
      case Guard.AsRead read ->
          !status.isFinal()
              && stored.owner().isSameWriteAs(read.due().owner())
              && stored.transaction().state().schedule().nextTime().equals(read.due().nextTime());
      case Guard.LeasedTo leased ->
          stored.owner().isHeld() && stored.owner().claim().equals(leased.claim());
    };
  }

  /** The record on its way from one batch to the next; lives for one call. */
  private static final class Draft {
    private final @Nullable Stored before;
    private final @Nullable Owner newOwner;
    private @Nullable Transaction transaction;
    private @Nullable List<Branch> branches;
    private @Nullable Definition definition;
    private @Nullable State state;
    private boolean lookAgain;

    Draft(@Nullable Stored before, @Nullable Owner newOwner) {
      this.before = before;
      this.newOwner = newOwner;
      if (before != null) {
        transaction = before.transaction();
        definition = transaction.definition();
        state = transaction.state();
      }
    }

    /** Applies one write; the key of a conflicting row, or null when all is well. */
    @Nullable BranchKey apply(Write write) {
      switch (write) {
        case Write.SaveNew save -> {
          transaction = save.transaction();
          definition = transaction.definition();
          state = transaction.state();
        }
        case Write.AddBranches add -> {
          for (Branch branch : add.branches()) {
            Branch found = find(branch.key());
            if (found == null) {
              rows().add(branch);
            } else if (!isRegistered(found, branch)) {
              return branch.key();
            }
          }
        }
        case Write.SetBranch set -> {
          Branch branch = rows().get(set.row());
          if (!branch.key().equals(set.key())) {
            throw new IllegalStateException(
                "row " + set.row() + " is " + branch.key() + " (expected: " + set.key() + ")");
          }
          rows().set(set.row(), branch.settled(set.status(), set.at()));
          state = present().withUpdateTime(set.at());
        }
        case Write.SetStatus set -> {
          State old = present();
          state =
              new State(
                  set.status(),
                  set.reason() == null ? old.reason() : set.reason(),
                  set.result() == null ? old.result() : set.result(),
                  set.at(),
                  set.status().isFinal() ? set.at() : null,
                  old.schedule(),
                  old.extra());
        }
        case Write.SetSchedule set -> move(set.schedule(), set.at());
        case Write.Lease lease ->
            move(new Schedule(present().schedule().interval(), lease.until()), lease.at());
        case Write.BringForward forward -> {
          if (isWorkedOn()) {
            lookAgain = true;
          } else {
            move(new Schedule(present().schedule().interval(), forward.at()), forward.at());
          }
        }
        case Write.Postpone postpone -> {
          Schedule old = present().schedule();
          Instant next = postpone.at().plus(old.interval());
          if (next.isAfter(old.nextTime())) {
            state = present().withSchedule(new Schedule(old.interval(), next));
          }
          state = present().withUpdateTime(postpone.at());
        }
        case Write.SetExtra set -> state = present().withExtra(set.extra());
        case Write.Delay delay ->
            state = present().withExtra(present().extra().withDelayUntil(delay.until()));
        case Write.SetOptions set -> definition = requireDefinition().withOptions(set.options());
        case Write.LookAgain _ -> lookAgain = true;
      }
      return null;
    }

    Applied done() {
      Transaction was = requireTransaction();
      Owner owner = newOwner == null ? requireBefore().owner() : newOwner;
      if (lookAgain) {
        owner = owner.marked(Owner.Mark.LOOK_AGAIN);
      }
      if (before != null
          && newOwner != null
          && newOwner.claim().equals(before.owner().claim())
          && before.owner().mark() == Owner.Mark.LOOK_AGAIN) {
        if (newOwner.isHeld()) {
          owner = newOwner.marked(Owner.Mark.LOOK_AGAIN);
        } else if (!present().status().isFinal()) {
          // It came to rest on the mark: due at once (R4).
          state =
              present()
                  .withSchedule(
                      new Schedule(present().schedule().interval(), present().updateTime()));
        }
      }
      if (takesFromAHolder()) {
        state = present().withExtra(present().extra().withDirty(true));
      }
      List<Branch> rows = branches == null ? was.branches() : branches;
      return new Applied.Changed(
          new Stored(new Transaction(was.gid(), requireDefinition(), present(), rows), owner));
    }

    /** Whether it goes to another claim, and its holder may have run ahead of what is stored. */
    private boolean takesFromAHolder() {
      return before != null
          && newOwner != null
          && before.mayHaveRunAhead()
          && !newOwner.claim().equals(before.owner().claim())
          && present().status() == GlobalStatus.SUBMITTED;
    }

    private void move(Schedule next, Instant at) {
      Instant old = present().schedule().nextTime();
      Schedule moved =
          staysLeased() && next.nextTime().isBefore(old)
              ? new Schedule(next.interval(), old)
              : next;
      state = present().withSchedule(moved).withUpdateTime(at);
    }

    private boolean isWorkedOn() {
      return before != null && before.owner().isHeld() && !present().status().isFinal();
    }

    private boolean staysLeased() {
      return before != null
          && before.owner().isHeld()
          && (newOwner == null
              || (newOwner.isHeld() && newOwner.claim().equals(before.owner().claim())));
    }

    private static boolean isRegistered(Branch found, Branch added) {
      return found.url().equals(added.url())
          && found.payload().equals(added.payload())
          && (added.isOpen() || found.status() == added.status());
    }

    private @Nullable Branch find(BranchKey key) {
      for (Branch branch : rows()) {
        if (branch.key().equals(key)) {
          return branch;
        }
      }
      return null;
    }

    private List<Branch> rows() {
      List<Branch> rows = branches;
      if (rows == null) {
        rows = new ArrayList<>(requireTransaction().branches());
        branches = rows;
      }
      return rows;
    }

    private State present() {
      if (state == null) {
        throw new IllegalStateException("a batch for an absent gid begins with SaveNew");
      }
      return state;
    }

    private Definition requireDefinition() {
      if (definition == null) {
        throw new IllegalStateException("a batch for an absent gid begins with SaveNew");
      }
      return definition;
    }

    private Transaction requireTransaction() {
      if (transaction == null) {
        throw new IllegalStateException("a batch for an absent gid begins with SaveNew");
      }
      return transaction;
    }

    private Stored requireBefore() {
      if (before == null) {
        throw new IllegalStateException("a new transaction needs an owner");
      }
      return before;
    }
  }
}
