package io.dtm4j.engine;

import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Definition;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.CustomData;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Two-phase messages: docs/spec/transactions.md 7. A prepared message that gets old is checked
 * back; a submitted one is called until every branch has succeeded, it never rolls back.
 */
final class MsgRules implements ModeRules {
  /** What a check-back is called with. */
  static final BranchKey CHECK_BACK = new BranchKey("00", Op.CHECK_BACK);

  @Override
  public void answered(Draft draft, int row, BranchAnswer answer) {
    if (row == Call.NO_ROW) {
      checkedBack(draft, answer);
    } else {
      draft.settleOrRetry(row, answer);
    }
  }

  private static void checkedBack(Draft draft, BranchAnswer answer) {
    switch (answer) {
      case BranchAnswer.Success _ -> {
        draft.forgetAttempts(CHECK_BACK);
        submit(draft);
      }
      case BranchAnswer.Failure _ -> draft.changeStatus(GlobalStatus.FAILED, null);
      case BranchAnswer.Ongoing _ -> {
        draft.leaveOpen(Call.NO_ROW, CHECK_BACK, answer);
        draft.interval(draft.retry().base());
      }
      case BranchAnswer.Unknown _ -> draft.leaveOpen(Call.NO_ROW, CHECK_BACK, answer);
    }
  }

  /** The verdict of a check-back; a delay counts from here. */
  private static void submit(Draft draft) {
    draft.changeStatus(GlobalStatus.SUBMITTED, null);
    Instant until = endOfDelay(draft.before().definition(), draft.now());
    if (until != null) {
      draft.keep(draft.extra().withDelayUntil(until));
    }
  }

  /**
   * Until when a transaction that is submitted now is delayed; null: it is none that waits. A
   * millisecond more than its delay, because times are whole milliseconds and the one of the submit
   * may be nearly over: a message is never early.
   */
  static @Nullable Instant endOfDelay(Definition definition, Instant now) {
    long delay = definition.type() == TransType.MSG ? CustomData.delay(definition.customData()) : 0;
    return delay > 0 ? now.plusSeconds(delay).plusMillis(1) : null;
  }

  @Override
  public boolean isStillWanted(GlobalStatus status, int row) {
    return true; // a message never changes its direction
  }

  @Override
  public void advance(Draft draft) {
    if (draft.status() == GlobalStatus.PREPARED) {
      checkBack(draft);
    }
    if (draft.status() == GlobalStatus.SUBMITTED) {
      send(draft);
    }
  }

  private static void checkBack(Draft draft) {
    Instant due =
        draft.before().definition().createTime().plus(draft.retry().timeoutWhilePrepared());
    if (draft.now().isBefore(due)) {
      draft.rest(due);
      return;
    }
    String url = draft.before().definition().queryPrepared();
    if (url.isEmpty()) {
      submit(draft); // docs/spec/branch-calls.md 1: an empty url is success without a call
    } else if (draft.mayAsk(Call.NO_ROW)) {
      draft.call(Call.NO_ROW, CHECK_BACK, url, Payload.EMPTY);
    } else if (!draft.hasInFlight()) {
      draft.restForRetry(null);
    }
  }

  private static void send(Draft draft) {
    Instant delayUntil = draft.extra().delayUntil();
    if (delayUntil != null && draft.now().isBefore(delayUntil)) {
      draft.rest(delayUntil);
      return;
    }
    boolean concurrent = draft.before().definition().options().concurrent();
    if (!concurrent) {
      draft.letRunAhead();
    }
    boolean allDone = true;
    for (int row = 0; row < draft.rows(); row++) {
      if (draft.mayCall(row)) {
        draft.call(row);
      }
      if (draft.branch(row).isOpen()) {
        allDone = false;
        if (!concurrent) {
          break;
        }
      }
    }
    if (allDone) {
      draft.changeStatus(GlobalStatus.SUCCEED, null);
    } else if (!draft.hasInFlight()) {
      draft.restForRetry(null);
    }
  }
}
