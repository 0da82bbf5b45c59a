package io.dtm4j.engine;

import io.dtm4j.model.Attempt;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.TransType;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Says to people what an unfinished transaction waits for, and until when. */
public final class WaitingFor {
  private WaitingFor() {}

  /** One sentence; null when the transaction is finished. */
  public static @Nullable String sentence(Stored stored, Instant now) {
    Transaction transaction = stored.transaction();
    State state = transaction.state();
    if (state.status().isFinal()) {
      return null;
    }
    Instant next = state.schedule().nextTime();
    if (next.isBefore(now)) {
      return "A free server: it is due since " + next + ".";
    }
    if (stored.owner().isHeld()) {
      return "Answers of its branches; server "
          + stored.owner().server()
          + " is working on it, its lease lasts until "
          + next
          + ".";
    }
    Instant delayUntil = state.extra().delayUntil();
    if (delayUntil != null && delayUntil.isAfter(now)) {
      return "The end of its delay at " + delayUntil + ".";
    }
    if (transaction.definition().type() == TransType.WORKFLOW) {
      return "The application; it is called back at " + next + ".";
    }
    if (!state.extra().attempts().isEmpty()) {
      return retry(state, next);
    }
    if (state.status() == GlobalStatus.PREPARED) {
      return switch (transaction.definition().type()) {
        case MSG -> "The client's submit or abort; its check-back comes at " + next + ".";
        case TCC, XA -> "The client's submit or abort; it is rolled back at " + next + ".";
        case SAGA, WORKFLOW -> "The client's submit.";
      };
    }
    return "Its next run at " + next + ".";
  }

  private static String retry(State state, Instant next) {
    Map.Entry<String, Attempt> latest = null;
    for (Map.Entry<String, Attempt> entry : state.extra().attempts().entrySet()) {
      if (latest == null || entry.getValue().at().isAfter(latest.getValue().at())) {
        latest = entry;
      }
    }
    if (latest == null) {
      return "Its next run at " + next + ".";
    }
    Attempt attempt = latest.getValue();
    String what =
        switch (attempt.kind()) {
          case ONGOING -> "is not finished";
          case FAILURE -> "refuses, which it may not";
          case UNKNOWN -> "gives no definite answer";
        };
    return "Retry at "
        + next
        + ": branch "
        + latest.getKey()
        + " "
        + what
        + " (attempt "
        + attempt.number()
        + ").";
  }
}
