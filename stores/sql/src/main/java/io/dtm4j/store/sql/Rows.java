package io.dtm4j.store.sql;

import static java.util.Comparator.comparingLong;

import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import io.dtm4j.store.ExtraJson;
import io.dtm4j.store.Listed;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Rows of DTM's tables, and what they mean. What has no column stands under the key {@code dtm4j}
 * in {@code ext_data}.
 *
 * <p>Rows one after another that share a payload (all of a step do, and all subscribers of a topic)
 * keep it once: the column of the others is null. An empty payload is an empty value.
 */
final class Rows {
  /** What {@link #readGlobal} reads, in that order. */
  static final String GLOBAL =
      "g.id, g.gid, g.trans_type, g.status, g.protocol, g.create_time, g.update_time,"
          + " g.finish_time, g.rollback_time, g.next_cron_interval, g.next_cron_time, g.owner,"
          + " g.query_prepared, g.options, g.custom_data, g.ext_data, g.result, g.rollback_reason";

  /** How many columns that are. */
  static final int GLOBAL_COLUMNS = 18;

  /** The same where rows follow that say it again: long texts come with the first row only. */
  static final String GLOBAL_ONCE = onceOnly(GLOBAL);

  /** What {@link #readBranch} reads, in that order. */
  static final String BRANCH =
      "b.ord, b.branch_id, b.op, b.status, b.url, b.bin_data, b.create_time, b.finish_time";

  /** What {@link #writeGlobal} and then {@link #writeState} write, in that order. */
  static final String GLOBAL_INSERT =
      "insert into trans_global (gid, trans_type, protocol, create_time, query_prepared,"
          + " custom_data, status, options, update_time, finish_time, rollback_time,"
          + " next_cron_interval, next_cron_time, owner, ext_data, result, rollback_reason) values ";

  static final int GLOBAL_PARAMETERS = 17;

  /** What {@link #writeState} writes, in that order. */
  static final String STATE_UPDATE =
      "update trans_global set status = ?, options = ?, update_time = ?, finish_time = ?,"
          + " rollback_time = ?, next_cron_interval = ?, next_cron_time = ?, owner = ?,"
          + " ext_data = ?, result = ?, rollback_reason = ?";

  /** What {@link #writeBranch} writes, in that order. */
  static final String BRANCH_INSERT =
      "insert into trans_branch_op (gid, ord, branch_id, op, status, url, bin_data, create_time,"
          + " finish_time, update_time) values ";

  static final int BRANCH_PARAMETERS = 10;

  /** Nanoseconds of the time of creation that its column does not hold. */
  private static final String CREATE_NANOS = "create_nanos";

  private Rows() {}

  private static String onceOnly(String columns) {
    int first = columns.indexOf("g.query_prepared");
    return columns.substring(0, first)
        + columns
            .substring(first)
            .replaceAll("(g\\.\\w+)", "case when coalesce(b.ord, 0) = 0 then $1 end");
  }

  /** A row of trans_global. */
  record Global(long id, Listed listed, String extData) {}

  /**
   * Reads a row of {@link #GLOBAL}, whose id and gid have been read.
   *
   * @throws BrokenRowException when it makes no sense
   */
  static Global readGlobal(long id, Gid gid, Columns row) throws SQLException {
    try {
      return global(id, gid, row);
    } catch (IllegalArgumentException e) {
      throw new BrokenRowException("the record of " + gid + " cannot be read", e);
    }
  }

  private static Global global(long id, Gid gid, Columns row) throws SQLException {
    TransType type = TransType.of(row.text());
    GlobalStatus status = GlobalStatus.of(row.text());
    if (type == null || status == null) {
      throw new BrokenRowException("its type or status is not known", null);
    }
    String protocol = row.text();
    Instant createTime = row.requiredTime();
    Instant updateTime = row.requiredTime();
    Instant finishTime = row.time();
    Instant rollbackTime = row.time();
    var schedule = new Schedule(Duration.ofSeconds(row.number()), row.requiredTime());
    Owner owner = owner(row.text());
    String queryPrepared = row.text();
    String options = row.text();
    String customData = row.text();
    String extData = row.text();
    Extra extra = ExtraJson.read(extData);
    var definition =
        new Definition(
            type,
            protocol,
            queryPrepared,
            customData,
            OptionsJson.read(options),
            createTime.plusNanos(createNanos(extra)));
    String result = row.text();
    var state =
        new State(
            status,
            row.text(),
            result,
            updateTime,
            finishTime == null ? rollbackTime : finishTime,
            schedule,
            withoutNanos(extra));
    return new Global(id, new Listed(gid, definition, state, owner), extData);
  }

  /** The token in that column; one of somebody else counts as at rest. */
  static Owner owner(String text) {
    Owner owner = Owner.parse(text);
    return owner == null ? new Owner(Owner.Mark.RESTING, "", text, 0) : owner;
  }

