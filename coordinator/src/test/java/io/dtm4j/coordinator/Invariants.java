package io.dtm4j.coordinator;

import static java.util.Objects.requireNonNull;

import io.dtm4j.engine.Call;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.CustomData;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransType;
import io.dtm4j.protocol.TransactionRequest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What must hold after every event, whatever goes wrong (docs/architecture.md, R1 to R7). What
 * breaks it is thrown out at once, in the middle of the event.
 */
final class Invariants implements SharedStore.Listener {
  /** What a lease must last when a call leaves, less the millisecond to which stores round. */
  private static final Duration LEASE_NEEDED = Duration.ofMillis(999);

  private static final Set<Op> BACKWARD = Set.of(Op.COMPENSATE, Op.CANCEL, Op.ROLLBACK);

  private final VirtualTime time;
  private final Map<Gid, Seen> seen = new HashMap<>();
  private final Map<String, Batch> byToken = new HashMap<>();
  private final Set<InFlight> inFlight = new HashSet<>();
  private final Set<Compensated> compensated = new HashSet<>();
  private final Map<Open, Integer> open = new HashMap<>();
  private final Set<Open> stopped = new HashSet<>();
  private Trace trace;

  /** What is known of a transaction. */
  private static final class Seen {
    Stored now;
    SharedStore.Cause claimedBy;
    final Set<String> claims = new HashSet<>();

    /** What each claim was lost to: a command takes a live lease, a claim only one that is over. */
    final Map<String, SharedStore.Cause> lostTo = new HashMap<>();

    final Set<Integer> actionsSent = new HashSet<>();
    boolean forced;

    Seen(Stored now, SharedStore.Cause claimedBy) {
      this.now = now;
      this.claimedBy = claimedBy;
      claims.add(now.owner().claim());
    }
  }

  /** A call under way, under one claim. */
  private record InFlight(Server server, LivePass pass, int row) {}

  /** Commands for a gid on one server. */
  private record Open(Server server, Gid gid) {}

  /** A step that a server has begun to compensate. */
  private record Compensated(Server server, Gid gid, int step) {}

  Invariants(VirtualTime time) {
    this.time = time;
    trace = new Trace(time);
  }

  /** From now on that is told what happens. */
  void tracedBy(Trace newTrace) {
    trace = newTrace;
  }

  // ---- the store

  @Override
  public void changed(Stored now, SharedStore.Cause cause) {
    Gid gid = now.transaction().gid();
    Seen known = seen.get(gid);
    trace.add(cause + " " + gid + " " + now.owner() + " " + shortly(now.transaction()));
    if (known == null) {
      check(cause == SharedStore.Cause.COMMAND, "created by a " + cause, now);
      seen.put(gid, new Seen(now, cause));
      return;
    }
    Stored before = known.now;
    if (now.equals(before)) {
      return;
    }
    GlobalStatus was = before.transaction().status();
    if (was.isFinal()) {
      check(isWhatAResetChanges(before, now), "a final record changes", now);
      known.now = now;
      return;
    }
    checkStatus(known, now, cause);
    checkRows(before.transaction(), now.transaction());
    checkTimes(before, now, cause);
    known.forced |= cause == SharedStore.Cause.COMMAND && now.transaction().status().isFinal();
    if (!before.owner().claim().equals(now.owner().claim())) {
      check(known.claims.add(now.owner().claim()), "R6: a claim comes again", now);
      known.claimedBy = cause;
      known.lostTo.put(before.owner().claim(), cause);
    } else {
      check(now.owner().revision() >= before.owner().revision(), "R6: a revision comes again", now);
    }
    known.now = now;
  }

  private static boolean isWhatAResetChanges(Stored before, Stored now) {
    State state = now.transaction().state();
    Stored moved = before.withNextTime(state.schedule().nextTime());
    Transaction transaction = moved.transaction();
    return now.equals(
        new Stored(
            new Transaction(
                transaction.gid(),
                transaction.definition(),
                transaction.state().withUpdateTime(state.updateTime()),
                transaction.branches()),
            before.owner()));
  }

  /** What comes under that gid from now on is another transaction. */
  void deleted(Gid gid) {
    seen.remove(gid);
  }

  private static void checkStatus(Seen known, Stored now, SharedStore.Cause cause) {
    GlobalStatus from = known.now.transaction().status();
    GlobalStatus to = now.transaction().status();
    if (from == to) {
      return;
    }
    boolean pass = cause == SharedStore.Cause.PASS;
    TransType type = now.transaction().definition().type();
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
    check(allowed, "from " + from + " by a " + cause, now);
    if (to == GlobalStatus.SUCCEED && !workflow) {
      for (Branch branch : now.transaction().branches()) {
        check(branch.isDone() || BACKWARD.contains(branch.key().op()), "not all done", now);
      }
    }
    if (to == GlobalStatus.FAILED && pass && twoPhase) {
      for (Branch branch : now.transaction().branches()) {
        check(branch.isDone() == BACKWARD.contains(branch.key().op()), "not all undone", now);
      }
    }
    check(
        !workflow || to != GlobalStatus.SUCCEED || hasNone(now.transaction(), Op.ROLLBACK),
        "R2: it succeeds after a rollback",
        now);
    if (to == GlobalStatus.FAILED && pass && saga) {
      for (int step : known.actionsSent) {
        check(isDone(now.transaction(), 2 * step), "compensation is missing", now);
      }
    }
  }

