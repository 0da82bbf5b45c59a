package io.dtm4j.store.redis;

import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.store.ExtraJson;
import io.dtm4j.store.Listed;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The fields of the hash that a transaction is, beside its {@link Head}: what was asked for,
 * written once; what changes; and its branch rows as they were registered, each written once, too.
 * A payload that rows one after another share (all rows of a step do) is stored once and shared
 * again when it is read. How far the rows have come stands with what changes.
 */
final class Rows {
  static final String HEAD = "h";
  static final String STATE = "s";
  static final String DEFINITION = "d";

  /** Then the place of the first of the rows in this field. */
  private static final char BRANCHES = 'b';

  private static final int VERSION = 1;

  private static final int WAIT_RESULT = 1;
  private static final int CONCURRENT = 2;

  /** Their places are stored: only append. */
  private static final List<BranchStatus> BRANCH_STATUSES =
      List.of(BranchStatus.PREPARED, BranchStatus.SUCCEED, BranchStatus.FAILED);

  private static final int STATUS_OF_BRANCH = 3;
  private static final int FINISHED = 4;
  private static final int FINISHED_AT_UPDATE = 8;

  private Rows() {}

  /** What has come of a row since it was registered. */
  private record Progress(BranchStatus status, @Nullable Instant finishTime) {}

  /** A state without what stands in the head, and what has come of the rows. */
  private record StateRow(
      Duration interval,
      Instant updateTime,
      String reason,
      String result,
      String extra,
      List<Progress> progress) {}

  static String branches(int first) {
    return BRANCHES + Integer.toString(first);
  }

  static byte[] writeDefinition(Definition definition) {
    Options options = definition.options();
    RowOutput row =
        new RowOutput()
            .code(VERSION)
            .text(definition.protocol())
            .text(definition.queryPrepared())
            .text(definition.customData())
            .code(
                (options.waitResult() ? WAIT_RESULT : 0) | (options.concurrent() ? CONCURRENT : 0))
            .signed(options.timeoutToFail())
            .signed(options.requestTimeout())
            .signed(options.retryInterval())
            .signed(options.retryLimit())
            .number(options.branchHeaders().size());
    options.branchHeaders().forEach((name, value) -> row.text(name).text(value));
    return row.toBytes();
  }

  private static Definition readDefinition(Head head, byte[] bytes) {
    var row = new RowInput(bytes, VERSION);
    String protocol = row.text();
    String queryPrepared = row.text();
    String customData = row.text();
    int flags = row.code();
    long timeoutToFail = row.signed();
    long requestTimeout = row.signed();
    long retryInterval = row.signed();
    long retryLimit = row.signed();
    var headers = new HashMap<String, String>();
    for (int count = row.count(); count > 0; count--) {
      String name = row.text();
      headers.put(name, row.text());
    }
    var options =
        new Options(
            (flags & WAIT_RESULT) != 0,
            timeoutToFail,
            requestTimeout,
            retryInterval,
            headers,
            (flags & CONCURRENT) != 0,
            retryLimit);
    return new Definition(
        head.type(), protocol, queryPrepared, customData, options, head.createTime());
  }

  static byte[] writeState(Transaction transaction) {
    State state = transaction.state();
    RowOutput row =
        new RowOutput()
            .code(VERSION)
            .duration(state.schedule().interval())
            .time(state.updateTime())
            .text(state.reason())
            .text(state.result())
            .text(ExtraJson.write("", state.extra()))
            .number(transaction.branches().size());
    for (Branch branch : transaction.branches()) {
      int status = BRANCH_STATUSES.indexOf(branch.status());
      Instant finishTime = branch.finishTime();
      if (finishTime == null) {
        row.code(status);
      } else if (finishTime.equals(state.updateTime())) {
        row.code(status | FINISHED_AT_UPDATE);
      } else {
        row.code(status | FINISHED).time(finishTime);
      }
    }
    return row.toBytes();
  }

