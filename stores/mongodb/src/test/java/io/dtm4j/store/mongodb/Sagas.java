package io.dtm4j.store.mongodb;

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
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** Sagas of one step, and what is written of them. */
final class Sagas {
  static final Instant PAST = Instant.parse("2020-05-17T08:30:00.123Z");
  static final Instant FUTURE = Instant.parse("2100-01-01T00:00:00.500Z");

  private Sagas() {}

  static Owner claim(String claim) {
    return new Owner(Owner.Mark.LEASED, "server-1", claim, 1);
  }

  static Transaction saga(String gid, Instant nextTime) {
    var definition = new Definition(TransType.SAGA, "http", "", "", Options.DEFAULTS, PAST);
    var state =
        new State(
            GlobalStatus.SUBMITTED,
            "",
            "",
            PAST,
            null,
            new Schedule(Duration.ofSeconds(10), nextTime),
            Extra.NONE);
    return new Transaction(
        new Gid(gid), definition, state, List.of(row("01", Op.COMPENSATE), row("01", Op.ACTION)));
  }

  static Branch row(String branchId, Op op) {
    return Branch.open(new BranchKey(branchId, op), "http://host/", Payload.of("{}"), PAST);
  }

  static Transaction withRows(Transaction saga, List<Branch> rows) {
    return new Transaction(saga.gid(), saga.definition(), saga.state(), rows);
  }

  static Transaction withData(Transaction saga, int length) {
    Definition was = saga.definition();
    var definition =
        new Definition(
            was.type(), was.protocol(), "", "x".repeat(length), was.options(), was.createTime());
    return new Transaction(saga.gid(), definition, saga.state(), saga.branches());
  }

  static Batch saveNew(Transaction transaction, Owner owner) {
    return new Batch(
        transaction.gid(), Guard.Absent.INSTANCE, owner, List.of(new Write.SaveNew(transaction)));
  }

  /** Registers a row. */
  static Batch step(String gid, String branchId) {
    return new Batch(
        new Gid(gid),
        new Guard.InStatus(GlobalStatus.SUBMITTED, null, PAST),
        null,
        List.of(new Write.AddBranches(List.of(row(branchId, Op.ACTION)))));
  }

  /** The end that the pass of that claim writes with its next revision. */
  static Batch end(String gid, Owner held) {
    return new Batch(
        new Gid(gid),
        new Guard.HeldBy(GlobalStatus.SUBMITTED, held),
        held.next(Owner.Mark.RESTING),
        List.of(new Write.SetStatus(GlobalStatus.SUCCEED, null, null, PAST)));
  }
}
