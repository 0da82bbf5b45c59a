package io.dtm4j.engine;

import io.dtm4j.protocol.BranchAnswer;

/** What has happened to a pass since it was last decided. */
public sealed interface Event {
  /** The pass begins: its transaction was created, changed by a command, or claimed. */
  record Started() implements Event {
    public static final Started INSTANCE = new Started();
  }

  /**
   * A call came to its end.
   *
   * @param row the row that was called; or {@link Call#NO_ROW}
   */
  record Answered(int row, BranchAnswer answer) implements Event {}

  /**
   * A call was not sent: its destination takes no more at the moment, or it is not wanted any more
   * ({@link Engine#isStillWanted}). No attempt is counted.
   *
   * @param row as in {@link Answered}
   */
  record Parked(int row) implements Event {}

  /** The time that the last decision asked to be woken at has come. */
  record Woken() implements Event {
    public static final Woken INSTANCE = new Woken();
  }
}