  /**
   * The token as it is stored.
   *
   * @throws UnstorableException when it would not be read as it is
   */
  static String text(Owner owner) {
    String text = owner.toString();
    if (!owner.equals(Owner.parse(text))) {
      throw new UnstorableException("claim: " + owner.claim() + " (expected: without a colon)");
    }
    return text;
  }

  /** Writes what never changes of a new record. */
  static void writeGlobal(Prepared to, Gid gid, Definition definition) throws SQLException {
    to.text(gid.value())
        .text(definition.type().wireName())
        .text(definition.protocol())
        .time(definition.createTime())
        .text(definition.queryPrepared())
        .text(definition.customData());
  }

  /**
   * Writes what may change of a record.
   *
   * @param extData as it was, for the members of others; or ""
   */
  static void writeState(
      Prepared to, Definition definition, State state, Owner owner, String extData)
      throws SQLException {
    boolean failed = state.status() == GlobalStatus.FAILED;
    to.text(state.status().wireName())
        .text(OptionsJson.write(definition.options()))
        .time(state.updateTime())
        .time(failed ? null : state.endTime())
        .time(failed ? state.endTime() : null)
        .number(state.schedule().interval().toSeconds())
        .time(state.schedule().nextTime())
        .text(text(owner))
        .text(ExtraJson.write(extData, withNanos(state.extra(), definition.createTime())))
        .text(state.result())
        .text(state.reason());
  }

  private static Extra withNanos(Extra extra, Instant createTime) {
    long nanos = Duration.between(Times.stored(createTime), createTime).toNanos();
    if (nanos == 0) {
      return extra;
    }
    Map<String, String> unknown = new HashMap<>(extra.unknown());
    unknown.put(CREATE_NANOS, Long.toString(nanos));
    return extra.withUnknown(unknown);
  }

  private static Extra withoutNanos(Extra extra) {
    if (!extra.unknown().containsKey(CREATE_NANOS)) {
      return extra;
    }
    Map<String, String> unknown = new HashMap<>(extra.unknown());
    unknown.remove(CREATE_NANOS);
    return extra.withUnknown(unknown);
  }

  private static long createNanos(Extra extra) {
    return Long.parseLong(extra.unknown().getOrDefault(CREATE_NANOS, "0"));
  }

  /**
   * A row with its place.
   *
   * @param payload null: that of the row before it
   */
  record Placed(long ord, Branch branch, @Nullable Payload payload) {}

  /** Reads a row of {@link #BRANCH}, whose place has been read. */
  static Placed readBranch(long ord, Columns row) throws SQLException {
    var key = new BranchKey(row.text(), Op.of(row.text()));
    BranchStatus status = branchStatus(row.text());
    String url = row.text();
    byte[] bytes = row.bytes();
    var branch = new Branch(key, url, Payload.EMPTY, status, row.requiredTime(), row.time());
    return new Placed(ord, branch, bytes == null ? null : Payload.of(bytes));
  }

  /**
   * Rows in their order, with their payloads. Sorted here: servers sort rows with large columns
   * badly, and some versions of MySQL refuse to.
   *
   * @throws BrokenRowException when one is missing
   */
  static List<Branch> inOrder(List<Placed> rows) {
    var branches = new ArrayList<Branch>(rows.size());
    Payload payload = Payload.EMPTY;
    for (Placed row : rows.stream().sorted(comparingLong(Placed::ord)).toList()) {
      if (row.ord() != branches.size()) {
        throw new BrokenRowException("row " + branches.size() + " is missing", null);
      }
      if (row.payload() != null) {
        payload = row.payload();
      }
      Branch bare = row.branch();
      branches.add(
          new Branch(
              bare.key(),
              bare.url(),
              payload,
              bare.status(),
              bare.createTime(),
              bare.finishTime()));
    }
    return branches;
  }

  private static BranchStatus branchStatus(String name) {
    for (BranchStatus status : BranchStatus.values()) {
      if (status.wireName().equals(name)) {
        return status;
      }
    }
    throw new BrokenRowException("status of a branch: " + name, null);
  }

  /**
   * Writes a row.
   *
   * @param before the row before it; null: it is the first
   */
  static void writeBranch(
      Prepared to, Gid gid, int ord, Branch row, @Nullable Branch before, Instant updateTime)
      throws SQLException {
    Payload shared = before == null ? null : before.payload();
    to.text(gid.value())
        .number(ord)
        .text(row.key().branchId())
        .text(row.key().op().wireName())
        .text(row.status().wireName())
        .text(row.url())
        .bytes(row.payload().equals(shared) ? null : row.payload().bytes())
        .time(row.createTime())
        .time(row.finishTime())
        .time(updateTime);
  }
}