  private static boolean hasNone(Transaction transaction, Op op) {
    return transaction.branches().stream().noneMatch(branch -> branch.key().op().equals(op));
  }

  private static void checkRows(Transaction before, Transaction now) {
    if (now.definition().type() == TransType.WORKFLOW) {
      check(hasNone(now, Op.COMMIT) || hasNone(now, Op.ROLLBACK), "R2: decided both ways", now);
    }
    int rows = before.branches().size();
    check(now.branches().size() >= rows, "rows are lost", now);
    check(
        now.branches().size() == rows || before.status() == GlobalStatus.PREPARED,
        "a branch is added to what is decided",
        now);
    for (int row = 0; row < rows; row++) {
      Branch old = before.branches().get(row);
      Branch branch = now.branches().get(row);
      check(old.key().equals(branch.key()), "a row is replaced", now);
      check(old.isOpen() || old.status() == branch.status(), "a definite answer changes", now);
    }
  }

  private void checkTimes(Stored before, Stored now, SharedStore.Cause cause) {
    Instant was = before.transaction().state().schedule().nextTime();
    Instant is = now.transaction().state().schedule().nextTime();
    if (cause == SharedStore.Cause.CLAIM) {
      check(!was.isAfter(time.instant()), "claimed before " + was, now);
    }
    if (before.owner().isHeld()
        && now.owner().isHeld()
        && before.owner().claim().equals(now.owner().claim())) {
      check(!is.isBefore(was), "the lease shrinks", now);
    }
  }

  /** A server hands a batch over to its committer. */
  void handedOver(Server server, Batch batch) {
    if (!(batch.guard() instanceof Guard.HeldBy)) {
      check(
          open.getOrDefault(new Open(server, batch.gid()), 0) > 0,
          "written after the client has been answered",
          batch);
    }
    Owner owner = batch.owner();
    if (owner != null) {
      Batch other = byToken.put(owner.claim() + ":" + owner.revision(), batch);
      check(other == null || other.equals(batch), "R6: one revision for two batches", batch);
    }
  }

  // ---- calls

  /**
   * A call leaves a server.
   *
   * @return to be run when the server no longer waits for it
   */
  Runnable leaves(Server server, Call call) {
    trace.add(server.name + " calls " + call.gid() + " " + call.key());
    Seen known = seen.get(call.gid());
    LivePass pass = server.coordinator.passOf(call.gid());
    if (known == null || pass == null) {
      throw broken(known == null ? "R1: not stored" : "called by no pass", call);
    }
    check(
        !stopped.contains(new Open(server, call.gid())),
        "R4: called after a stop was answered",
        call);
    var underWay = new InFlight(server, pass, call.row());
    check(inFlight.add(underWay), "R5: called twice at a time", call);
    Stored stored = known.now;
    Transaction transaction = stored.transaction();
    if (transaction.definition().type() == TransType.SAGA) {
      int step = call.row() / 2;
      if (call.key().op().equals(Op.ACTION)) {
        known.actionsSent.add(step);
        check(
            !compensated.contains(new Compensated(server, call.gid(), step)),
            "an action after its compensation",
            call);
      } else {
        compensated.add(new Compensated(server, call.gid(), step));
        check(
            !inFlight.contains(new InFlight(server, pass, call.row() + 1)),
            "compensated while its action is in flight",
            call);
      }
    }
    if (stored.owner().claim().equals(pass.claim)) {
      Instant leaseEnd = transaction.state().schedule().nextTime();
      check(stored.owner().isHeld(), "R7: called without a lease", call);
      check(
          !leaseEnd.isBefore(time.instant().plus(LEASE_NEEDED)),
          "R7: called with a lease until " + leaseEnd,
          call);
      check(isAllowed(transaction, call), "R2, R3: what it depends on is not stored", call);
      check(
          known.claimedBy == SharedStore.Cause.CLAIM || !isInFlightElsewhere(underWay, call.gid()),
          "R5: called twice at a time, after a command",
          call);
    } else {
      check(
          known.lostTo.get(pass.claim) != SharedStore.Cause.CLAIM,
          "R7: called under a lost claim",
          call);
    }
    return () -> inFlight.remove(underWay);
  }

