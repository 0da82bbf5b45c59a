package io.dtm4j.engine;

import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Decides what a transaction does next: a pure function of the pass, what has happened and the
 * time. No I/O, no clock, no threads, no chance; the same input gives the same decision.
 * Thread-safe.
 *
 * <p>{@link Commands} decides what requests of clients do; everything after that happens here.
 */
public final class Engine {
  /** What a wait for the result of a saga may last longer than one of its calls. */
  private static final Duration WAIT_MARGIN = Duration.ofSeconds(2);

  private static final SagaRules SAGA = new SagaRules();
  private static final MsgRules MSG = new MsgRules();
  private static final WorkflowRules WORKFLOW = new WorkflowRules();

  private final Settings settings;

  public Engine(Settings settings) {
    this.settings = settings;
  }

  public Settings settings() {
    return settings;
  }

  /**
   * What follows from the events. Events of calls that are not in flight any more change nothing.
   *
   * @param pass a pass whose writes are all durable (R3a)
   * @param events what has happened since, in its order
   * @param now the store's time
   */
  public Decision decide(Pass pass, List<Event> events, Instant now) {
    Draft draft = new Draft(pass, settings, now);
    ModeRules rules = rulesOf(pass.transaction().definition().type());
    for (Event event : events) {
      switch (event) {
        case Event.Started _, Event.Woken _ -> {}
        case Event.Answered answered -> {
          if (draft.isInFlight(answered.row())) {
            draft.landed(answered.row());
            rules.answered(draft, answered.row(), answered.answer());
          }
        }
        case Event.Parked parked -> {
          if (!draft.isInFlight(parked.row())) {
            continue;
          }
          if (rules.isStillWanted(draft.status(), parked.row())) {
            draft.park(parked.row());
          } else {
            draft.landed(parked.row());
          }
        }
      }
    }
    if (!draft.status().isFinal()) {
      rules.advance(draft);
    }
    return draft.decision();
  }

  /**
   * Whether a call that was decided earlier and has not left yet may leave now. If not it counts as
   * {@link Event.Parked}.
   */
  public boolean isStillWanted(Pass pass, Call call) {
    Transaction transaction = pass.transaction();
    return rulesOf(transaction.definition().type()).isStillWanted(transaction.status(), call.row());
  }

  /** How long a claim lasts when nothing is known of the transaction's options yet. */
  public Duration leaseOfUnknown() {
    return new RetryPolicy(settings, Options.DEFAULTS).lease();
  }

  /** How long a claim on this transaction lasts from each renewal. */
  public Duration leaseOf(Transaction transaction) {
    return new RetryPolicy(settings, transaction.definition().options()).lease();
  }

  /** How long a call of a branch of this transaction may take. */
  Duration requestTimeoutOf(Transaction transaction) {
    return new RetryPolicy(settings, transaction.definition().options()).requestTimeout();
  }

  /**
   * How long a client waits for the result at most (docs/spec/transactions.md 9); null: until the
   * pass comes to its end, as all but sagas wait for every call of it.
   */
  public @Nullable Duration longestWaitOf(Transaction transaction) {
    return transaction.definition().type() == TransType.SAGA
        ? requestTimeoutOf(transaction).plus(WAIT_MARGIN)
        : null;
  }

  private static ModeRules rulesOf(TransType type) {
    return switch (type) {
      case SAGA -> SAGA;
      case MSG -> MSG;
      case TCC -> TwoPhaseRules.TCC;
      case XA -> TwoPhaseRules.XA;
      case WORKFLOW -> WORKFLOW;
    };
  }
}
