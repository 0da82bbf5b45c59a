package io.dtm4j.engine;

import io.dtm4j.model.Extra;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.CustomData;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One transaction being worked on: what is durable of it, and what only this pass knows. Immutable.
 */
public final class Pass {
  final Transaction transaction;

  /** The order of a saga's steps; of no meaning in other modes. */
  final Plan plan;

  /** Rows whose call has not come to its end. */
  final Rows inFlight;

  /**
   * Rows that were called in this pass without a definite answer; they are not called again in it.
   */
  final Rows asked;

  /** When the pass began or got its last answer that was not definite: see RetryPolicy#isReset. */
  final Instant touched;

  /** The present interval; stored when the pass comes to rest. */
  final Duration interval;

  /** What is kept beyond DTM's record; stored when the pass comes to rest. */
  final Extra extra;

  /**
   * The answer that a waiting client hears about: the gravest without a definite outcome; or null.
   */
  final @Nullable BranchAnswer gravest;

  /** Whether a call was turned away by its destination. */
  final boolean parked;

  Pass(
      Transaction transaction,
      Plan plan,
      Rows inFlight,
      Rows asked,
      Instant touched,
      Duration interval,
      Extra extra,
      @Nullable BranchAnswer gravest,
      boolean parked) {
    this.transaction = transaction;
    this.plan = plan;
    this.inFlight = inFlight;
    this.asked = asked;
    this.touched = touched;
    this.interval = interval;
    this.extra = extra;
    this.gravest = gravest;
    this.parked = parked;
  }

  /** A pass that begins now on what is stored. */
  public static Pass begin(Transaction transaction, Instant now) {
    CustomData.Saga data =
        transaction.definition().type() == TransType.SAGA
            ? CustomData.saga(transaction.definition().customData())
            : CustomData.Saga.SEQUENTIAL;
    return new Pass(
        transaction,
        Plan.of(data, transaction.branches().size() / 2),
        Rows.NONE,
        Rows.NONE,
        now,
        transaction.state().schedule().interval(),
        transaction.state().extra(),
        null,
        false);
  }

  /** The transaction as far as it is durable. */
  public Transaction transaction() {
    return transaction;
  }

  /** Whether the call of a row has not come to its end. */
  public boolean hasInFlight() {
    return !inFlight.isEmpty();
  }
}