  /** Whether that call is under way under another claim whose time is not over. */
  private boolean isInFlightElsewhere(InFlight call, Gid gid) {
    return inFlight.stream()
        .anyMatch(
            one ->
                one.pass() != call.pass()
                    && one.row() == call.row()
                    && one.pass().gid.equals(gid)
                    && one.pass().leaseEnd - time.nanoTime() > 0
                    && one.server().isUp());
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
    if (definition.type() != TransType.SAGA) {
      boolean backward = BACKWARD.contains(call.key().op());
      return status == (backward ? GlobalStatus.ABORTING : GlobalStatus.SUBMITTED)
          && isTurnOf(transaction, call, definition.type() == TransType.TCC);
    }
    int step = call.row() / 2;
    if (call.key().op().equals(Op.ACTION)) {
      return status == GlobalStatus.SUBMITTED
          && before(definition, step).stream().allMatch(one -> isDone(transaction, 2 * one + 1));
    }
    return status == GlobalStatus.ABORTING;
  }

  /** Whether all branches that come before this one are done. */
  private static boolean isTurnOf(Transaction transaction, Call call, boolean lastFirst) {
    List<Branch> rows = transaction.branches();
    return (lastFirst ? rows.subList(call.row() + 1, rows.size()) : rows.subList(0, call.row()))
        .stream()
            .filter(branch -> branch.key().op().equals(call.key().op()))
            .allMatch(Branch::isDone);
  }

  private static List<Integer> before(Definition definition, int step) {
    CustomData.Saga data = CustomData.saga(definition.customData());
    List<Integer> before = new ArrayList<>(data.orders().getOrDefault(step, List.of()));
    if (!data.concurrent() && step > 0) {
      before.add(step - 1);
    }
    return before;
  }

  private static boolean isDone(Transaction transaction, int row) {
    return transaction.branches().get(row).isDone();
  }

  // ---- answers to clients

  /** A client's request reaches a server. */
  void asked(Server server, String gid) {
    count(server, gid, 1);
  }

  private void count(Server server, String gid, int more) {
    if (!gid.isEmpty()) {
      open.merge(new Open(server, new Gid(gid)), more, Integer::sum);
    }
  }

  /**
   * A server answers a client.
   *
   * @param command null: it registered a branch, or started a workflow
   */
  void replied(Server server, String gid, @Nullable Command command, Reply reply) {
    count(server, gid, -1);
    trace.add(
        (command == null ? "request of " : command.kind() + " ") + gid + " answered " + reply);
    Seen known = gid.isEmpty() ? null : seen.get(new Gid(gid));
    GlobalStatus status = known == null ? null : known.now.transaction().status();
    if (reply instanceof Reply.Success) {
      check(status != null, "R1: answered before it is stored", gid);
      boolean right =
          command == null
              || switch (command.kind()) {
                case PREPARE, RESET_NEXT_CRON_TIME -> true;
                case SUBMIT -> isWhatWasSubmitted(command.request(), status);
                case ABORT -> status == GlobalStatus.ABORTING || status == GlobalStatus.FAILED;
                case FORCE_STOP -> status == GlobalStatus.FAILED;
              };
      check(right, "answered success in " + status, gid);
      if (command != null && command.kind() == Command.Kind.FORCE_STOP) {
        stopped.add(new Open(server, new Gid(gid)));
      }
    } else if (reply instanceof Reply.Refused refused && refused.code() == ErrorCode.ROLLED_BACK) {
      check(
          status == GlobalStatus.ABORTING || status == GlobalStatus.FAILED,
          "R2: rolled back in " + status,
          gid);
    }
  }

  private static boolean isWhatWasSubmitted(
      TransactionRequest request, @Nullable GlobalStatus status) {
    String end = request.reqExtra().get("status"); // of a workflow
    if (end != null) {
      return status != null && status.wireName().equals(end);
    }
    return request.options().waitResult()
        ? status == GlobalStatus.SUCCEED
        : status != GlobalStatus.PREPARED;
  }

  /** A server answers a client that has registered a branch. */
  void registered(BranchRequest request, Reply reply) {
    if (reply instanceof Reply.Success) {
      Seen known = requireNonNull(seen.get(new Gid(request.gid())), "not stored");
      boolean stored =
          known.now.transaction().branches().stream()
              .anyMatch(branch -> branch.key().branchId().equals(request.branchId()));
      check(stored, "R1: registered before it is stored", request);
    }
  }

  // ---- the end

  /** Transactions that have not ended. */
  List<Stored> unfinished() {
    return seen.values().stream()
        .map(one -> one.now)
        .filter(stored -> !stored.transaction().status().isFinal())
        .toList();
  }

  /** Everything that was stored. */
  List<Stored> all() {
    return seen.values().stream().map(one -> one.now).toList();
  }

  /** Whether an operator's word ended it. */
  boolean isForced(Gid gid) {
    return requireNonNull(seen.get(gid)).forced;
  }

  private static String shortly(Transaction transaction) {
    var rows = new StringBuilder();
    transaction.branches().forEach(branch -> rows.append(branch.status().wireName().charAt(0)));
    return transaction.status().wireName()
        + " "
        + rows
        + " next "
        + transaction.state().schedule().nextTime();
  }

  private static void check(boolean holds, String what, @Nullable Object about) {
    if (!holds) {
      throw broken(what, about);
    }
  }

  private static AssertionError broken(String what, @Nullable Object about) {
    return new AssertionError(what + ": " + about);
  }
}
