package io.dtm4j.protocol;

/** What a call of a branch told us, whatever the transport (docs/spec/branch-calls.md 6). */
public sealed interface BranchAnswer {
  /** Done. */
  record Success() implements BranchAnswer {
    public static final Success INSTANCE = new Success();
  }

  /**
   * A definite no.
   *
   * @param text what the branch said; becomes the reason of a rollback
   */
  record Failure(String text) implements BranchAnswer {}

  /**
   * Not finished; the same call is repeated after the same interval.
   *
   * @param text what the branch said
   */
  record Ongoing(String text) implements BranchAnswer {}

  /**
   * Nothing is known: no answer, or one that says nothing. The call may have taken effect.
   *
   * @param text what came instead of an answer, for the operator
   */
  record Unknown(String text) implements BranchAnswer {}
}
