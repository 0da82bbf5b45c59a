package io.dtm4j.coordinator;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Guard;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.TransType;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What must hold of sagas: docs/spec/transactions.md 4. */
final class SagaInvariants {
  private SagaInvariants() {}

  static List<Invariant> all(StoreTime storeTime) {
    return List.of(
        new OldSagasRollBack(storeTime),
        new SagasRollBackForAReason(storeTime),
        new RetryLimitHolds(),
        new NoActionAfterItsCompensation(),
        new CompensationAwaitsItsAction(),
        new CompensationsGoBackward());
  }

  private static final class OldSagasRollBack extends Invariant {
    private final StoreTime time;
    private final Map<Gid, Stored> newest = new HashMap<>();

    OldSagasRollBack(StoreTime time) {
      super(
          "a saga that is older than its TimeoutToFail goes forward no more, nor rests beyond it");
      this.time = time;
    }

    @Override
    void changed(Change change) {
      newest.put(change.gid(), change.now());
      if (change.cause() == SharedStore.Cause.PASS && !change.now().owner().isHeld()) {
        Instant end = endOf(change.now());
        check(end == null || !nextTime(change.now()).isAfter(end), change);
      }
    }

    @Override
    void handedOver(Server server, Batch batch) {
      Stored before = newest.get(batch.gid());
      if (batch.guard() instanceof Guard.HeldBy
          && before != null
          && batch.applyTo(before) instanceof Batch.Applied.Changed(Stored after)) {
        Instant end = endOf(after);
        check(end == null || time.instant().isBefore(end.plus(time.uncertainty())), after);
      }
    }

    /** Until when it may go forward; null: it does not, or may for ever. */
    private static @Nullable Instant endOf(Stored stored) {
      Transaction transaction = stored.transaction();
      return transaction.definition().type() == TransType.SAGA
              && transaction.status() == GlobalStatus.SUBMITTED
          ? timeoutOf(transaction)
          : null;
    }
  }

  private static final class SagasRollBackForAReason extends Invariant {
    private final StoreTime time;

    SagasRollBackForAReason(StoreTime time) {
      super(
          "a saga rolls back only when an action is refused, or its time or its repeats are over");
      this.time = time;
    }

    @Override
    void changed(Change change) {
      Transaction now = change.now().transaction();
      if (now.definition().type() != TransType.SAGA
          || now.status() != GlobalStatus.ABORTING
          || change.before() == null
          || change.before().transaction().status() != GlobalStatus.SUBMITTED) {
        return;
      }
      boolean refused =
          now.branches().stream().anyMatch(branch -> branch.status() == BranchStatus.FAILED);
      Instant end = timeoutOf(now);
      boolean old = end != null && !time.instant().plus(time.uncertainty()).isBefore(end);
      long limit = now.definition().options().retryLimit();
      boolean usedUp = limit > 0 && now.state().extra().retryCount() >= limit;
      check(refused || old || usedUp, change);
    }
  }

  private static final class RetryLimitHolds extends Invariant {
    private static final class Calls {
      final Set<Integer> rows = new HashSet<>();
      int repeats;
    }

    private final Map<LivePass, Calls> actions = new HashMap<>();

    RetryLimitHolds() {
      super("repeats of actions are counted for good before they leave, up to the RetryLimit");
    }

    @Override
    void leaves(Departure departure) {
      if (departure.isOf(TransType.SAGA) && departure.isAction()) {
        Calls calls = actions.computeIfAbsent(departure.pass(), _ -> new Calls());
        if (!calls.rows.add(departure.call().row())) {
          calls.repeats++;
        }
        long limit = departure.transaction().definition().options().retryLimit();
        long counted = departure.transaction().state().extra().retryCount();
        check(limit == 0 || calls.repeats <= limit, departure);
        check(limit == 0 || !departure.isOfItsHolder() || calls.repeats <= counted, departure);
      }
    }

    @Override
    void changed(Change change) {
      if (change.before() != null) {
        State before = change.before().transaction().state();
        State now = change.now().transaction().state();
        check(now.extra().retryCount() >= before.extra().retryCount(), change);
      }
    }
  }

  private static final class NoActionAfterItsCompensation extends Invariant {
    private record Step(Server server, Gid gid, int step) {}

    private final Set<Step> compensated = new HashSet<>();

    NoActionAfterItsCompensation() {
      super("no server starts an action that it knows to be compensated");
    }

    @Override
    void leaves(Departure departure) {
      if (!departure.isOf(TransType.SAGA)) {
        return;
      }
      var step = new Step(departure.server(), departure.gid(), departure.step());
      if (departure.isAction()) {
        check(!compensated.contains(step), departure);
      } else {
        compensated.add(step);
      }
    }
  }

  private static final class CompensationAwaitsItsAction extends Invariant {
    private record Action(LivePass pass, int step) {}

    private final Set<Action> inFlight = new HashSet<>();

    CompensationAwaitsItsAction() {
      super("an action whose call is in flight is not compensated by the same pass");
    }

    private static Action action(Departure departure) {
      return new Action(departure.pass(), departure.step());
    }

    @Override
    void leaves(Departure departure) {
      if (departure.isOf(TransType.SAGA)) {
        if (departure.isAction()) {
          inFlight.add(action(departure));
        } else {
          check(!inFlight.contains(action(departure)), departure);
        }
      }
    }

    @Override
    void ended(Departure departure) {
      if (departure.isOf(TransType.SAGA) && departure.isAction()) {
        inFlight.remove(action(departure));
      }
    }
  }

  private static final class CompensationsGoBackward extends Invariant {
    private final Map<Gid, Set<Integer>> actionsSent = new HashMap<>();

    CompensationsGoBackward() {
      super("a step is compensated only after those that came after it");
    }

    @Override
    void deleted(Gid gid) {
      actionsSent.remove(gid);
    }

    @Override
    void leaves(Departure departure) {
      if (!departure.isOf(TransType.SAGA)) {
        return;
      }
      Set<Integer> sent = actionsSent.computeIfAbsent(departure.gid(), _ -> new HashSet<>());
      if (departure.isAction()) {
        sent.add(departure.step());
      } else if (departure.isOfItsHolder()) {
        Transaction transaction = departure.transaction();
        for (int later : sent) {
          boolean follows = before(transaction.definition(), later).contains(departure.step());
          check(!follows || isDone(transaction, 2 * later), departure);
        }
      }
    }
  }

  /** When a transaction is too old; null: never. */
  private static @Nullable Instant timeoutOf(Transaction transaction) {
    long timeout = transaction.definition().options().timeoutToFail();
    return timeout == 0 ? null : transaction.definition().createTime().plusSeconds(timeout);
  }
}
