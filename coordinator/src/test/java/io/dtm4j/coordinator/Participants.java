package io.dtm4j.coordinator;

import io.dtm4j.engine.Call;
import io.dtm4j.protocol.BranchAnswer;
import java.time.Instant;
import java.util.function.Consumer;

/** The other side of the calls. Lives on when servers die. */
interface Participants {
  /** Takes a call that has reached it. */
  void receive(Received received);

  /** A call that has reached its participant; it is answered now, later or never. */
  record Received(Instant at, Call call, Consumer<BranchAnswer> answer) {
    void answer(BranchAnswer text) {
      answer.accept(text);
    }

    void succeed() {
      answer(BranchAnswer.Success.INSTANCE);
    }

    void fail(String text) {
      answer(new BranchAnswer.Failure(text));
    }
  }
}
