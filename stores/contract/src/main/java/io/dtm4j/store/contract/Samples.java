package io.dtm4j.store.contract;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TraceContext;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * Records and batches to try a store with. Everything has happened in the past, because the clock
 * of a store never starts behind the newest time it holds; only due times lie in the future. They
 * are whole seconds; what is a little later is so by ticks ({@link OpenStore#ticks}).
 */
final class Samples {
  static final Instant PAST = Instant.parse("2020-05-17T08:30:00Z");
  static final Instant FUTURE = Instant.parse("2100-01-01T00:00:00Z");
  static final Duration INTERVAL = Duration.ofSeconds(10);
  static final Definition DEFINITION =
      new Definition(TransType.SAGA, "http", "", "", Options.DEFAULTS, PAST);
  static final TraceContext TRACE =
      new TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=1,b=\"2\"");

  private Samples() {}

  /** The first token of a claim, leased. */
  static Owner claim(String claim) {
    return new Owner(Owner.Mark.LEASED, "server-1", claim, 1);
  }

  /** A saga of two steps, four rows. */
  static Transaction saga(String gid, GlobalStatus status, Instant nextTime) {
    return new Transaction(
        new Gid(gid),
        DEFINITION,
        state(status, nextTime),
        List.of(
            row("01", Op.COMPENSATE),
            row("01", Op.ACTION),
            row("02", Op.COMPENSATE),
            row("02", Op.ACTION)));
  }

  /** A transaction that begins without rows, as those that register theirs later. */
  static Transaction empty(String gid, GlobalStatus status, Instant nextTime) {
    return new Transaction(new Gid(gid), DEFINITION, state(status, nextTime), List.of());
  }

  static State state(GlobalStatus status, Instant nextTime) {
    return new State(
        status,
        "",
        "",
        PAST,
        status.isFinal() ? PAST : null,
        new Schedule(INTERVAL, nextTime),
        Extra.NONE);
  }

  static Branch row(String branchId, Op op) {
    return row(branchId, op, "payload of " + branchId);
  }

  static Branch row(String branchId, Op op, String payload) {
    return Branch.open(
        new BranchKey(branchId, op), "http://host/" + op + branchId, Payload.of(payload), PAST);
  }

  static Batch saveNew(Transaction transaction, Owner owner) {
    return new Batch(
        transaction.gid(), Guard.Absent.INSTANCE, owner, List.of(new Write.SaveNew(transaction)));
  }

  /** A batch of the pass that made the record as it is; its token is the next one of the claim. */
  static Batch ofPass(Stored stored, Write... writes) {
    return ofPass(stored, stored.owner().next(Owner.Mark.LEASED), writes);
  }

  static Batch ofPass(Stored stored, Owner next, Write... writes) {
    Transaction transaction = stored.transaction();
    return new Batch(
        transaction.gid(),
        new Guard.HeldBy(transaction.status(), stored.owner()),
        next,
        List.of(writes));
  }

  /** A command that touches neither claim nor revision. */
  static Batch command(String gid, GlobalStatus expected, Write... writes) {
    return new Batch(new Gid(gid), new Guard.InStatus(expected, null, PAST), null, List.of(writes));
  }

  /** A command that takes the record over. */
  static Batch takeOver(String gid, GlobalStatus expected, Owner owner, Write... writes) {
    return new Batch(
        new Gid(gid), new Guard.InStatus(expected, null, PAST), owner, List.of(writes));
  }

  static Write addBranches(Branch... rows) {
    return new Write.AddBranches(List.of(rows));
  }

  static Write setStatus(GlobalStatus status) {
    return new Write.SetStatus(status, null, null, PAST.plusSeconds(2));
  }

  static Write setSchedule(Instant nextTime) {
    return new Write.SetSchedule(new Schedule(INTERVAL, nextTime), PAST.plusSeconds(3));
  }

  /** The record with other rows. */
  static Transaction withRows(Transaction transaction, List<Branch> rows) {
    return new Transaction(transaction.gid(), transaction.definition(), transaction.state(), rows);
  }

  static Transaction withState(Transaction transaction, State state) {
    return new Transaction(
        transaction.gid(), transaction.definition(), state, transaction.branches());
  }

  /** So many open rows, all with their own key and the same payload. */
  static List<Branch> rows(int count, Payload shared) {
    var rows = new ArrayList<Branch>();
    for (int i = 0; i < count; i++) {
      var key = new BranchKey(String.format("%05d", i), Op.ACTION);
      rows.add(Branch.open(key, "http://host/" + i, shared, PAST));
    }
    return rows;
  }
}
