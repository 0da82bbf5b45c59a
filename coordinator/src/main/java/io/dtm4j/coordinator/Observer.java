package io.dtm4j.coordinator;

import io.dtm4j.engine.Trouble;
import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.TransType;
import java.time.Duration;

/**
 * Told what happens to transactions, so that it can be counted. Called on event loops and by
 * timers, often: it must neither block nor throw.
 */
public interface Observer {
  /** Takes no notice. */
  Observer NONE =
      new Observer() {
        @Override
        public void passEnded(TransType type, boolean ok, Duration age) {}

        @Override
        public void branchCalled(TransType type, BranchKey branch, boolean ok) {}

        @Override
        public void troubled(Trouble trouble) {}

        @Override
        public void passDropped() {}

        @Override
        public void timerFired(Duration late) {}

        @Override
        public Destination destination(String address) {
          return Destination.NONE;
        }
      };

  /**
   * A pass has ended; those who wait for it are told afterwards.
   *
   * @param ok whether it did what it began for: a submitted transaction has succeeded, any other
   *     has come to its end. A pass that a client began without waiting for it may also leave its
   *     transaction failed or open (docs/spec/operations.md 1)
   * @param age of the transaction
   */
  void passEnded(TransType type, boolean ok, Duration age);

  /**
   * The call of a branch has come to its end; check-backs are no such calls.
   *
   * @param ok whether the branch has succeeded; an answer that is not definite counts as not
   */
  void branchCalled(TransType type, BranchKey branch, boolean ok);

  /** A call has to be repeated later: of a branch, a check-back or the resume of a workflow. */
  void troubled(Trouble trouble);

  /** A pass could not go on, by a defect of the server or of the record; it ends, too. */
  void passDropped();

  /**
   * A timer of a transaction has fired.
   *
   * @param late how long after its time, by the store's clock; not negative
   */
  void timerFired(Duration late);

  /**
   * Whom to tell about the calls of a destination. Asked from time to time, for the same one again;
   * any thread.
   *
   * @param address scheme, host and port of a url, with the user if it names one
   */
  Destination destination(String address);

  /** Told about the calls of a destination, as an observer is. */
  interface Destination {
    /** Takes no notice. */
    Destination NONE =
        new Destination() {
          @Override
          public void called(BranchAnswer answer, boolean unreachable, long nanos) {}

          @Override
          public void deferred(Deferral why) {}
        };

    /**
     * A call has come to its end, be it of a branch, a check-back or a resume.
     *
     * @param unreachable no connection came up; the answer is unknown then
     * @param nanos since it had its place among the calls in flight
     */
    void called(BranchAnswer answer, boolean unreachable, long nanos);

    /** A call does not leave; its pass rests for some seconds. */
    void deferred(Deferral why);
  }

  /** Why a call does not leave now. */
  enum Deferral {
    /** All places are taken, and all in the queue. */
    FULL,
    /** Connecting to the destination has just failed, and the call can wait. */
    UNREACHABLE
  }
}
