package io.dtm4j.store.sql;

import static java.util.Comparator.comparing;
import static java.util.Objects.requireNonNull;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.CommitResult;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes a group without reading: new transactions, and answers and ends that passes write to what
 * they hold. What {@link Batch#applyTo} compares stands in the conditions of the updates, in one
 * point stricter: the token has to be the very text that the pass believes in, mark included. Every
 * update has to find its row; else the whole is undone and left to {@link GroupWrite}.
 */
final class FastGroup {
  private static final String UPDATE =
      "update trans_global set owner = ?, status = ?, update_time = coalesce(?, update_time),"
          + " finish_time = ?, rollback_time = ?, rollback_reason = coalesce(?, rollback_reason),"
          + " result = coalesce(?, result),"
          + " next_cron_interval = coalesce(?, next_cron_interval), next_cron_time = ";

  private static final String WHERE = " where gid = ? and status = ? and owner = ?";

  /** While the lease lasts the later time wins. */
  private static final String HELD =
      UPDATE + "greatest(next_cron_time, coalesce(?, next_cron_time))" + WHERE;

  private static final String ENDED = UPDATE + "coalesce(?, next_cron_time)" + WHERE;

  private final List<Batch> group;
  private final List<Stored> created;
  private final List<Update> held;
  private final List<Update> ended;

  /** Something did not find its row, or found one that it did not expect. Nothing is stored. */
  static final class MissedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    MissedException() {
      super("not as a pass believes");
    }
  }

  /** What a batch of a pass makes of its row in trans_global. */
  private static final class Update {
    private final Gid gid;
    private final Owner owner;
    private final Guard.HeldBy guard;
    private final List<Write.SetBranch> rows = new ArrayList<>();
    private GlobalStatus status;
    private @Nullable Instant updateTime;
    private @Nullable Instant endTime;
    private @Nullable String reason;
    private @Nullable String result;
    private @Nullable Duration interval;
    private @Nullable Instant nextTime;

    private Update(Gid gid, Guard.HeldBy guard, Owner owner) {
      this.gid = gid;
      this.guard = guard;
      this.owner = owner;
      status = guard.status();
    }

    /** The update of a batch, or null when it takes more than that. */
    static @Nullable Update of(Batch batch) {
      if (!(batch.guard() instanceof Guard.HeldBy guard)
          || batch.owner() == null
          || guard.owner().mark() != Owner.Mark.LEASED
          || guard.status().isFinal()
          || !batch.owner().claim().equals(guard.owner().claim())
          || batch.owner().mark() == Owner.Mark.LOOK_AGAIN) {
        return null;
      }
      var update = new Update(batch.gid(), guard, batch.owner());
      for (Write write : batch.writes()) {
        if (!update.add(write)) {
          return null;
        }
      }
      // Who may leave prepared gets the rows (R4a); who comes to rest may find that it is due.
      boolean getsRows =
          guard.status() == GlobalStatus.PREPARED
              && batch.writes().stream().anyMatch(write -> write instanceof Write.SetStatus);
      return getsRows || update.owner.isHeld() == update.status.isFinal() ? null : update;
    }

    private boolean add(Write write) {
      switch (write) {
        case Write.SetBranch set -> {
          rows.add(set);
          updateTime = set.at();
        }
        case Write.SetStatus set -> {
          status = set.status();
          reason = set.reason() == null ? reason : set.reason();
          result = set.result() == null ? result : set.result();
          endTime = set.status().isFinal() ? set.at() : null;
          updateTime = set.at();
        }
        case Write.SetSchedule set -> {
          interval = set.schedule().interval();
          move(set.schedule().nextTime(), set.at());
        }
        case Write.Lease lease -> move(lease.until(), lease.at());
        case Write.SaveNew _,
            Write.AddBranches _,
            Write.BringForward _,
            Write.Postpone _,
            Write.SetExtra _,
            Write.Delay _,
            Write.SetOptions _,
            Write.LookAgain _ -> {
          return false;
        }
      }
      return true;
    }

    private void move(Instant time, Instant at) {
      Instant before = nextTime;
      nextTime = owner.isHeld() && before != null && before.isAfter(time) ? before : time;
      updateTime = at;
    }

    void write(Prepared to) throws SQLException {
      boolean failed = status == GlobalStatus.FAILED;
      to.text(Rows.text(owner))
          .text(status.wireName())
          .time(updateTime)
          .time(failed ? null : endTime)
          .time(failed ? endTime : null)
          .textOrNull(reason)
          .textOrNull(result)
          .numberOrNull(interval == null ? null : interval.toSeconds())
          .time(nextTime)
          .text(gid.value())
          .text(guard.status().wireName())
          .text(Rows.text(guard.owner()))
          .add();
    }
  }

  private FastGroup(
      List<Batch> group, List<Stored> created, List<Update> held, List<Update> ended) {
    this.group = group;
    this.created = created;
    this.held = held;
    this.ended = ended;
  }

  /** That group, or null when it is not of this kind. */
  static @Nullable FastGroup of(List<Batch> group) {
    var gids = new HashSet<Gid>();
    var created = new ArrayList<Stored>();
    var held = new ArrayList<Update>();
    var ended = new ArrayList<Update>();
    for (Batch batch : group) {
      if (!gids.add(batch.gid())) {
        return null;
      }
      if (isNew(batch)) {
        created.add(newRecord(batch));
        continue;
      }
      Update update = Update.of(batch);
      if (update == null) {
        return null;
      }
      (update.owner.isHeld() ? held : ended).add(update);
    }
    held.sort(comparing(update -> update.gid.value()));
    ended.sort(comparing(update -> update.gid.value()));
    return new FastGroup(group, created, held, ended);
  }

  private static boolean isNew(Batch batch) {
    return batch.guard() instanceof Guard.Absent
        && batch.owner() != null
        && batch.writes().size() == 1
        && batch.writes().getFirst() instanceof Write.SaveNew;
  }

  private static Stored newRecord(Batch batch) {
    var save = (Write.SaveNew) batch.writes().getFirst();
    return new Stored(save.transaction(), requireNonNull(batch.owner()));
  }

  /**
   * Writes it, within one database transaction.
   *
   * @throws MissedException when something stored is not as a pass believes
   */
  List<CommitResult> apply(Session session) throws SQLException {
    update(session, HELD, held);
    update(session, ENDED, ended);
    updateBranches(session);
    try {
      new Changes(session).insert(created);
    } catch (SQLException e) {
      if (session.dialect().failure(e) == Dialect.Failure.DUPLICATE) {
        throw new MissedException();
      }
      throw e;
    }
    var results = new ArrayList<CommitResult>(group.size());
    for (Batch batch : group) {
      results.add(new CommitResult.Committed(isNew(batch) ? newRecord(batch) : null));
    }
    return results;
  }

  private static void update(Session session, String sql, List<Update> updates)
      throws SQLException {
    if (!updates.isEmpty()) {
      try (Prepared prepared = session.prepare(sql)) {
        for (Update update : updates) {
          update.write(prepared);
        }
        check(prepared.updateAll());
      }
    }
  }

  private void updateBranches(Session session) throws SQLException {
    try (Prepared prepared =
        session.prepare(
            "update trans_branch_op set status = ?, finish_time = ?, update_time = ?"
                + " where gid = ? and branch_id = ? and op = ? and ord = ?")) {
      boolean any = false;
      for (List<Update> updates : List.of(held, ended)) {
        for (Update update : updates) {
          for (Write.SetBranch set : update.rows) {
            prepared
                .text(set.status().wireName())
                .time(set.at())
                .time(set.at())
                .text(update.gid.value())
                .text(set.key().branchId())
                .text(set.key().op().wireName())
                .number(set.row())
                .add();
            any = true;
          }
        }
      }
      if (any) {
        check(prepared.updateAll());
      }
    }
  }

  private static void check(int[] counts) {
    for (int count : counts) {
      if (count != 1) {
        throw new MissedException();
      }
    }
  }
}
