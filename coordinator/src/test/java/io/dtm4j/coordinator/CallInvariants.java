package io.dtm4j.coordinator;

import io.dtm4j.engine.Call;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.CustomData;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What must hold when a call leaves a server. */
final class CallInvariants {
  private CallInvariants() {}

  static List<Invariant> all(VirtualTime time, StoreTime storeTime) {
    return List.of(
        new WhatItDependsOnIsStored(),
        new LeaseLasts(storeTime),
        new LeasesAreNotOverrated(time, storeTime),
        new NotUnderALostClaim(),
        new OnceAtATime(),
        new NotBesideAnother(time),
        new NothingAfterAStop(),
        new NothingBeforeItsDelay(storeTime),
        new CheckBacksAwaitTheirTime(storeTime),
        new StopsAwaitCalls());
  }

  private static final class WhatItDependsOnIsStored extends Invariant {
    /** What each claim has handed over last. */
    private final Map<String, Batch> onTheirWay = new HashMap<>();

    WhatItDependsOnIsStored() {
      super("R2, R3: what a call depends on is stored before it leaves, or one success on its way");
    }

    @Override
    void handedOver(Server server, Batch batch) {
      if (batch.owner() != null) {
        onTheirWay.put(batch.owner().claim(), batch);
      }
    }

    @Override
    void leaves(Departure departure) {
      if (departure.isOfItsHolder()) {
        check(
            isAllowed(departure.transaction(), departure.call()) || mayRunAhead(departure),
            departure);
      }
    }

    /** Forward, one at a time, and behind one success that is on its way and nothing else. */
    private boolean mayRunAhead(Departure departure) {
      Batch batch = onTheirWay.get(departure.pass().claim);
      return batch != null
          && isSequential(departure.transaction().definition())
          && departure.transaction().status() == GlobalStatus.SUBMITTED
          && batch.writes().size() == 1
          && batch.writes().getFirst() instanceof Write.SetBranch set
          && set.status() == BranchStatus.SUCCEED
          && batch.applyTo(departure.stored()) instanceof Batch.Applied.Changed sent
          && isAllowed(sent.stored().transaction(), departure.call());
    }

    private static boolean isSequential(Definition definition) {
      return switch (definition.type()) {
        case SAGA -> !CustomData.saga(definition.customData()).concurrent();
        case MSG -> !definition.options().concurrent();
        case TCC, XA, WORKFLOW -> false;
      };
    }

    private static boolean isAllowed(Transaction transaction, Call call) {
      GlobalStatus status = transaction.status();
      Definition definition = transaction.definition();
      if (call.row() == Call.NO_ROW) {
        return status == GlobalStatus.PREPARED;
      }
      if (!transaction.branches().get(call.row()).isOpen()) {
        return false;
      }
      if (definition.type() == TransType.MSG) {
        return status == GlobalStatus.SUBMITTED
            && (definition.options().concurrent()
                || call.row() == 0
                || isDone(transaction, call.row() - 1));
      }
      boolean backward = BACKWARD.contains(call.key().op());
      if (status != (backward ? GlobalStatus.ABORTING : GlobalStatus.SUBMITTED)) {
        return false;
      }
      if (definition.type() != TransType.SAGA) {
        return isTurnOf(transaction, call, definition.type() == TransType.TCC);
      }
      return backward
          || before(definition, call.row() / 2).stream()
              .allMatch(one -> isDone(transaction, 2 * one + 1));
    }

    /** Whether all branches that come before this one are done. */
    private static boolean isTurnOf(Transaction transaction, Call call, boolean lastFirst) {
      List<Branch> rows = transaction.branches();
      return (lastFirst ? rows.subList(call.row() + 1, rows.size()) : rows.subList(0, call.row()))
          .stream()
              .filter(branch -> branch.key().op().equals(call.key().op()))
              .allMatch(Branch::isDone);
    }
  }

  private static final class LeaseLasts extends Invariant {
    /** What a lease must last when a call leaves, less the millisecond to which stores round. */
    private static final Duration NEEDED = Duration.ofMillis(999);

    private final StoreTime time;

    LeaseLasts(StoreTime time) {
      super("R7: a call leaves only while its lease lasts another second");
      this.time = time;
    }

    @Override
    void leaves(Departure departure) {
      if (departure.isOfItsHolder()) {
        Instant end = departure.transaction().state().schedule().nextTime();
        Duration needed = NEEDED.minus(time.uncertainty());
        check(
            departure.stored().owner().isHeld() && !end.isBefore(time.instant().plus(needed)),
            departure);
      }
    }
  }

  private static final class LeasesAreNotOverrated extends Invariant {
    /**
     * The time that a lease begins at, and the one at which it is looked at, are cut to one each.
     */
    private static final Duration ROUNDED = Duration.ofMillis(2);

    private final VirtualTime monotonic;
    private final StoreTime time;

    LeasesAreNotOverrated(VirtualTime monotonic, StoreTime time) {
      super("R7: no server believes its lease to last longer than it does");
      this.monotonic = monotonic;
      this.time = time;
    }

    @Override
    void leaves(Departure departure) {
      if (departure.isOfItsHolder()) {
        Duration left = Duration.between(time.instant(), nextTime(departure.stored()));
        Duration believed = Duration.ofNanos(departure.pass().leaseEnd - monotonic.nanoTime());
        Duration most = left.plus(time.uncertainty()).plus(ROUNDED);
        check(believed.compareTo(most) <= 0, departure);
      }
    }
  }

  private static final class NotUnderALostClaim extends Invariant {
    /** How each claim was lost. */
    private final Map<String, SharedStore.Cause> lostTo = new HashMap<>();

    NotUnderALostClaim() {
      super("R7: nothing is called under a claim that was lost to another server's claim");
    }

