package io.dtm4j.coordinator;

import io.dtm4j.engine.Call;
import io.dtm4j.protocol.BranchAnswer;

/** Sends calls to participants; knows the transports. */
public interface Caller {
  /** Told how a call has ended. */
  interface Ended {
    /**
     * The call is over.
     *
     * @param unreachable no connection to the host of the call's url came up (refused, no route, no
     *     such name, TLS), so it knows nothing of the call; false also when that is not certain
     */
    void ended(BranchAnswer answer, boolean unreachable);

    /**
     * Whether the call may leave. Asked on the loop of the call whenever something of it is about
     * to leave, as it may have waited for a connection until then; if not it is {@link
     * BranchAnswer.Unknown}.
     */
    default boolean mayLeave() {
      return true;
    }

    /**
     * Whether the server still has the right to call anything of the transaction (R7). A transport
     * that writes later than it asked {@link #mayLeave()} asks this right before it does, on the
     * loop of the call.
     */
    default boolean hasRight() {
      return true;
    }
  }

  /**
   * Sends a call and tells what came of it. Called on an event loop and never blocks nor throws:
   * whatever goes wrong, a bad url included, is a {@link BranchAnswer.Unknown} with the cause.
   *
   * @param ended invoked exactly once, on the loop from which this was called, at the latest soon
   *     after the call's time-out
   */
  void send(Call call, Ended ended);
}
