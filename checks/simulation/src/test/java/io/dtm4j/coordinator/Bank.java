package io.dtm4j.coordinator;

import io.dtm4j.engine.Call;
import io.dtm4j.model.Branch;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Participants behind a barrier (docs/spec/barrier.md 2.3): each call may be refused, forgotten,
 * slow or answered wrongly, until the bank is told to be good. It knows what has taken effect, and
 * how much money each transaction has moved: the amounts of its branches come to nothing.
 */
final class Bank implements Participants {
  /** What the client of a TCC calls itself. */
  static final Op TRY = Op.of("try");

  private static final Set<Op> BACKWARD = Set.of(Op.COMPENSATE, Op.CANCEL, Op.ROLLBACK);
  private static final Set<Op> SECOND = Set.of(Op.CONFIRM, Op.COMMIT);

  /** What a client's local transaction has come to (docs/spec/transactions.md 7.3). */
  enum Local {
    COMMITTED,
    ROLLED_BACK
  }

  /** A row of the barrier. */
  private record Row(Gid gid, String branchId, Op op) {}

  private final World world;
  private final SplittableRandom chance;
  private final SplittableRandom repeats;
  private final Faults faults;
  private final Trace trace;
  private final int refused;
  private final int bad;
  private boolean good;

  private final Set<Row> barrier = new HashSet<>();
  private final Set<Row> effects = new HashSet<>();
  private final Map<Gid, Local> locals = new HashMap<>();

  /** What all accounts have gained by a transaction. */
  private final Map<Gid, Long> gained = new HashMap<>();

  /**
   * @param repeats the chance by which actions are refused at a repeat
   */
  Bank(World world, SplittableRandom chance, SplittableRandom repeats, Faults faults, Trace trace) {
    this.world = world;
    this.chance = chance;
    this.repeats = repeats;
    this.faults = faults;
    this.trace = trace;
    refused = chance.nextInt(25);
    bad = chance.nextInt(30);
  }

  /** From now on every call is answered, and well. */
  void beGood() {
    good = true;
  }

  private boolean percent(int limit, String what) {
    return !good && chance.nextInt(100) < limit && faults.happens(what);
  }

  @Override
  public void receive(Received received) {
    Call call = received.call();
    take(
        () -> {
          if (call.row() == Call.NO_ROW) {
            boolean committed = localOf(call.gid(), Local.ROLLED_BACK) == Local.COMMITTED;
            return committed
                ? BranchAnswer.Success.INSTANCE
                : new BranchAnswer.Failure("rolled back");
          }
          var row = new Row(call.gid(), call.key().branchId(), call.key().op());
          return execute(call.type(), row, amountIn(call.payload()));
        },
        received::answer);
  }

  /** How a branch is told what its account gains. */
  static Payload payload(long amount) {
    return Payload.of(String.valueOf(amount));
  }

  private static long amountIn(Payload payload) {
    return Long.parseLong(new String(payload.bytes(), StandardCharsets.UTF_8));
  }

  /**
   * A client calls a branch itself; it is answered now, later or never.
   *
   * @param amount what its account gains
   */
  void call(
      TransType type, Gid gid, String branchId, Op op, long amount, Consumer<BranchAnswer> answer) {
    take(() -> execute(type, new Row(gid, branchId, op), amount), answer);
  }

  private void take(Supplier<BranchAnswer> execution, Consumer<BranchAnswer> answer) {
    if (!percent(bad, "bad participant")) {
      answer.accept(execution.get());
      return;
    }
    switch (chance.nextInt(6)) {
      case 0 -> answer.accept(new BranchAnswer.Ongoing("not yet"));
      case 1 -> answer.accept(new BranchAnswer.Unknown("broken"));
      case 2 -> {
        var _ = execution.get();
        answer.accept(new BranchAnswer.Unknown("broken after its effect"));
      }
      case 3 -> {
        var _ = execution.get(); // and never answers
      }
      default ->
          world.time.after(
              Duration.ofMillis(chance.nextLong(9_000)), () -> answer.accept(execution.get()));
    }
  }

