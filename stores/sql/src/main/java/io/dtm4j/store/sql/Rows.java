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
 * <p>In the wide form, rows one after another that share a payload (all of a step do, and all
 * subscribers of a topic) keep it once: the column of the others is null. An empty payload is an
 * empty value.
 */
final class Rows {
  /** What {@link #readGlobal} reads, in that order. */
  static final String GLOBAL =
      "g.id, g.gid, g.trans_type, g.status, g.protocol, g.create_time, g.update_time,"
          + " g.finish_time, g.rollback_time, g.next_cron_interval, g.next_cron_time, g.owner,"
          + " g.query_prepared, g.options, g.custom_data, g.ext_data, g.result, g.rollback_reason";

  /** How many columns that are. */
  static final int GLOBAL_COLUMNS = 18;

  /** Whose rows follow each other by their ids; the first one counts as 0. */
  private static final String ID_OR_FIRST = "case when b.id = f.first_id then 0 else b.id end";

  private static final String BRANCH_COLUMNS =
      ", b.branch_id, b.op, b.status, b.url, b.bin_data, b.create_time, b.finish_time";

  /**
   * Reads a record with its rows by one statement, so as of one moment; takes the gid, twice in the
   * narrow form. Long texts come with the first row only.
   */
  static final String FIND_WIDE =
      "select "
          + onceOnly("coalesce(b.ord, 0) = 0")
          + ", b.ord"
          + BRANCH_COLUMNS
          + " from trans_global g left join trans_branch_op b on b.gid = g.gid where g.gid = ?";

  static final String FIND_NARROW =
      "select "
          + onceOnly("coalesce(b.id, 0) = coalesce(f.first_id, 0)")
          + ", "
          + ID_OR_FIRST
          + BRANCH_COLUMNS
          + " from trans_global g left join trans_branch_op b on b.gid = g.gid"
          + " left join (select min(id) as first_id from trans_branch_op where gid = ?) f on 1 = 1"
          + " where g.gid = ?";

  /** Reads the gid and the rows of records; their gids follow. */
  static final String BRANCHES_WIDE =
      "select b.gid, b.ord" + BRANCH_COLUMNS + " from trans_branch_op b where b.gid in ";

  /** The gid is that of the record: a row may have another one that the table takes for it. */
  static final String BRANCHES_NARROW =
      "select g.gid, b.id"
          + BRANCH_COLUMNS
          + " from trans_branch_op b join trans_global g on b.gid = g.gid where g.gid in ";

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

  private static final int NARROW_BRANCH_PARAMETERS = 9;

  /** Nanoseconds of the time of creation that its column does not hold. */
  private static final String CREATE_NANOS = "create_nanos";

  private Rows() {}

  private static String onceOnly(String isFirst) {
    int first = GLOBAL.indexOf("g.query_prepared");
    return GLOBAL.substring(0, first)
        + GLOBAL.substring(first).replaceAll("(g\\.\\w+)", "case when " + isFirst + " then $1 end");
  }

  /** What {@link #writeBranch} writes, in that order. */
  static String branchInsert(Form form) {
    return "insert into trans_branch_op (gid, "
        + (form.isNarrow() ? "" : "ord, ")
        + "branch_id, op, status, url, bin_data, create_time, finish_time, update_time) values ";
  }

  static int branchParameters(Form form) {
    return form.isNarrow() ? NARROW_BRANCH_PARAMETERS : NARROW_BRANCH_PARAMETERS + 1;
  }

  /**
   * A row of trans_global.
   *
   * @param options as they are written there
   */
  record Global(long id, Listed listed, String extData, String options) {}

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
    return new Global(id, new Listed(gid, definition, state, owner), extData, options);
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
    if (isOfAnother(owner)) {
      return owner.claim();
    }
    String text = owner.toString();
    if (!owner.equals(Owner.parse(text))) {
      throw new UnstorableException("claim: " + owner.claim() + " (expected: without a colon)");
    }
    return text;
  }

  /** Whether it is none of ours, as {@link #owner} reads it. */
  private static boolean isOfAnother(Owner owner) {
    return owner.mark() == Owner.Mark.RESTING
        && owner.server().isEmpty()
        && owner.revision() == 0
        && Owner.parse(owner.claim()) == null;
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
   * @param before the record as it was, for what others have written into it; null: it is new
   */
  static void writeState(
      Prepared to,
      Definition definition,
      State state,
      Owner owner,
      @Nullable Found before,
      Form form)
      throws SQLException {
    boolean failed = state.status() == GlobalStatus.FAILED;
    to.text(state.status().wireName())
        .text(options(definition, before))
        .time(state.updateTime())
        .time(failed ? null : state.endTime())
        .time(failed ? state.endTime() : null)
        .number(state.schedule().interval().toSeconds())
        .time(state.schedule().nextTime())
        .text(text(owner))
        .text(extData(definition, state, before, form))
        .text(state.result())
        .text(state.reason());
  }

  private static String options(Definition definition, @Nullable Found before) {
    return before != null
            && before.stored().transaction().definition().options().equals(definition.options())
        ? before.options()
        : OptionsJson.write(definition.options());
  }

  private static String extData(
      Definition definition, State state, @Nullable Found before, Form form) {
    String was = before == null ? "" : before.extData();
    Instant createTime = definition.createTime();
    long nanos =
        before == null
            ? Duration.between(form.times().stored(createTime), createTime).toNanos()
            : createNanos(ExtraJson.read(was)); // the column stays as it was written
    return ExtraJson.write(was, withNanos(state.extra(), nanos));
  }

  private static Extra withNanos(Extra extra, long nanos) {
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

  /** Reads the columns of a row, whose place has been read. */
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
  static List<Branch> inOrder(List<Placed> rows, Form form) {
    var branches = new ArrayList<Branch>(rows.size());
    Payload payload = Payload.EMPTY;
    for (Placed row : rows.stream().sorted(comparingLong(Placed::ord)).toList()) {
      if (!form.isNarrow() && row.ord() != branches.size()) {
        throw new BrokenRowException("row " + branches.size() + " is missing", null);
      }
      if (row.payload() != null) {
        payload = row.payload();
      } else if (form.isNarrow()) {
        payload = Payload.EMPTY;
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
      Prepared to,
      Form form,
      Gid gid,
      int ord,
      Branch row,
      @Nullable Branch before,
      Instant updateTime)
      throws SQLException {
    Payload shared = before == null || form.isNarrow() ? null : before.payload();
    to.text(gid.value());
    if (!form.isNarrow()) {
      to.number(ord);
    }
    to.text(row.key().branchId())
        .text(row.key().op().wireName())
        .text(row.status().wireName())
        .text(row.url())
        .bytes(row.payload().equals(shared) ? null : row.payload().bytes())
        .time(row.createTime())
        .time(row.finishTime())
        .time(updateTime);
  }
}
