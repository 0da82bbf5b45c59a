package io.dtm4j.coordinator;

import io.dtm4j.engine.Trouble;
import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.TransType;
import java.time.Duration;

/**
 * Told what happens to transactions, so that it can be counted. Called on event loops, often: it
 * must neither block nor throw.
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
}
