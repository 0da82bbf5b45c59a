package io.dtm4j.coordinator;

import io.dtm4j.engine.Call;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Reply;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Everything that must hold after every event, whatever goes wrong (docs/architecture.md, R1 to
 * R7): tells each {@link Invariant} what happens, and the trace.
 */
final class Invariants implements SharedStore.Listener {
  private final List<Invariant> all = new ArrayList<>();
  private final RecordInvariants.FinalRecordsStay finalRecordsStay =
      new RecordInvariants.FinalRecordsStay();
  private final AnswerInvariants.RegisteredBranchesAreStored registeredBranchesAreStored =
      new AnswerInvariants.RegisteredBranchesAreStored();
  private final Map<Gid, Stored> records = new HashMap<>();
  private final Set<Gid> forced = new HashSet<>();
  private Consumer<Stored> claimed = _ -> {};
  private Trace trace;

  Invariants(VirtualTime time, StoreTime storeTime) {
    trace = new Trace(time);
    all.addAll(RecordInvariants.all(time, storeTime));
    all.addAll(CallInvariants.all(time, storeTime));
    all.addAll(SagaInvariants.all(storeTime));
    all.addAll(TimeInvariants.all(storeTime));
    all.addAll(AnswerInvariants.all());
  }

  /** From now on that is told what happens. */
  void tracedBy(Trace newTrace) {
    trace = newTrace;
  }

  /** From now on that is told of every claim of what was due. */
  void onClaim(Consumer<Stored> listener) {
    claimed = listener;
  }

  // ---- what happens

  @Override
  public void changed(Stored now, SharedStore.Cause cause) {
    Gid gid = now.transaction().gid();
    Stored before = records.put(gid, now);
    trace.add(cause + " " + gid + " " + now.owner() + " " + shortly(now.transaction()));
    if (now.equals(before)) {
      return;
    }
    if (before != null && before.transaction().status().isFinal()) {
      finalRecordsStay.changedAfterTheEnd(before, now);
      return;
    }
    var change = new Invariant.Change(before, now, cause);
    all.forEach(one -> one.changed(change));
    if (cause == SharedStore.Cause.CLAIM) {
      claimed.accept(now);
    }
  }

  /** An operator wants to end it, whatever has been done of it. */
  void stopIsWanted(Gid gid) {
    forced.add(gid);
  }

  /** What comes under that gid from now on is another transaction. */
  void deleted(Gid gid) {
    records.remove(gid);
    forced.remove(gid);
    all.forEach(one -> one.deleted(gid));
  }

  /** A server hands a batch over to its committer. */
  void handedOver(Server server, Batch batch) {
    all.forEach(one -> one.handedOver(server, batch));
  }

  /**
   * A call leaves a server.
   *
   * @return to be run when the server no longer waits for it
   */
  Runnable leaves(Server server, LivePass pass, Call call) {
    trace.add(server.name + " calls " + call.gid() + " " + call.key());
    Stored stored = records.get(call.gid());
    if (stored == null) {
      throw new Violation("R1: nothing is called before it is stored", call);
    }
    var departure = new Invariant.Departure(server, pass, call, stored);
    all.forEach(one -> one.leaves(departure));
    return () -> all.forEach(one -> one.ended(departure));
  }

  /** A client's request reaches a server. */
  void asked(Server server, String gid) {
    if (!gid.isEmpty()) {
      all.forEach(one -> one.asked(server, new Gid(gid)));
    }
  }

  /**
   * A server answers a client.
   *
   * @param command null: it registered a branch, or started a workflow
   */
  void replied(Server server, String gid, @Nullable Command command, Reply reply) {
    trace.add(
        (command == null ? "request of " : command.kind() + " ") + gid + " answered " + reply);
    Stored stored = gid.isEmpty() ? null : records.get(new Gid(gid));
    var answer = new Invariant.Answer(server, gid, command, reply, stored);
    all.forEach(one -> one.answered(answer));
  }

  /** A server answers a client that has registered a branch. */
  void registered(BranchRequest request, Reply reply) {
    if (reply instanceof Reply.Success) {
      registeredBranchesAreStored.registered(
          request.branchId(), records.get(new Gid(request.gid())));
    }
  }

  // ---- the end

  /** Transactions that have not ended. */
  List<Stored> unfinished() {
    return records.values().stream()
        .filter(stored -> !stored.transaction().status().isFinal())
        .toList();
  }

  /** Everything that was stored. */
  List<Stored> all() {
    return List.copyOf(records.values());
  }

  /** Whether an operator's word may have ended it. */
  boolean isForced(Gid gid) {
    return forced.contains(gid);
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
}