    @Override
    void changed(Change change) {
      if (change.before() != null && change.isClaimed()) {
        lostTo.put(change.gid() + change.before().owner().claim(), change.cause());
      }
    }

    @Override
    void leaves(Departure departure) {
      if (!departure.isOfItsHolder()) {
        SharedStore.Cause cause = lostTo.get(departure.gid() + departure.pass().claim);
        check(cause != SharedStore.Cause.CLAIM, departure);
      }
    }
  }

  private static final class OnceAtATime extends Invariant {
    private record Row(Server server, LivePass pass, int row) {}

    private final Set<Row> inFlight = new HashSet<>();

    OnceAtATime() {
      super("R5: a pass calls each row once at a time");
    }

    private static Row row(Departure departure) {
      return new Row(departure.server(), departure.pass(), departure.call().row());
    }

    @Override
    void leaves(Departure departure) {
      check(inFlight.add(row(departure)), departure);
    }

    @Override
    void ended(Departure departure) {
      inFlight.remove(row(departure));
    }
  }

  private static final class NotBesideAnother extends InFlight {
    private final VirtualTime time;
    private final Map<Gid, SharedStore.Cause> claimedBy = new HashMap<>();

    NotBesideAnother(VirtualTime time) {
      super("R5: a client's request makes no row be called beside a call in flight");
      this.time = time;
    }

    @Override
    void changed(Change change) {
      if (change.isClaimed()) {
        claimedBy.put(change.gid(), change.cause());
      }
    }

    @Override
    void leaves(Departure departure) {
      if (departure.isOfItsHolder() && claimedBy.get(departure.gid()) != SharedStore.Cause.CLAIM) {
        check(
            inFlight(departure.gid()).stream().noneMatch(other -> isBeside(other, departure)),
            departure);
      }
      super.leaves(departure);
    }

    /** Under another claim whose time is not over. */
    private boolean isBeside(Departure other, Departure departure) {
      return other.pass() != departure.pass()
          && other.call().row() == departure.call().row()
          && other.pass().leaseEnd - time.nanoTime() > 0
          && other.server().isUp();
    }
  }

  private static final class NothingAfterAStop extends Invariant {
    private record Stopped(Server server, Gid gid) {}

    private final Set<Stopped> stopped = new HashSet<>();

    NothingAfterAStop() {
      super("R4: a server that has answered a stop calls nothing of it any more");
    }

    @Override
    void answered(Answer answer) {
      if (answer.reply() instanceof Reply.Success
          && answer.command() != null
          && answer.command().kind() == Command.Kind.FORCE_STOP) {
        stopped.add(new Stopped(answer.server(), new Gid(answer.gid())));
      }
    }

    @Override
    void leaves(Departure departure) {
      check(!stopped.contains(new Stopped(departure.server(), departure.gid())), departure);
    }
  }

  private static final class NothingBeforeItsDelay extends Invariant {
    private final StoreTime time;
    private final Map<Gid, Submitted> submitted = new HashMap<>();

    /** By the store's clock, and by a true one since the store was opened for so many times. */
    private record Submitted(Instant at, Duration passed, int openings) {}

    NothingBeforeItsDelay(StoreTime time) {
      super("a message is not delivered before its delay is over");
      this.time = time;
    }

    @Override
    void changed(Change change) {
      Stored before = change.before();
      if (change.now().transaction().status() == GlobalStatus.SUBMITTED
          && (before == null || before.transaction().status() == GlobalStatus.PREPARED)) {
        Instant at = change.now().transaction().state().updateTime();
        Duration passed = time.passed().minus(Duration.between(at, time.instant()));
        submitted.put(change.gid(), new Submitted(at, passed, time.openings()));
      }
    }

    @Override
    void leaves(Departure departure) {
      if (departure.isOf(TransType.MSG) && departure.call().row() != Call.NO_ROW) {
        long delay = CustomData.delay(departure.transaction().definition().customData());
        Submitted since = submitted.get(departure.gid());
        check(since != null && !isEarly(since, Duration.ofSeconds(delay)), departure);
      }
    }

    private boolean isEarly(Submitted since, Duration delay) {
      Duration least = delay.minus(time.uncertainty());
      if (time.openings() == since.openings() // else the machine's clock, however wrong, counts
          && time.passed().minus(since.passed()).compareTo(least.minus(least.dividedBy(50))) < 0) {
        return true; // by more than a clock goes faster that follows another one slowly
      }
      return time.instant().isBefore(since.at().plus(least));
    }
  }

  private static final class CheckBacksAwaitTheirTime extends Invariant {
    private final StoreTime time;

    CheckBacksAwaitTheirTime(StoreTime time) {
      super("a message is not checked back before its TimeoutToFail is over");
      this.time = time;
    }

    @Override
    void leaves(Departure departure) {
      if (departure.isOf(TransType.MSG) && departure.call().row() == Call.NO_ROW) {
        Definition definition = departure.transaction().definition();
        Instant due = definition.createTime().plusSeconds(definition.options().timeoutToFail());
        check(!time.instant().plus(time.uncertainty()).isBefore(due), departure);
      }
    }
  }

  private static final class StopsAwaitCalls extends InFlight {
    StopsAwaitCalls() {
      super("a server that stops gives nothing back while a call of it is in flight");
    }

    @Override
    void changed(Change change) {
      if (change.before() != null
          && change.cause() == SharedStore.Cause.LEASE
          && change.before().owner().isHeld()
          && !change.now().owner().isHeld()) {
        String claim = change.before().owner().claim();
        for (Departure call : inFlight(change.gid())) {
          check(!call.pass().claim.equals(claim) || call.server().isStopOver(), call);
        }
      }
    }
  }
}
