package io.dtm4j.coordinator;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.Owner;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What must hold of every change of a record. */
final class RecordInvariants {
  private RecordInvariants() {}

  static List<Invariant> all(VirtualTime time, StoreTime storeTime) {
    return List.of(
        new CreatedByCommands(),
        new StatusMovesAsTheModeSays(),
        new AllIsDoneInTheEnd(),
        new WorkflowsAreDecidedOnce(),
        new RowsStay(),
        new DefiniteAnswersStay(),
        new OnlyTheHolderWrites(),
        new ClaimsAreFresh(),
        new RevisionsAreFresh(),
        new OneBatchForEachRevision(),
        new LeasesOnlyGrow(),
        new OnlyWhatIsDueIsClaimed(storeTime),
        new WhoLivesKeepsItsLease(time),
        new LookAgainIsKept(storeTime));
  }

  /** Not one of the others, because they need not look at what has ended. */
  static final class FinalRecordsStay extends Invariant {
    FinalRecordsStay() {
      super("a final record never changes");
    }

    /** Only a reset may touch it. */
    void changedAfterTheEnd(Stored before, Stored now) {
      State state = now.transaction().state();
      Stored moved = before.withNextTime(state.schedule().nextTime());
      Transaction transaction = moved.transaction();
      check(
          now.equals(
              new Stored(
                  new Transaction(
                      transaction.gid(),
                      transaction.definition(),
                      transaction.state().withUpdateTime(state.updateTime()),
                      transaction.branches()),
                  before.owner())),
          now);
    }
  }

  private static final class CreatedByCommands extends Invariant {
    CreatedByCommands() {
      super("R5: only a client's request creates a record");
    }

    @Override
    void changed(Change change) {
      check(change.before() != null || change.cause() == SharedStore.Cause.COMMAND, change.now());
    }
  }

  private static final class StatusMovesAsTheModeSays extends Invariant {
    StatusMovesAsTheModeSays() {
      super("a status moves only as its mode says");
    }

    @Override
    void changed(Change change) {
      if (change.before() == null) {
        return;
      }
      GlobalStatus from = change.before().transaction().status();
      GlobalStatus to = change.now().transaction().status();
      if (from == to) {
        return;
      }
      boolean pass = change.cause() == SharedStore.Cause.PASS;
      TransType type = change.now().transaction().definition().type();
      boolean saga = type == TransType.SAGA;
      boolean twoPhase = type == TransType.TCC || type == TransType.XA;
      boolean workflow = type == TransType.WORKFLOW;
      boolean allowed =
          switch (to) {
            case PREPARED -> false;
            case SUBMITTED -> !workflow && from == GlobalStatus.PREPARED;
            case ABORTING ->
                saga
                    ? pass && from == GlobalStatus.SUBMITTED
                    : twoPhase && from == GlobalStatus.PREPARED;
            case SUCCEED ->
                workflow
                    ? !pass
                    : twoPhase
                        ? pass && from == GlobalStatus.SUBMITTED
                        : pass && from != GlobalStatus.ABORTING;
            case FAILED ->
                twoPhase
                    ? !pass || from == GlobalStatus.ABORTING
                    : !pass || saga || from == GlobalStatus.PREPARED;
          };
      check(allowed, "from " + from + " by a " + change.cause() + ": " + change.now());
    }
  }

  private static final class AllIsDoneInTheEnd extends Invariant {
    private final Map<Gid, Set<Integer>> actionsSent = new HashMap<>();

    AllIsDoneInTheEnd() {
      super("a pass ends a transaction only when all is done or undone");
    }

    @Override
    void leaves(Departure departure) {
      if (departure.isOf(TransType.SAGA) && departure.isAction()) {
        actionsSent.computeIfAbsent(departure.gid(), _ -> new HashSet<>()).add(departure.step());
      }
    }

    @Override
    void deleted(Gid gid) {
      actionsSent.remove(gid);
    }

    @Override
    void changed(Change change) {
      Transaction transaction = change.now().transaction();
      TransType type = transaction.definition().type();
      if (change.cause() != SharedStore.Cause.PASS || type == TransType.WORKFLOW) {
        return;
      }
      boolean twoPhase = type == TransType.TCC || type == TransType.XA;
      if (transaction.status() == GlobalStatus.SUCCEED) {
        for (Branch branch : transaction.branches()) {
          check(branch.isDone() || BACKWARD.contains(branch.key().op()), transaction);
        }
      } else if (transaction.status() == GlobalStatus.FAILED && twoPhase) {
        for (Branch branch : transaction.branches()) {
          check(branch.isDone() == BACKWARD.contains(branch.key().op()), transaction);
        }
      } else if (transaction.status() == GlobalStatus.FAILED && type == TransType.SAGA) {
        for (int step : actionsSent.getOrDefault(change.gid(), Set.of())) {
          check(isDone(transaction, 2 * step), transaction);
        }
      }
    }
  }

  private static final class WorkflowsAreDecidedOnce extends Invariant {
    WorkflowsAreDecidedOnce() {
      super("R2: a workflow commits or rolls back, never both");
    }

    @Override
    void changed(Change change) {
      Transaction now = change.now().transaction();
      if (now.definition().type() == TransType.WORKFLOW) {
        boolean commits = hasRow(now, Op.COMMIT) || now.status() == GlobalStatus.SUCCEED;
        check(!commits || !hasRow(now, Op.ROLLBACK), now);
      }
    }
  }

