package io.dtm4j.store.rocksdb;

import io.dtm4j.model.Branch;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.ExtraJson;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What changes of a transaction: small, because it is written with every batch. About 100 bytes,
 * most of them the token; one byte for an open row, one or eight for a row that is done.
 *
 * @param progress what became of each row
 */
record StateRow(Owner owner, State state, List<Progress> progress) {
  private static final int VERSION = 1;

  /** Their places are stored: only append. */
  static final List<GlobalStatus> STATUSES =
      List.of(
          GlobalStatus.PREPARED,
          GlobalStatus.SUBMITTED,
          GlobalStatus.ABORTING,
          GlobalStatus.SUCCEED,
          GlobalStatus.FAILED);

  /** Their places are stored: only append, at most four. */
  private static final List<BranchStatus> BRANCH_STATUSES =
      List.of(BranchStatus.PREPARED, BranchStatus.SUCCEED, BranchStatus.FAILED);

  /** Their places are stored: only append. */
  private static final List<Owner.Mark> MARKS =
      List.of(Owner.Mark.LEASED, Owner.Mark.RESTING, Owner.Mark.LOOK_AGAIN);

  private static final int STATUS_OF_BRANCH = 3;
  private static final int NO_TIME = 0;
  private static final int TIME_OF_UPDATE = 4;
  private static final int OTHER_TIME = 8;

  /**
   * What became of a row.
   *
   * @param finishTime null while it has no definite answer
   */
  record Progress(BranchStatus status, @Nullable Instant finishTime) {
    static final Progress NONE = new Progress(BranchStatus.PREPARED, null);

    Branch of(Branch branch) {
      return new Branch(
          branch.key(), branch.url(), branch.payload(), status, branch.createTime(), finishTime);
    }
  }

  static byte[] write(RowWriter writer, Stored stored) {
    Owner owner = stored.owner();
    State state = stored.transaction().state();
    Instant updateTime = state.updateTime();
    writer
        .clear()
        .code(VERSION)
        .code(STATUSES.indexOf(state.status()))
        .code(MARKS.indexOf(owner.mark()))
        .text(owner.server())
        .text(owner.claim())
        .number(owner.revision())
        .time(state.schedule().nextTime())
        .duration(state.schedule().interval())
        .time(updateTime);
    writeEnd(writer, 0, state.endTime(), updateTime);
    writer.text(state.reason()).text(state.result()).text(ExtraJson.write("", state.extra()));
    List<Branch> branches = stored.transaction().branches();
    writer.number(branches.size());
    for (Branch branch : branches) {
      int status = BRANCH_STATUSES.indexOf(branch.status());
      writeEnd(writer, status, branch.finishTime(), updateTime);
    }
    return writer.copy();
  }

  /** A code with a time of end: none, or most often that of the update. */
  private static void writeEnd(
      RowWriter writer, int code, @Nullable Instant end, Instant updateTime) {
    if (end == null) {
      writer.code(code | NO_TIME);
    } else if (end.equals(updateTime)) {
      writer.code(code | TIME_OF_UPDATE);
    } else {
      writer.code(code | OTHER_TIME).time(end);
    }
  }

  private static @Nullable Instant readEnd(int code, RowReader reader, Instant updateTime) {
    return switch (code & ~STATUS_OF_BRANCH) {
      case NO_TIME -> null;
      case TIME_OF_UPDATE -> updateTime;
      default -> reader.time();
    };
  }

  static StateRow read(byte[] row) {
    RowReader reader = RowReader.of(row, VERSION);
    GlobalStatus status = STATUSES.get(reader.code());
    Owner owner = readOwner(reader);
    Instant nextTime = reader.time();
    Duration interval = reader.duration();
    Instant updateTime = reader.time();
    Instant endTime = readEnd(reader.code(), reader, updateTime);
    String reason = reader.text();
    String result = reader.text();
    String extra = reader.text();
    int rows = reader.count();
    var progress = new ArrayList<Progress>(rows);
    for (int i = 0; i < rows; i++) {
      int code = reader.code();
      BranchStatus branch = BRANCH_STATUSES.get(code & STATUS_OF_BRANCH);
      progress.add(
          code == 0 ? Progress.NONE : new Progress(branch, readEnd(code, reader, updateTime)));
    }
    return new StateRow(
        owner,
        new State(
            status,
            reason,
            result,
            updateTime,
            endTime,
            new Schedule(interval, nextTime),
            ExtraJson.read(extra)),
        progress);
  }

  /** Only the status. */
  static GlobalStatus readStatus(byte[] row) {
    RowReader reader = RowReader.of(row, VERSION);
    return STATUSES.get(reader.code());
  }

  /** Only what the due index needs beside its key. */
  static Due readDue(Gid gid, byte[] row) {
    RowReader reader = RowReader.of(row, VERSION);
    reader.code();
    Owner owner = readOwner(reader);
    return new Due(gid, owner, reader.time());
  }

  private static Owner readOwner(RowReader reader) {
    Owner.Mark mark = MARKS.get(reader.code());
    String server = reader.text();
    String claim = reader.text();
    return new Owner(mark, server, claim, reader.number());
  }

  /**
   * The transaction.
   *
   * @param branches its rows as they were registered, exactly as many as this knows of
   */
  Stored with(Gid gid, Definition definition, List<Branch> branches) {
    if (branches.size() != progress.size()) {
      throw new IllegalStateException(
          branches.size() + " rows are defined (expected: " + progress.size() + ")");
    }
    var now = new ArrayList<Branch>(branches);
    for (int i = 0; i < now.size(); i++) {
      Progress row = progress.get(i);
      if (!row.equals(Progress.NONE)) {
        now.set(i, row.of(now.get(i)));
      }
    }
    return new Stored(new Transaction(gid, definition, state, now), owner);
  }
}