  /** What the handler of a participant does, barrier included, in one local transaction. */
  private BranchAnswer execute(TransType type, Row row, long amount) {
    boolean backward = BACKWARD.contains(row.op());
    var origin = new Row(row.gid(), row.branchId(), firstOf(type));
    boolean first = !barrier.contains(row);
    boolean empty = backward && !barrier.contains(origin);
    boolean mayRefuse = row.op().equals(origin.op()) && type != TransType.MSG;
    if (first && !empty && percent(mayRefuse ? refused : 5, "refused")) {
      return new BranchAnswer.Failure("refused");
    }
    if (type == TransType.SAGA && effects.contains(row) && !backward && refusesARepeat()) {
      return new BranchAnswer.Failure("refused, though it has been done");
    }
    barrier.add(row);
    if (backward) {
      barrier.add(origin);
    }
    if (first && !empty) {
      takeEffect(type, row);
      move(type, row, amount);
    }
    return BranchAnswer.Success.INSTANCE;
  }

  /** As one without a barrier of its own does, whose goods were sold by the first call. */
  private boolean refusesARepeat() {
    return !good && repeats.nextInt(100) < 20 && faults.happens("refused at a repeat");
  }

  private static Op firstOf(TransType type) {
    return type == TransType.TCC ? TRY : Op.ACTION;
  }

  private void takeEffect(TransType type, Row row) {
    trace.add("effect " + row);
    if (!effects.add(row)) {
      throw new Violation("nothing takes effect twice", row);
    }
    GlobalStatus status = world.status(row.gid().value());
    // A run of a workflow may not know yet that another one has ended it.
    boolean mayBeLate = type == TransType.WORKFLOW || world.invariants.isForced(row.gid());
    if (status.isFinal() && !mayBeLate) {
      throw new Violation("nothing takes effect in what has ended", status + ": " + row);
    }
    if (has(row.gid(), row.branchId(), SECOND) && has(row.gid(), row.branchId(), BACKWARD)) {
      throw new Violation("confirm xor cancel, commit xor rollback", row);
    }
  }

  /** Changes a balance; what is only tried, or prepared, changes none. */
  private void move(TransType type, Row row, long amount) {
    boolean triedFirst = type == TransType.TCC || type == TransType.XA;
    if (BACKWARD.contains(row.op())) {
      gain(row.gid(), triedFirst ? 0 : -amount);
    } else {
      gain(row.gid(), triedFirst && !SECOND.contains(row.op()) ? 0 : amount);
    }
  }

  private void gain(Gid gid, long amount) {
    gained.merge(gid, amount, Long::sum);
  }

  private boolean has(Gid gid, String branchId, Set<Op> any) {
    return any.stream().anyMatch(op -> effects.contains(new Row(gid, branchId, op)));
  }

  /** Ends the local transaction of a message in this way, unless it has ended already. */
  private Local localOf(Gid gid, Local unlessEnded) {
    Local before = locals.putIfAbsent(gid, unlessEnded);
    return before == null ? unlessEnded : before;
  }

  /**
   * A client ends the local transaction of a message, unless a check-back was faster.
   *
   * @param amount what an account of its own gains by it
   */
  Local endLocal(Gid gid, Local wanted, long amount) {
    boolean moves = !locals.containsKey(gid) && wanted == Local.COMMITTED;
    if (moves) {
      gain(gid, amount);
    }
    return localOf(gid, wanted);
  }

  private static boolean isNeverCalled(Stored stored, String branchId) {
    return stored.transaction().branches().stream()
        .anyMatch(branch -> branch.url().isEmpty() && branch.key().branchId().equals(branchId));
  }

  /** All or nothing: what must have taken effect when a transaction has ended. */
  void check(Stored stored) {
    Gid gid = stored.transaction().gid();
    if (world.invariants.isForced(gid)) {
      return;
    }
    TransType type = stored.transaction().definition().type();
    boolean succeeded = stored.transaction().status() == GlobalStatus.SUCCEED;
    for (Branch branch : stored.transaction().branches()) {
      String id = branch.key().branchId();
      boolean done = effects.contains(new Row(gid, id, firstOf(type)));
      boolean second = has(gid, id, SECOND);
      boolean undone = has(gid, id, BACKWARD);
      boolean needsSecond = SECOND.contains(branch.key().op());
      if (id.equals(Workflows.DECISION) || isNeverCalled(stored, id)) {
        continue;
      }
      if (succeeded ? !done || undone || (needsSecond && !second) : done != undone || second) {
        throw new Violation("all or nothing", branch.key() + " of " + stored);
      }
    }
    if (gained.getOrDefault(gid, 0L) != 0) {
      throw new Violation("the sum of all money stays the same", gained.get(gid) + " by " + stored);
    }
    Local local = locals.get(gid);
    if (local != null && succeeded != (local == Local.COMMITTED)) {
      throw new Violation(
          "a message is delivered if and only if its local transaction is committed",
          local + ": " + stored);
    }
  }
}