  private static final class RowsStay extends Invariant {
    RowsStay() {
      super("R4: rows stay as they are, and none is added to what is decided");
    }

    @Override
    void changed(Change change) {
      if (change.before() == null) {
        return;
      }
      List<Branch> before = change.before().transaction().branches();
      List<Branch> now = change.now().transaction().branches();
      boolean isPrepared = change.before().transaction().status() == GlobalStatus.PREPARED;
      check(now.size() == before.size() || (isPrepared && now.size() > before.size()), change);
      for (int row = 0; row < before.size(); row++) {
        check(before.get(row).key().equals(now.get(row).key()), change);
      }
    }
  }

  private static final class DefiniteAnswersStay extends Invariant {
    DefiniteAnswersStay() {
      super("a definite answer of a branch never changes");
    }

    @Override
    void changed(Change change) {
      if (change.before() == null) {
        return;
      }
      List<Branch> before = change.before().transaction().branches();
      for (int row = 0; row < before.size(); row++) {
        Branch old = before.get(row);
        Branch now = change.now().transaction().branches().get(row);
        check(old.isOpen() || old.status() == now.status(), change.now());
      }
    }
  }

  private static final class OnlyTheHolderWrites extends Invariant {
    OnlyTheHolderWrites() {
      super("R4: a pass writes only while it has the record");
    }

    @Override
    void changed(Change change) {
      if (change.cause() == SharedStore.Cause.PASS) {
        check(!change.isClaimed(), change);
      }
    }
  }

  private static final class ClaimsAreFresh extends Invariant {
    private final Map<Gid, Set<String>> claims = new HashMap<>();

    ClaimsAreFresh() {
      super("R6: a claim never comes again");
    }

    @Override
    void deleted(Gid gid) {
      claims.remove(gid);
    }

    @Override
    void changed(Change change) {
      if (change.isClaimed()) {
        Set<String> ofGid = claims.computeIfAbsent(change.gid(), _ -> new HashSet<>());
        check(ofGid.add(change.now().owner().claim()), change.now());
      }
    }
  }

  private static final class RevisionsAreFresh extends Invariant {
    RevisionsAreFresh() {
      super("R6: a revision never comes again");
    }

    @Override
    void changed(Change change) {
      if (change.before() != null && !change.isClaimed()) {
        long was = change.before().owner().revision();
        long is = change.now().owner().revision();
        check(change.cause() == SharedStore.Cause.PASS ? is > was : is == was, change);
      }
    }
  }

  private static final class OneBatchForEachRevision extends Invariant {
    private final Map<String, Batch> byToken = new HashMap<>();

    OneBatchForEachRevision() {
      super("R6: no revision stands for two batches");
    }

    @Override
    void handedOver(Server server, Batch batch) {
      Owner owner = batch.owner();
      if (owner != null) {
        Batch other = byToken.put(owner.claim() + ":" + owner.revision(), batch);
        check(other == null || other.equals(batch), batch);
      }
    }
  }

  private static final class LeasesOnlyGrow extends Invariant {
    LeasesOnlyGrow() {
      super("R7: a lease never becomes shorter");
    }

    @Override
    void changed(Change change) {
      if (change.before() != null
          && !change.isClaimed()
          && change.before().owner().isHeld()
          && change.now().owner().isHeld()) {
        check(!nextTime(change.now()).isBefore(nextTime(change.before())), change);
      }
    }
  }

  private static final class OnlyWhatIsDueIsClaimed extends Invariant {
    private final StoreTime time;

    OnlyWhatIsDueIsClaimed(StoreTime time) {
      super("R7: nothing is claimed before it is due");
      this.time = time;
    }

    @Override
    void changed(Change change) {
      if (change.before() != null && change.cause() == SharedStore.Cause.CLAIM) {
        Instant latest = time.instant().plus(time.uncertainty());
        check(!nextTime(change.before()).isAfter(latest), change);
      }
    }
  }

  private static final class WhoLivesKeepsItsLease extends InFlight {
    /** As long as that nothing must have gone wrong, for an end of the lease to be a defect. */
    private static final Duration UNDISTURBED = Duration.ofSeconds(10);

    private final VirtualTime time;

    WhoLivesKeepsItsLease(VirtualTime time) {
      super("R7: what is worked on in good order is never claimed by others");
      this.time = time;
    }

    @Override
    void changed(Change change) {
      if (change.before() == null || change.cause() != SharedStore.Cause.CLAIM) {
        return;
      }
      for (Departure call : inFlight(change.gid())) {
        boolean lives =
            !call.pass().ended
                && call.pass().claim.equals(change.before().owner().claim())
                && call.server().isUp()
                && call.server().process.isUndisturbedFor(UNDISTURBED)
                && call.pass().callsEndBy - time.nanoTime() > 0;
        check(!lives, call);
      }
    }
  }

  private static final class LookAgainIsKept extends Invariant {
    private final StoreTime time;

    LookAgainIsKept(StoreTime time) {
      super("R4: who was asked to look again does so when it comes to rest");
      this.time = time;
    }

    @Override
    void changed(Change change) {
      Stored now = change.now();
      if (change.before() != null
          && !change.isClaimed()
          && change.before().owner().mark() == Owner.Mark.LOOK_AGAIN
          && !now.transaction().status().isFinal()) {
        boolean kept =
            now.owner().isHeld()
                ? now.owner().mark() == Owner.Mark.LOOK_AGAIN
                : !nextTime(now).isAfter(time.instant().plus(time.uncertainty()));
        check(kept, change);
      }
    }
  }
}
