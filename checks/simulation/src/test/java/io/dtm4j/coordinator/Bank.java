package io.dtm4j.coordinator;

import io.dtm4j.engine.Call;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.HttpAnswers;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Participants behind a barrier (docs/spec/barrier.md 2.3): each call may be refused, forgotten,
 * slow or answered wrongly, until the bank is told to be good. What takes effect, and the money
 * that it moves, is looked at by the {@link BankInvariants}: the amounts of the branches of a
 * transaction come to nothing.
 */
final class Bank implements Participants {
  /** What the client of a TCC calls itself. */
  private static final Op TRY = Op.of("try");

  /** What a client makes of no answer. */
  static final BranchAnswer UNHEARD = new BranchAnswer.Unknown("out of patience");

  /** Answers that say nothing, each in its turn: an error, a page of a proxy, a way elsewhere. */
  private static final List<BranchAnswer> WRONG =
      List.of(
          HttpAnswers.classify(500, "broken"),
          HttpAnswers.classify(502, "<html>bad gateway</html>"),
          HttpAnswers.classify(302, ""),
          HttpAnswers.classify(404, "{\"message\":\"no such"),
          HttpAnswers.classify(204, ""));

  /** What a client's local transaction has come to (docs/spec/transactions.md 7.3). */
  enum Local {
    COMMITTED,
    ROLLED_BACK
  }

  /** A row of the barrier. */
  record Row(Gid gid, String branchId, Op op) {}

  private final List<BankInvariants.OfBank> invariants;
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
  private int wrongAnswers;

  /**
   * @param repeats the chance by which actions are refused at a repeat
   */
  Bank(World world, SplittableRandom chance, SplittableRandom repeats, Faults faults, Trace trace) {
    this.world = world;
    invariants = BankInvariants.all(world, this);
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
      case 1 -> answer.accept(wrong());
      case 2 -> {
        var _ = execution.get();
        answer.accept(wrong());
      }
      case 3 -> {
        var _ = execution.get(); // and never answers
      }
      default ->
          world.time.after(
              Duration.ofMillis(chance.nextLong(9_000)), () -> answer.accept(execution.get()));
    }
  }

  private BranchAnswer wrong() {
    return WRONG.get(wrongAnswers++ % WRONG.size());
  }

  /** What the handler of a participant does, barrier included, in one local transaction. */
  private BranchAnswer execute(TransType type, Row row, long amount) {
    boolean backward = Invariant.BACKWARD.contains(row.op());
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

  /** The op that a branch begins with. */
  static Op firstOf(TransType type) {
    return type == TransType.TCC ? TRY : Op.ACTION;
  }

  private void takeEffect(TransType type, Row row) {
    trace.add("effect " + row);
    invariants.forEach(one -> one.takesEffect(type, row));
    effects.add(row);
  }

  /** Changes a balance; what is only tried, or prepared, changes none. */
  private void move(TransType type, Row row, long amount) {
    boolean triedFirst = type == TransType.TCC || type == TransType.XA;
    if (Invariant.BACKWARD.contains(row.op())) {
      gain(row.gid(), triedFirst ? 0 : -amount);
    } else {
      gain(row.gid(), triedFirst && row.op().equals(firstOf(type)) ? 0 : amount);
    }
  }

  private void gain(Gid gid, long amount) {
    invariants.forEach(one -> one.gained(gid, amount));
  }

  /** Whether any of these has taken effect. */
  boolean hasEffect(Gid gid, String branchId, Set<Op> any) {
    return any.stream().anyMatch(op -> effects.contains(new Row(gid, branchId, op)));
  }

  /** Ends the local transaction of a message in this way, unless it has ended already. */
  private Local localOf(Gid gid, Local unlessEnded) {
    Local before = locals.putIfAbsent(gid, unlessEnded);
    if (before != null) {
      return before;
    }
    invariants.forEach(one -> one.localEnded(gid, unlessEnded));
    return unlessEnded;
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

  /** All is over: what must have taken effect of a transaction. */
  void check(Stored stored) {
    if (!world.invariants.isForced(stored.transaction().gid())) {
      invariants.forEach(one -> one.over(stored));
    }
  }
}
