package io.dtm4j.engine;

import io.dtm4j.model.Write;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a pass does next. The order is the safety: first the writes become durable, then the calls
 * leave and the waiting door is answered (R1, R2, R3). One call may run ahead of them.
 *
 * @param pass the pass once the writes are durable
 * @param writes to be committed in one batch; empty: nothing to commit
 * @param calls to be sent after the commit
 * @param ahead the call, there is one then, may leave as soon as the writes have been handed over:
 *     they are nothing but the success that it waits for
 * @param wakeUp a {@link Event.Woken} is due at this time, if the pass still lives; null: none
 * @param anew these writes leave {@code prepared}, and rows may have been registered meanwhile: the
 *     pass begins again on the record that the commit returned, with {@link Event.Started} (R4a);
 *     there are no calls then, no wake-up and no ending
 * @param troubles worth telling, whether the writes become durable or not
 * @param ending how the pass ends with these writes; null: it goes on
 */
public record Decision(
    Pass pass,
    List<Write> writes,
    List<Call> calls,
    boolean ahead,
    @Nullable Instant wakeUp,
    boolean anew,
    List<Trouble> troubles,
    @Nullable Ending ending) {
  public Decision {
    writes = List.copyOf(writes);
    calls = List.copyOf(calls);
    troubles = List.copyOf(troubles);
    if (ahead && (calls.size() != 1 || writes.size() != 1 || anew || ending != null)) {
      throw new IllegalArgumentException("one call runs ahead of one success, nothing else");
    }
  }
}
