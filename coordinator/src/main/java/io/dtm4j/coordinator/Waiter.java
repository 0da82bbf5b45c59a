package io.dtm4j.coordinator;

import io.dtm4j.engine.WaitRules;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Reply;
import io.dtm4j.store.EventLoop;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A client that waits for the result of its request.
 *
 * @param loop where {@code reply} runs
 * @param since by the monotonic clock: when its wait began
 */
record Waiter(EventLoop loop, Consumer<Reply> reply, long since) {
  /** Answers it, on its own loop. */
  void tell(Reply answer) {
    if (loop.isCurrent()) {
      reply.accept(answer);
    } else {
      loop.execute(() -> reply.accept(answer));
    }
  }

  /** What it is told of a transaction that others go on with; null: it is gone. */
  static Reply replyOf(@Nullable Stored stored) {
    return stored == null
        ? new Reply.Failed(ErrorCode.GID_NOT_FOUND, "the transaction is gone")
        : WaitRules.replyOf(stored.transaction());
  }

  /** What it is told when a write takes too long (R6). */
  static Reply outcomeUnknown() {
    return new Reply.Failed(
        ErrorCode.OUTCOME_UNKNOWN,
        "the store has not confirmed the write; repeat the request or query the gid");
  }
}
