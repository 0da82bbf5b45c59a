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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Writes what it can of a group without reading: new transactions, and answers and ends that passes
 * write to what they hold. What {@link Batch#applyTo} compares stands in the conditions of the
 * updates, in one point stricter: the token has to be the very text that the pass believes in, mark
 * included. Updates that set the same in many transactions are one statement; each has to find all
 * its rows, else the whole is undone and left to {@link GroupWrite}, as is the rest from the first.
 */
final class FastGroup {
  /** The new token has another mark and revision, and the claim that stands there. */
  private static final String UPDATE =
      "update trans_global set owner = concat(?, substring(owner, 8, char_length(owner) - ?), ?),"
          + " status = ?, update_time = coalesce(?, update_time), finish_time = ?,"
          + " rollback_time = ?, rollback_reason = coalesce(?, rollback_reason),"
          + " result = coalesce(?, result),"
          + " next_cron_interval = coalesce(?, next_cron_interval), next_cron_time = ";

  /** While the lease lasts the later time wins. */
  private static final String HELD =
      UPDATE + "greatest(next_cron_time, coalesce(?, next_cron_time))";

  private static final String ENDED = UPDATE + "coalesce(?, next_cron_time)";

  private static final String BRANCH_UPDATE =
      "update trans_branch_op set status = ?, finish_time = ?, update_time = ?"
          + " where branch_id = ? and op = ? and ord = ? and gid in ";

  private static final int MARKED_PREFIX = 7; // dtm4j:l

  private final List<Batch> group;

  /** By place in the group. */
  private final SortedMap<Integer, Stored> created;

  private final List<Update> updates;
  private final List<Integer> rest;

  /** Something did not find its row, or found one that it did not expect. Nothing is stored. */
  static final class MissedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    MissedException() {
      super("not as a pass believes");
    }
  }

  /** What an update sets, and what it compares apart from gid and claim. */
  private record Shape(
      GlobalStatus before,
      long revisionBefore,
      Owner.Mark mark,
      long revision,
      GlobalStatus status,
      @Nullable Instant updateTime,
      @Nullable Instant endTime,
      @Nullable String reason,
      @Nullable String result,
      @Nullable Duration interval,
      @Nullable Instant nextTime) {}

  /** What a batch of a pass makes of its row in trans_global. */
  private static final class Update {
    private final int place;
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

    private Update(int place, Gid gid, Guard.HeldBy guard, Owner owner) {
      this.place = place;
      this.gid = gid;
      this.guard = guard;
      this.owner = owner;
      status = guard.status();
    }

    /** The update of a batch, or null when it takes more than that. */
    static @Nullable Update of(int place, Batch batch) {
      if (!(batch.guard() instanceof Guard.HeldBy guard)
          || batch.owner() == null
          || guard.owner().mark() != Owner.Mark.LEASED
          || guard.status().isFinal()
          || !batch.owner().claim().equals(guard.owner().claim())
          || !batch.owner().server().equals(guard.owner().server())
          || batch.owner().mark() == Owner.Mark.LOOK_AGAIN) {
        return null;
      }
      var update = new Update(place, batch.gid(), guard, batch.owner());
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
          if (rows.stream().anyMatch(other -> other.row() == set.row())) {
            return false; // the order would matter
          }
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

    Shape shape() {
      return new Shape(
          guard.status(),
          guard.owner().revision(),
          owner.mark(),
          owner.revision(),
          status,
          updateTime,
          endTime,
          reason,
          result,
          interval,
          nextTime);
    }
  }

  private FastGroup(
      List<Batch> group,
      SortedMap<Integer, Stored> created,
      List<Update> updates,
      List<Integer> rest) {
    this.group = group;
    this.created = created;
    this.updates = updates;
    this.rest = rest;
  }

  /** Takes a group apart. */
  static FastGroup of(List<Batch> group) {
    var created = new TreeMap<Integer, Stored>();
    var updates = new ArrayList<Update>();
    var rest = new TreeSet<Integer>();
    Set<Gid> several = several(group);
    for (int i = 0; i < group.size(); i++) {
      Batch batch = group.get(i);
      Update update = several.contains(batch.gid()) ? null : Update.of(i, batch);
      if (update != null) {
        updates.add(update);
      } else if (isNew(batch) && !several.contains(batch.gid())) {
        created.put(i, newRecord(batch));
      } else {
        rest.add(i);
      }
    }
    if (rest.stream().anyMatch(i -> group.get(i).guard() instanceof Guard.Absent)) {
      rest.addAll(created.keySet()); // what is new is listed in the order of the group
      created.clear();
    }
    updates.sort(comparing(update -> update.gid.value()));
    return new FastGroup(group, created, updates, List.copyOf(rest));
  }

  /** The gids of which there is more than one batch. */
  private static Set<Gid> several(List<Batch> group) {
    var once = new HashSet<Gid>();
    var several = new HashSet<Gid>();
    for (Batch batch : group) {
      if (!once.add(batch.gid())) {
        several.add(batch.gid());
      }
    }
    return several;
  }

  /** Whether there is nothing to do without reading. */
  boolean isEmpty() {
    return created.isEmpty() && updates.isEmpty();
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
   * Writes the group, within one database transaction.
   *
   * @throws MissedException when something stored is not as a pass believes
   */
  List<CommitResult> apply(Session session) throws SQLException {
    updateGlobals(session);
    updateBranches(session);
    try {
      new Changes(session).insert(List.copyOf(created.values()));
    } catch (SQLException e) {
      if (session.dialect().failure(e) == Dialect.Failure.DUPLICATE) {
        throw new MissedException();
      }
      throw e;
    }
    var results = new CommitResult[group.size()];
    updates.forEach(update -> results[update.place] = new CommitResult.Committed(null));
    created.forEach((place, stored) -> results[place] = new CommitResult.Committed(stored));
    if (!rest.isEmpty()) {
      List<CommitResult> read =
          new GroupWrite(session).apply(rest.stream().map(group::get).toList());
      for (int i = 0; i < read.size(); i++) {
        results[rest.get(i)] = read.get(i);
      }
    }
    return List.of(results);
  }

  private void updateGlobals(Session session) throws SQLException {
    var shapes = new LinkedHashMap<Shape, List<Update>>();
    for (Update update : updates) {
      shapes.computeIfAbsent(update.shape(), _ -> new ArrayList<>()).add(update);
    }
    for (Map.Entry<Shape, List<Update>> entry : shapes.entrySet()) {
      Shape shape = entry.getKey();
      List<Update> alike = entry.getValue();
      String marks = Session.marks(alike.size());
      // A claim belongs to one gid only, so the two lists find pairs that belong together.
      String where = " where gid in " + marks + " and status = ? and owner in " + marks;
      String sql = (shape.status.isFinal() ? ENDED : HELD) + where;
      try (Prepared update = session.prepare(sql)) {
        write(shape, alike.getFirst(), update);
        update
            .texts(alike.stream().map(one -> one.gid.value()).toList())
            .text(shape.before.wireName())
            .texts(alike.stream().map(one -> Rows.text(one.guard.owner())).toList());
        check(update.update(), alike.size());
      }
    }
  }

  private static void write(Shape shape, Update one, Prepared to) throws SQLException {
    boolean failed = shape.status == GlobalStatus.FAILED;
    String revision = Long.toString(shape.revision);
    to.text(Rows.text(one.owner).substring(0, MARKED_PREFIX))
        .integer(MARKED_PREFIX + Long.toString(shape.revisionBefore).length())
        .text(revision)
        .text(shape.status.wireName())
        .time(shape.updateTime)
        .time(failed ? null : shape.endTime)
        .time(failed ? shape.endTime : null)
        .textOrNull(shape.reason)
        .textOrNull(shape.result)
        .numberOrNull(shape.interval == null ? null : shape.interval.toSeconds())
        .time(shape.nextTime);
  }

  /** Rows that have the same place and name in many transactions, and get the same answer. */
  private void updateBranches(Session session) throws SQLException {
    var answers = new LinkedHashMap<Write.SetBranch, List<String>>();
    for (Update update : updates) {
      for (Write.SetBranch set : update.rows) {
        answers.computeIfAbsent(set, _ -> new ArrayList<>()).add(update.gid.value());
      }
    }
    for (Map.Entry<Write.SetBranch, List<String>> entry : answers.entrySet()) {
      Write.SetBranch set = entry.getKey();
      List<String> gids = entry.getValue();
      try (Prepared update = session.prepare(BRANCH_UPDATE + Session.marks(gids.size()))) {
        update
            .text(set.status().wireName())
            .time(set.at())
            .time(set.at())
            .text(set.key().branchId())
            .text(set.key().op().wireName())
            .number(set.row())
            .texts(gids);
        check(update.update(), gids.size());
      }
    }
  }

  private static void check(int found, int expected) {
    if (found != expected) {
      throw new MissedException();
    }
  }
}
