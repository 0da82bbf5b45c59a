package io.dtm4j.store.sql;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Batches as DTM's own tables can hold them: times of whole seconds, reasons as long as their
 * column. What is due comes at the next whole second, never earlier than asked; what has happened
 * loses its fraction. Only the time of creation is kept whole, because guards compare it. What is
 * too long is refused.
 */
final class Narrowing {
  private final Times times = Times.SECONDS;
  private final Limits limits;

  Narrowing(Limits limits) {
    this.limits = limits;
  }

  List<Batch> of(List<Batch> group) {
    return group.stream().map(this::of).toList();
  }

  /**
   * @throws UnstorableException when something is too long
   */
  private Batch of(Batch batch) {
    Guard guard =
        batch.guard() instanceof Guard.AsRead read
            ? new Guard.AsRead(of(read.due()))
            : batch.guard();
    return new Batch(
        batch.gid(), guard, batch.owner(), batch.writes().stream().map(this::of).toList());
  }

  /** A record as it was read from such tables, whoever has kept it meanwhile. */
  Due of(Due due) {
    return new Due(due.gid(), due.owner(), times.notBefore(due.nextTime()));
  }

  private Write of(Write write) {
    return switch (write) {
      case Write.SaveNew save -> {
        Limits.check(limits.refusal(save.transaction()));
        yield new Write.SaveNew(of(save.transaction()));
      }
      case Write.AddBranches add -> {
        Limits.check(limits.refusal(add.branches()));
        yield new Write.AddBranches(add.branches().stream().map(this::of).toList());
      }
      case Write.SetBranch set ->
          new Write.SetBranch(set.row(), set.key(), set.status(), passed(set.at()));
      case Write.SetStatus set -> {
        Limits.check(set.result() == null ? null : limits.refusalOfResult(set.result()));
        yield new Write.SetStatus(
            set.status(),
            set.reason() == null ? null : limits.shortened(set.reason()),
            set.result(),
            passed(set.at()));
      }
      case Write.SetSchedule set -> new Write.SetSchedule(of(set.schedule()), passed(set.at()));
      case Write.Lease lease -> new Write.Lease(times.notBefore(lease.until()), passed(lease.at()));
      case Write.BringForward forward -> new Write.BringForward(passed(forward.at()));
      case Write.Postpone postpone -> new Write.Postpone(times.notBefore(postpone.at()));
      case Write.SetOptions set -> {
        Limits.check(
            limits.tooLong(
                "branch_headers and options",
                "trans_global.options",
                OptionsJson.write(set.options())));
        yield set;
      }
      case Write.SetExtra _, Write.Delay _, Write.LookAgain _ -> write;
    };
  }

  private Transaction of(Transaction transaction) {
    State state = transaction.state();
    var narrow =
        new State(
            state.status(),
            limits.shortened(state.reason()),
            state.result(),
            passed(state.updateTime()),
            passedOrNull(state.endTime()),
            of(state.schedule()),
            state.extra());
    return new Transaction(
        transaction.gid(),
        transaction.definition(),
        narrow,
        transaction.branches().stream().map(this::of).toList());
  }

  private Schedule of(Schedule schedule) {
    return new Schedule(schedule.interval(), times.notBefore(schedule.nextTime()));
  }

  private Branch of(Branch row) {
    return new Branch(
        row.key(),
        row.url(),
        row.payload(),
        row.status(),
        passed(row.createTime()),
        passedOrNull(row.finishTime()));
  }

  private Instant passed(Instant time) {
    return times.stored(time);
  }

  private @Nullable Instant passedOrNull(@Nullable Instant time) {
    return time == null ? null : passed(time);
  }
}
