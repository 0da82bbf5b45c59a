package io.dtm4j.store.sql;

import static java.util.Comparator.comparing;
import static java.util.Objects.requireNonNull;

import io.dtm4j.model.Batch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.HeldUpdate;
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
 * Writes what it can of a group without reading: new transactions, and what passes write to what
 * they hold ({@link HeldUpdate}). Updates that set the same in many transactions are one statement;
 * each has to find all its rows, else the whole is undone and left to {@link GroupWrite}, as is the
 * rest from the first.
 */
final class FastGroup {
  /** While the lease lasts the later time wins. */
  private static final String HELD = "greatest(next_cron_time, coalesce(?, next_cron_time))";

  private static final String ENDED = "coalesce(?, next_cron_time)";

  private static final int MARKED_PREFIX = 7; // dtm4j:l

  private final List<Batch> group;

  /** By place in the group. */
  private final SortedMap<Integer, Stored> created;

  private final List<Placed> updates;
  private final List<Integer> rest;

  /** Something did not find its row, or found one that it did not expect. Nothing is stored. */
  static final class MissedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    MissedException() {
      super("not as a pass believes");
    }
  }

  /** What an update sets but for its times, and what it compares apart from gid and claim. */
  private record Shape(
      GlobalStatus before,
      long revisionBefore,
      Owner.Mark mark,
      long revision,
      GlobalStatus status,
      boolean isUpdated,
      boolean isEnd,
      @Nullable String reason,
      @Nullable String result,
      @Nullable Duration interval,
      @Nullable Instant nextTime) {}

  /** An update, and where its batch stands in the group. */
  private record Placed(int place, HeldUpdate update) {
    Shape shape() {
      return new Shape(
          update.guard().status(),
          update.guard().owner().revision(),
          update.owner().mark(),
          update.owner().revision(),
          update.status(),
          update.updateTime() != null,
          update.endTime() != null,
          update.reason(),
          update.result(),
          update.interval(),
          update.nextTime());
    }
  }

  /** What the answers of many transactions have in common. */
  private record Answer(int row, BranchKey key, BranchStatus status) {}

  private FastGroup(
      List<Batch> group,
      SortedMap<Integer, Stored> created,
      List<Placed> updates,
      List<Integer> rest) {
    this.group = group;
    this.created = created;
    this.updates = updates;
    this.rest = rest;
  }

  /** Takes a group apart. */
  static FastGroup of(List<Batch> group) {
    var created = new TreeMap<Integer, Stored>();
    var updates = new ArrayList<Placed>();
    var rest = new TreeSet<Integer>();
    Set<Gid> several = several(group);
    for (int i = 0; i < group.size(); i++) {
      Batch batch = group.get(i);
      HeldUpdate update = several.contains(batch.gid()) ? null : HeldUpdate.of(batch);
      if (update != null) {
        updates.add(new Placed(i, update));
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
    updates.sort(comparing(placed -> placed.update.gid().value()));
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
    var statements = new Statements(session);
    updateGlobals(statements);
    updateBranches(statements);
    Changes.insert(List.copyOf(created.values()), statements);
    try {
      if (!statements.run()) {
        throw new MissedException();
      }
    } catch (SQLException e) {
      if (session.dialect().failure(e) == Dialect.Failure.DUPLICATE) {
        throw new MissedException();
      }
      throw e;
    }
    var results = new CommitResult[group.size()];
    updates.forEach(placed -> results[placed.place] = new CommitResult.Committed(null));
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

  private void updateGlobals(Statements to) {
    var shapes = new LinkedHashMap<Shape, List<HeldUpdate>>();
    for (Placed placed : updates) {
      shapes.computeIfAbsent(placed.shape(), _ -> new ArrayList<>()).add(placed.update);
    }
    for (Map.Entry<Shape, List<HeldUpdate>> entry : shapes.entrySet()) {
      updateGlobals(to, entry.getKey(), entry.getValue());
    }
  }

  private static void updateGlobals(Statements to, Shape shape, List<HeldUpdate> alike) {
    Session session = to.session();
    var updateTimes = Moments.of(session, alike, HeldUpdate::gid, HeldUpdate::updateTime);
    var endTimes = Moments.of(session, alike, HeldUpdate::gid, HeldUpdate::endTime);
    boolean failed = shape.status == GlobalStatus.FAILED;
    String marks = session.marks(alike.size());
    // A claim belongs to one gid only, so the two lists find pairs that belong together.
    String sql =
        // The new token has another mark and revision, and the claim that stands there.
        ("update trans_global set owner = concat(?, substring(owner, 8, char_length(owner) - ?), ?),"
                + " status = ?, update_time = coalesce(%s, update_time), finish_time = %s,"
                + " rollback_time = %s, rollback_reason = coalesce(?, rollback_reason),"
                + " result = coalesce(?, result),"
                + " next_cron_interval = coalesce(?, next_cron_interval), next_cron_time = %s"
                + " where gid in %s and status = ? and owner in %s")
            .formatted(
                updateTimes.expression(),
                failed ? "null" : endTimes.expression(),
                failed ? endTimes.expression() : "null",
                shape.status.isFinal() ? ENDED : HELD,
                marks,
                marks);
    to.addFinding(
        alike.size(),
        sql,
        lengthOf(shape.reason) + lengthOf(shape.result) + lengthOfNames(alike),
        update -> {
          update
              .text(Rows.text(alike.getFirst().owner()).substring(0, MARKED_PREFIX))
              .integer(MARKED_PREFIX + Long.toString(shape.revisionBefore).length())
              .text(Long.toString(shape.revision))
              .text(shape.status.wireName());
          updateTimes.write(update);
          endTimes.write(update);
          update
              .textOrNull(shape.reason)
              .textOrNull(shape.result)
              .numberOrNull(shape.interval == null ? null : shape.interval.toSeconds())
              .time(shape.nextTime)
              .texts(alike.stream().map(one -> one.gid().value()).toList())
              .text(shape.before.wireName())
              .texts(alike.stream().map(one -> Rows.text(one.guard().owner())).toList());
        });
  }

  /** A gid stands in the lists of two columns of times and in that of the rows. */
  private static long lengthOfNames(List<HeldUpdate> updates) {
    return updates.stream()
        .mapToLong(one -> 3L * one.gid().value().length() + Rows.text(one.owner()).length())
        .sum();
  }

  private static int lengthOf(@Nullable String text) {
    return text == null ? 0 : text.length();
  }

  /** Rows that have the same place and name in many transactions, and get the same answer. */
  private void updateBranches(Statements to) {
    var answers = new LinkedHashMap<Answer, Map<Gid, Instant>>();
    for (Placed placed : updates) {
      for (Write.SetBranch set : placed.update.answers()) {
        answers
            .computeIfAbsent(
                new Answer(set.row(), set.key(), set.status()), _ -> new LinkedHashMap<>())
            .put(placed.update.gid(), set.at());
      }
    }
    for (Map.Entry<Answer, Map<Gid, Instant>> entry : answers.entrySet()) {
      updateBranches(to, entry.getKey(), List.copyOf(entry.getValue().entrySet()));
    }
  }

  private static void updateBranches(
      Statements to, Answer answer, List<Map.Entry<Gid, Instant>> alike) {
    Session session = to.session();
    var times = Moments.of(session, alike, Map.Entry::getKey, Map.Entry::getValue);
    String sql =
        ("update trans_branch_op set status = ?, finish_time = %1$s, update_time = %1$s"
                + " where branch_id = ? and op = ? and ord = ? and gid in %2$s")
            .formatted(times.expression(), session.marks(alike.size()));
    to.addFinding(
        alike.size(),
        sql,
        alike.stream().mapToLong(entry -> 3L * entry.getKey().value().length()).sum(),
        update -> {
          update.text(answer.status.wireName());
          times.write(update);
          times.write(update);
          update
              .text(answer.key.branchId())
              .text(answer.key.op().wireName())
              .number(answer.row)
              .texts(alike.stream().map(entry -> entry.getKey().value()).toList());
        });
  }
}
