package io.dtm4j.coordinator;

import io.dtm4j.model.Branch;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.TransType;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What must hold of what takes effect at a {@link Bank}, and of all that has when transactions have
 * ended. The barrier of the bank keeps two of them, as that of a participant does: a transaction
 * manager may repeat, and be late.
 */
final class BankInvariants {
  private static final Set<Op> SECOND = Set.of(Op.CONFIRM, Op.COMMIT);

  private BankInvariants() {}

  static List<OfBank> all(World world, Bank bank) {
    return List.of(
        new NothingTwice(),
        new NothingAfterItsCompensation(bank),
        new NothingInWhatHasEnded(world),
        new OneDirection(bank),
        new AllOrNothing(bank),
        new MoneyStays(),
        new DeliveredIfCommitted());
  }

  /** One of them. */
  abstract static class OfBank extends Invariant {
    OfBank(String rule) {
      super(rule);
    }

    /** Something takes effect; asked before the bank knows of it. */
    void takesEffect(TransType type, Bank.Row row) {}

    /** The local transaction of a message has ended. */
    void localEnded(Gid gid, Bank.Local local) {}

    /** An account has gained something. */
    void gained(Gid gid, long amount) {}

    /** All is over: what must have taken effect of a transaction that nobody forced to end. */
    void over(Stored stored) {}
  }

  private static final class NothingTwice extends OfBank {
    private final Set<Bank.Row> effects = new HashSet<>();

    NothingTwice() {
      super("nothing takes effect twice");
    }

    @Override
    void takesEffect(TransType type, Bank.Row row) {
      check(effects.add(row), row);
    }
  }

  private static final class NothingAfterItsCompensation extends OfBank {
    private final Bank bank;

    NothingAfterItsCompensation(Bank bank) {
      super("nothing takes effect after its compensation");
      this.bank = bank;
    }

    @Override
    void takesEffect(TransType type, Bank.Row row) {
      check(
          BACKWARD.contains(row.op()) || !bank.hasEffect(row.gid(), row.branchId(), BACKWARD), row);
    }
  }

  private static final class NothingInWhatHasEnded extends OfBank {
    private final World world;

    NothingInWhatHasEnded(World world) {
      super("nothing takes effect in what has ended");
      this.world = world;
    }

    @Override
    void takesEffect(TransType type, Bank.Row row) {
      GlobalStatus status = world.status(row.gid().value());
      // A run of a workflow may not know yet that another one has ended it.
      boolean mayBeLate = type == TransType.WORKFLOW || world.invariants.isForced(row.gid());
      check(mayBeLate || !status.isFinal(), status + ": " + row);
    }
  }

  private static final class OneDirection extends OfBank {
    private final Bank bank;

    OneDirection(Bank bank) {
      super("confirm xor cancel, commit xor rollback");
      this.bank = bank;
    }

    @Override
    void takesEffect(TransType type, Bank.Row row) {
      Set<Op> other =
          BACKWARD.contains(row.op()) ? SECOND : SECOND.contains(row.op()) ? BACKWARD : Set.of();
      check(!bank.hasEffect(row.gid(), row.branchId(), other), row);
    }
  }

  private static final class AllOrNothing extends OfBank {
    private final Bank bank;

    AllOrNothing(Bank bank) {
      super("all or nothing");
      this.bank = bank;
    }

    @Override
    void over(Stored stored) {
      Gid gid = stored.transaction().gid();
      Set<Op> first = Set.of(Bank.firstOf(stored.transaction().definition().type()));
      boolean succeeded = stored.transaction().status() == GlobalStatus.SUCCEED;
      for (Branch branch : stored.transaction().branches()) {
        String id = branch.key().branchId();
        if (id.equals(Workflows.DECISION) || isNeverCalled(stored, id)) {
          continue;
        }
        boolean done = bank.hasEffect(gid, id, first);
        boolean confirmed = bank.hasEffect(gid, id, SECOND);
        boolean undone = bank.hasEffect(gid, id, BACKWARD);
        boolean needsSecond = SECOND.contains(branch.key().op());
        check(
            succeeded
                ? done && !undone && (confirmed || !needsSecond)
                : done == undone && !confirmed,
            branch.key() + " of " + stored);
      }
    }

    private static boolean isNeverCalled(Stored stored, String branchId) {
      return stored.transaction().branches().stream()
          .anyMatch(branch -> branch.url().isEmpty() && branch.key().branchId().equals(branchId));
    }
  }

  private static final class MoneyStays extends OfBank {
    /** What all accounts have gained by a transaction. */
    private final Map<Gid, Long> gained = new HashMap<>();

    MoneyStays() {
      super("the sum of all money stays the same");
    }

    @Override
    void gained(Gid gid, long amount) {
      gained.merge(gid, amount, Long::sum);
    }

    @Override
    void over(Stored stored) {
      long sum = gained.getOrDefault(stored.transaction().gid(), 0L);
      check(sum == 0, sum + " by " + stored);
    }
  }

  private static final class DeliveredIfCommitted extends OfBank {
    private final Map<Gid, Bank.Local> locals = new HashMap<>();

    DeliveredIfCommitted() {
      super("a message is delivered if and only if its local transaction is committed");
    }

    @Override
    void localEnded(Gid gid, Bank.Local local) {
      locals.put(gid, local);
    }

    @Override
    void over(Stored stored) {
      Bank.Local local = locals.get(stored.transaction().gid());
      boolean succeeded = stored.transaction().status() == GlobalStatus.SUCCEED;
      check(local == null || succeeded == (local == Bank.Local.COMMITTED), local + ": " + stored);
    }
  }
}
