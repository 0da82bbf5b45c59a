package io.dtm4j.coordinator;

import io.dtm4j.engine.Call;
import io.dtm4j.protocol.BranchAnswer;
import java.util.function.Consumer;

/** Sends calls to participants; knows the transports. */
public interface Caller {
  /**
   * Sends a call and tells what came of it. Called on an event loop and never blocks nor throws:
   * whatever goes wrong, a bad url included, is a {@link BranchAnswer.Unknown} with the cause.
   *
   * @param answered invoked exactly once, on the loop from which this was called, at the latest
   *     soon after the call's time-out
   */
  void send(Call call, Consumer<BranchAnswer> answered);
}
