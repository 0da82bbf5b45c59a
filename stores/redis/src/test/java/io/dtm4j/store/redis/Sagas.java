package io.dtm4j.store.redis;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.StoreUnavailableException;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** Sagas of one step, and what becomes of them. */
final class Sagas {
  static final Instant PAST = Instant.parse("2020-05-17T08:30:00.123Z");
  static final Instant FUTURE = Instant.parse("2100-01-01T00:00:00.500Z");
  private static final long LONGEST = TimeUnit.SECONDS.toNanos(60);

  private Sagas() {}

  static Owner claim(String claim) {
    return new Owner(Owner.Mark.LEASED, "server-1", claim, 1);
  }

  static Batch save(String gid, Owner owner) {
    return save(gid, owner, FUTURE, "{}");
  }

  static Batch save(String gid, Owner owner, Instant nextTime, String payload) {
    var definition = new Definition(TransType.SAGA, "http", "", "", Options.DEFAULTS, PAST);
    var schedule = new Schedule(Duration.ofSeconds(10), nextTime);
    var state = new State(GlobalStatus.SUBMITTED, "", "", PAST, null, schedule, Extra.NONE);
    List<Branch> rows = List.of(row("01", Op.COMPENSATE, payload), row("01", Op.ACTION, payload));
    var saga = new Transaction(new Gid(gid), definition, state, rows);
    return new Batch(saga.gid(), Guard.Absent.INSTANCE, owner, List.of(new Write.SaveNew(saga)));
  }

  static Branch row(String branchId, Op op, String payload) {
    return Branch.open(new BranchKey(branchId, op), "http://host/", Payload.of(payload), PAST);
  }

  /** Registers a row. */
  static Batch register(String gid, String branchId) {
    return new Batch(
        new Gid(gid),
        new Guard.InStatus(GlobalStatus.SUBMITTED, null, PAST),
        null,
        List.of(new Write.AddBranches(List.of(row(branchId, Op.ACTION, "{}")))));
  }

  /** The next batch of the pass that holds it. */
  static Batch next(String gid, Owner held, Write... writes) {
    return new Batch(
        new Gid(gid),
        new Guard.HeldBy(GlobalStatus.SUBMITTED, held),
        held.next(Owner.Mark.LEASED),
        List.of(writes));
  }

  /** The end that the pass of that claim writes with its next revision. */
  static Batch end(String gid, Owner held) {
    return new Batch(
        new Gid(gid),
        new Guard.HeldBy(GlobalStatus.SUBMITTED, held),
        held.next(Owner.Mark.RESTING),
        List.of(new Write.SetStatus(GlobalStatus.SUCCEED, null, null, PAST)));
  }

  static void committed(TransactionStore store, Batch... group) {
    assertThat(store.commit(List.of(group)))
        .hasSize(group.length)
        .allMatch(result -> result instanceof CommitResult.Committed);
  }

  /** Sends it until its outcome is definite, as a lane does; reads, too. */
  static <T> T insist(Supplier<T> call) throws InterruptedException {
    long end = System.nanoTime() + LONGEST;
    while (true) {
      try {
        return call.get();
      } catch (OutcomeUnknownException | StoreUnavailableException e) {
        if (System.nanoTime() > end) {
          throw e;
        }
        TimeUnit.MILLISECONDS.sleep(20);
      }
    }
  }

  /** Waits until that is there. */
  static <T> T await(Supplier<Optional<T>> call) throws InterruptedException {
    long end = System.nanoTime() + LONGEST;
    while (true) {
      Optional<T> found = call.get();
      if (found.isPresent()) {
        return found.get();
      }
      assertThat(System.nanoTime()).isLessThan(end);
      TimeUnit.MILLISECONDS.sleep(20);
    }
  }
}
