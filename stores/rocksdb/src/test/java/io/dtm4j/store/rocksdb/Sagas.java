package io.dtm4j.store.rocksdb;

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
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** The three batches of a saga of two steps that goes well. */
final class Sagas {
  private static final BranchKey FIRST = new BranchKey("01", Op.ACTION);
  private static final BranchKey SECOND = new BranchKey("02", Op.ACTION);
  private static final Duration INTERVAL = Duration.ofSeconds(10);
  private static final Duration LEASE = Duration.ofSeconds(13);

  private Sagas() {}

  static Owner owner(String claim, long revision) {
    return new Owner(Owner.Mark.LEASED, "server-1", claim, revision);
  }

  /** Batch 0, 1 or 2 of that saga; its claim is named like its gid. */
  static Batch batch(String gid, int number, Instant now) {
    return switch (number) {
      case 0 -> submit(gid, now);
      case 1 ->
          new Batch(
              new Gid(gid),
              new Guard.HeldBy(GlobalStatus.SUBMITTED, owner(gid, 0)),
              owner(gid, 1),
              List.of(new Write.SetBranch(1, FIRST, BranchStatus.SUCCEED, now)));
      default ->
          new Batch(
              new Gid(gid),
              new Guard.HeldBy(GlobalStatus.SUBMITTED, owner(gid, 1)),
              owner(gid, 2),
              List.of(
                  new Write.SetBranch(3, SECOND, BranchStatus.SUCCEED, now),
                  new Write.SetStatus(GlobalStatus.SUCCEED, null, null, now)));
    };
  }

  private static Batch submit(String gid, Instant now) {
    var definition = new Definition(TransType.SAGA, "http", "", "", Options.DEFAULTS, now);
    var state =
        new State(
            GlobalStatus.SUBMITTED,
            "",
            "",
            now,
            null,
            new Schedule(INTERVAL, now.plus(LEASE)),
            Extra.NONE);
    String url = "http://127.0.0.1:8081/api/busi/";
    Payload out = Payload.of("{\"amount\":30,\"user\":\"" + gid + "\"}");
    Payload in = Payload.of("{\"amount\":30,\"user\":\"somebody else\"}");
    var rows =
        List.of(
            Branch.open(new BranchKey("01", Op.COMPENSATE), url + "TransOutRevert", out, now),
            Branch.open(FIRST, url + "TransOut", out, now),
            Branch.open(new BranchKey("02", Op.COMPENSATE), url + "TransInRevert", in, now),
            Branch.open(SECOND, url + "TransIn", in, now));
    var saga = new Transaction(new Gid(gid), definition, state, rows);
    return new Batch(
        new Gid(gid), Guard.Absent.INSTANCE, owner(gid, 0), List.of(new Write.SaveNew(saga)));
  }
}
