package io.dtm4j.engine;

import io.dtm4j.model.Attempt;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Payload;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A decision in the making: the pass as it will be, and the writes and calls that lead there. Lives
 * for one call of {@link Engine#decide}; the rules of the modes work on it.
 */
final class Draft {
  private final Pass pass;
  private final Instant now;
  private final RetryPolicy retry;
  private final List<Write> writes = new ArrayList<>(4);
  private final List<Call> calls = new ArrayList<>(2);
  private final List<LeftOpen> leftOpen = new ArrayList<>(0);
  private boolean calledWithoutPause;
  private boolean doublesLate;

  /** The rows as they will be; null: none has changed. */
  private Branch @Nullable [] changed;

  private GlobalStatus status;
  private String reason;
  private Rows inFlight;
  private Rows asked;
  private Instant touched;
  private Duration interval;
  private Extra extra;
  private @Nullable BranchAnswer gravest;
  private boolean parked;
  private @Nullable Instant wakeUp;
  private @Nullable Instant due;
  private boolean writeExtra;
  private boolean anew;
  private final boolean runsAhead;
  private boolean mayRunAhead;

  /** A call that brought no definite answer, with that answer. */
  private record LeftOpen(int row, BranchKey called, BranchAnswer answer) {}

  Draft(Pass pass, Settings settings, Instant now) {
    this.pass = pass;
    this.now = now;
    runsAhead = settings.runsAhead();
    retry = new RetryPolicy(settings, pass.transaction.definition().options());
    status = pass.transaction.status();
    reason = pass.transaction.state().reason();
    inFlight = pass.inFlight;
    asked = pass.asked;
    touched = pass.touched;
    interval = pass.interval;
    extra = pass.extra;
    gravest = pass.gravest;
    parked = pass.parked;
  }

  // ---- what the rules read

  Transaction before() {
    return pass.transaction;
  }

  Plan plan() {
    return pass.plan;
  }

  Instant now() {
    return now;
  }

  RetryPolicy retry() {
    return retry;
  }

  GlobalStatus status() {
    return status;
  }

  int rows() {
    return pass.transaction.branches().size();
  }

  Branch branch(int row) {
    return changed == null ? pass.transaction.branches().get(row) : changed[row];
  }

  Extra extra() {
    return extra;
  }

  boolean isInFlight(int row) {
    return inFlight.contains(row);
  }

  boolean hasInFlight() {
    return !inFlight.isEmpty();
  }

  /** Open, not being called, and not called in this pass already. */
  boolean mayCall(int row) {
    return branch(row).isOpen() && mayAsk(row);
  }

  /** Not being called, and not called in this pass already. */
  boolean mayAsk(int row) {
    return !inFlight.contains(row) && !asked.contains(row);
  }

  /** Whether a call of this pass was turned away, so that nothing more is begun in it. */
  boolean isParked() {
    return parked;
  }

  /** Whether something has been decided that ends the pass. */
  boolean isAtRest() {
    return due != null;
  }

  /** What kind of answer the last call of that key brought; null: none, or a definite one. */
  Attempt.@Nullable Kind lastAnswer(BranchKey called) {
    Attempt last = extra.attempts().get(called.toString());
    return last == null ? null : last.kind();
  }

  // ---- what the rules do

  /** The call of a row is over, whatever it brought. */
  void landed(int row) {
    inFlight = inFlight.without(row);
  }

  /** A call was turned away; the row counts as asked, but as no attempt. */
  void park(int row) {
    landed(row);
    asked = asked.with(row);
    parked = true;
  }

  /** A row has got its definite answer. */
  void settle(int row, BranchStatus outcome) {
    Branch branch = branch(row);
    if (changed == null) {
      changed = pass.transaction.branches().toArray(new Branch[0]);
    }
    changed[row] = branch.settled(outcome, now);
    writes.add(new Write.SetBranch(row, branch.key(), outcome, now));
    forgetAttempts(branch.key());
    if (retry.isReset(interval, touched, now)) {
      interval = retry.base();
    }
  }

  /** The answer of a row that may not fail: anything but success is tried again. */
  void settleOrRetry(int row, BranchAnswer answer) {
    if (answer instanceof BranchAnswer.Success) {
      settle(row, BranchStatus.SUCCEED);
    } else {
      leaveOpen(row, answer);
    }
  }

  /** What was called has got its definite answer: its attempts are of no interest any more. */
  void forgetAttempts(BranchKey called) {
    if (!extra.attempts().isEmpty()) {
      Map<String, Attempt> attempts = new HashMap<>(extra.attempts());
      if (attempts.remove(called.toString()) != null) {
        extra = extra.withAttempts(attempts);
      }
    }
  }

  /** A row was called and gave no definite answer; it is not called again in this pass. */
  void leaveOpen(int row, BranchAnswer answer) {
    leaveOpen(row, branch(row).key(), answer);
  }

  /** The same for somebody else than a row. */
  void leaveOpen(int row, BranchKey called, BranchAnswer answer) {
    asked = asked.with(row);
    touched = now;
    remember(called, answer);
    leftOpen.add(new LeftOpen(row, called, answer));
    if (gravest == null || gravity(answer) > gravity(gravest)) {
      gravest = answer;
    }
  }

  /** Lets a row that was called without a definite answer be called again in this pass. */
  void askAgain(int row) {
    asked = asked.without(row);
    if (asked.isEmpty()) {
      gravest = null;
    }
  }

  /** The interval does not grow with each call that fails in a row: they are counted themselves. */
  void countCalls() {
    calledWithoutPause = true;
  }

  /** The interval doubles only with the second call that fails in a row. */
  void countOneMoreThanDoublings() {
    doublesLate = true;
  }

  /** Replaces what is kept beyond DTM's record, durably before anything else leaves. */
  void keep(Extra changed) {
    extra = changed;
    writeExtra = true;
  }

  /** A new status; {@code newReason} null: the reason stays. */
  void changeStatus(GlobalStatus newStatus, @Nullable String newReason) {
    status = newStatus;
    if (newReason != null) {
      reason = State.shortened(newReason);
    }
    writes.add(new Write.SetStatus(newStatus, newReason, null, now));
  }

  /**
   * Nothing further is decided on the rows read before: others may have been registered until this
   * batch is committed.
   */
  void beginAnew() {
    anew = true;
  }

  /** Calls a row, or settles it at once when it has no url (docs/spec/branch-calls.md 1). */
  void call(int row) {
    Branch branch = branch(row);
    if (branch.url().isEmpty()) {
      settle(row, BranchStatus.SUCCEED);
    } else {
      call(row, branch.key(), branch.url(), branch.payload());
    }
  }

  /** Each row waits for the one before it only: its call may run ahead of that one's success. */
  void letRunAhead() {
    mayRunAhead = runsAhead;
  }

  /** Calls somebody else than a row. */
  void call(int row, BranchKey key, String url, Payload payload) {
    Transaction transaction = pass.transaction;
    inFlight = inFlight.with(row);
    calls.add(
        new Call(
            transaction.gid(),
            transaction.definition().type(),
            row,
            key,
            transaction.definition().protocol(),
            url,
            payload,
            retry.requestTimeout(),
            transaction.definition().options().branchHeaders(),
            extra.trace()));
  }

  /** Asks to be woken at that time if the pass still lives then. */
  void wakeAt(Instant time) {
    wakeUp = time;
  }

  Duration interval() {
    return interval;
  }

  /** The interval that holds from now on. */
  void interval(Duration newInterval) {
    interval = newInterval;
  }

  /**
   * Nothing is in flight: the transaction rests until the next retry.
   *
   * @param latest look at it no later than this; null: no bound
   */
  void restForRetry(@Nullable Instant latest) {
    if (gravest != null && !(gravest instanceof BranchAnswer.Ongoing)) {
      interval = retry.doubled(interval);
    }
    Instant next = now.plus(interval);
    if (parked && gravest == null) {
      // Spread over 1 to 5 s without chance, so that the same run gives the same times.
      next = now.plusMillis(1000 + Math.floorMod(pass.transaction.gid().hashCode(), 4001));
    }
    extra = extra.withParkings(parked ? extra.parkings() + 1 : 0);
    rest(latest != null && latest.isBefore(next) ? latest : next);
  }

  /** Nothing is in flight: the transaction rests for one interval. */
  void restForInterval() {
    extra = extra.withParkings(0);
    rest(now.plus(interval));
  }

  /** Nothing is in flight: the transaction rests until that time. */
  void rest(Instant time) {
    due = time;
  }

  Decision decision() {
    Ending ending = status.isFinal() ? Ending.FINISHED : due != null ? Ending.RESTING : null;
    State old = pass.transaction.state();
    Schedule schedule = old.schedule();
    if (ending == Ending.RESTING && due != null) {
      schedule = new Schedule(interval, due);
      writes.add(new Write.SetSchedule(schedule, now));
    } else if (ending == Ending.FINISHED && !interval.equals(schedule.interval())) {
      schedule = new Schedule(interval, schedule.nextTime());
      writes.add(new Write.SetSchedule(schedule, now));
    }
    Instant updateTime = writes.isEmpty() ? old.updateTime() : now;
    // Attempts need no commit of their own: they ride in the batch that ends the pass.
    boolean keeps = (writeExtra || ending != null) && !extra.equals(old.extra());
    if (keeps) {
      writes.add(new Write.SetExtra(extra));
    }
    return new Decision(
        new Pass(
            writes.isEmpty() ? pass.transaction : after(updateTime, schedule, keeps),
            pass.plan,
            inFlight,
            asked,
            touched,
            interval,
            extra,
            gravest,
            parked),
        writes,
        calls,
        mayRunAhead && !calls.isEmpty() && ending == null && isOneSuccess(),
        wakeUp,
        anew,
        troubles(),
        ending);
  }

  /**
   * R3: with two successes, the second one of a row without url, the call would be ahead by two;
   * what else may be written decides something.
   */
  private boolean isOneSuccess() {
    return writes.size() == 1
        && writes.getFirst() instanceof Write.SetBranch set
        && set.status() == BranchStatus.SUCCEED;
  }

  /**
   * docs/spec/transactions.md 3.1: counted by the interval that follows, and by the calls once it
   * does not grow any more.
   */
  private List<Trouble> troubles() {
    if (leftOpen.isEmpty()) {
      return List.of();
    }
    Duration following = due == null || doublesLate ? retry.doubled(interval) : interval;
    long ratio = Math.max(1, following.dividedBy(retry.base()));
    int doublings = Long.SIZE - 1 - Long.numberOfLeadingZeros(ratio);
    boolean grows = !calledWithoutPause && following.compareTo(retry.longest()) < 0;
    List<Trouble> troubles = new ArrayList<>(leftOpen.size());
    for (LeftOpen open : leftOpen) {
      String error =
          switch (open.answer()) {
            case BranchAnswer.Success _, BranchAnswer.Ongoing _ -> null;
            case BranchAnswer.Failure(String text) -> text;
            case BranchAnswer.Unknown(String text) -> text;
          };
      if (error != null) {
        Transaction transaction = pass.transaction;
        String url =
            open.row() == Call.NO_ROW
                ? transaction.definition().queryPrepared()
                : branch(open.row()).url();
        Attempt attempt = extra.attempts().get(open.called().toString());
        int retries = grows || attempt == null ? doublings : Math.max(doublings, attempt.number());
        troubles.add(
            new Trouble(
                transaction.gid(), status, open.called(), url, State.shortened(error), retries));
      }
    }
    return troubles;
  }

  private Transaction after(Instant updateTime, Schedule schedule, boolean keeps) {
    Transaction transaction = pass.transaction;
    State old = transaction.state();
    var state =
        new State(
            status,
            reason,
            old.result(),
            updateTime,
            status.isFinal() ? now : null,
            schedule,
            keeps ? extra : old.extra());
    List<Branch> branches = changed == null ? transaction.branches() : List.of(changed);
    return new Transaction(transaction.gid(), transaction.definition(), state, branches);
  }

  private void remember(BranchKey called, BranchAnswer answer) {
    String key = called.toString();
    Attempt last = extra.attempts().get(key);
    int number = last == null ? 1 : last.number() + 1;
    Attempt attempt =
        switch (answer) {
          case BranchAnswer.Success _ ->
              throw new IllegalStateException("a success leaves nothing open");
          case BranchAnswer.Ongoing(String text) ->
              new Attempt(number, now, Attempt.Kind.ONGOING, text);
          case BranchAnswer.Failure(String text) ->
              new Attempt(number, now, Attempt.Kind.FAILURE, text);
          case BranchAnswer.Unknown(String text) ->
              new Attempt(number, now, Attempt.Kind.UNKNOWN, text);
        };
    extra = extra.withAttempt(key, attempt);
  }

  private static int gravity(BranchAnswer answer) {
    return switch (answer) {
      case BranchAnswer.Success _ -> 0;
      case BranchAnswer.Ongoing _ -> 1;
      case BranchAnswer.Failure _ -> 2;
      case BranchAnswer.Unknown _ -> 3;
    };
  }
}