  private static StateRow readState(byte[] bytes) {
    var row = new RowInput(bytes, VERSION);
    Duration interval = row.duration();
    Instant updateTime = row.time();
    String reason = row.text();
    String result = row.text();
    String extra = row.text();
    var progress = new ArrayList<Progress>();
    for (int count = row.count(); count > 0; count--) {
      int code = row.code();
      Instant finishTime =
          (code & FINISHED) != 0
              ? row.time()
              : (code & FINISHED_AT_UPDATE) != 0 ? updateTime : null;
      progress.add(new Progress(BRANCH_STATUSES.get(code & STATUS_OF_BRANCH), finishTime));
    }
    return new StateRow(interval, updateTime, reason, result, extra, progress);
  }

  static byte[] writeBranches(List<Branch> branches, Instant createTime) {
    RowOutput row = new RowOutput().code(VERSION).number(branches.size());
    Payload last = Payload.EMPTY;
    for (Branch branch : branches) {
      row.text(branch.key().branchId()).text(branch.key().op().wireName()).text(branch.url());
      if (branch.payload().equals(last)) {
        row.code(0);
      } else {
        last = branch.payload();
        row.code(1).bytes(last.bytes());
      }
      row.time(branch.createTime(), createTime);
    }
    return row.toBytes();
  }

  private static void readBranches(byte[] bytes, StateRow state, Instant created, List<Branch> to) {
    var row = new RowInput(bytes, VERSION);
    Payload payload = Payload.EMPTY;
    for (int count = row.count(); count > 0; count--) {
      String branchId = row.text();
      var key = new BranchKey(branchId, Op.of(row.text()));
      String url = row.text();
      payload = row.code() == 0 ? payload : Payload.of(row.bytes());
      Instant createTime = row.time(created);
      Progress now = state.progress.get(to.size());
      to.add(new Branch(key, url, payload, now.status, createTime, now.finishTime));
    }
  }

  /**
   * A transaction with all that belongs to it.
   *
   * @param hash the whole hash, not empty
   * @throws BrokenRecordException when it makes no sense
   */
  static Seen.Whole read(Gid gid, Map<byte[], byte[]> hash) {
    try {
      var fields = new HashMap<String, byte[]>();
      var branchFields = new TreeMap<Integer, byte[]>();
      hash.forEach(
          (name, value) -> {
            String field = Texts.text(name);
            if (field.charAt(0) == BRANCHES) {
              branchFields.put(Integer.valueOf(field.substring(1)), value);
            } else {
              fields.put(field, value);
            }
          });
      byte[] headBytes = present(fields.get(HEAD));
      Head head = Head.read(headBytes);
      StateRow state = readState(present(fields.get(STATE)));
      var branches = new ArrayList<Branch>(state.progress.size());
      for (Map.Entry<Integer, byte[]> entry : branchFields.entrySet()) {
        if (entry.getKey() != branches.size()) {
          throw new IllegalStateException("rows are missing before row " + entry.getKey());
        }
        readBranches(entry.getValue(), state, head.createTime(), branches);
      }
      if (branches.size() != state.progress.size()) {
        throw new IllegalStateException(
            branches.size() + " rows (expected: " + state.progress.size() + ")");
      }
      var transaction =
          new Transaction(
              gid,
              readDefinition(head, present(fields.get(DEFINITION))),
              state(head, state),
              branches);
      return new Seen.Whole(new Bytes(headBytes), head, new Stored(transaction, head.owner()));
    } catch (RuntimeException e) {
      throw new BrokenRecordException("transaction " + gid + " cannot be read", e);
    }
  }

  /**
   * A transaction without its rows.
   *
   * @throws BrokenRecordException when it makes no sense
   */
  static Listed readListed(Gid gid, byte[] headBytes, byte[] definition, byte[] state) {
    try {
      Head head = Head.read(headBytes);
      return new Listed(
          gid, readDefinition(head, definition), state(head, readState(state)), head.owner());
    } catch (RuntimeException e) {
      throw new BrokenRecordException("transaction " + gid + " cannot be read", e);
    }
  }

  private static State state(Head head, StateRow row) {
    return new State(
        head.status(),
        row.reason,
        row.result,
        row.updateTime,
        head.endTime(),
        new Schedule(row.interval, head.nextTime()),
        ExtraJson.read(row.extra));
  }

  private static byte[] present(byte @Nullable [] field) {
    if (field == null) {
      throw new IllegalStateException("a field is missing");
    }
    return field;
  }
}
