package io.dtm4j.server.http;

import io.dtm4j.coordinator.Caller;
import io.dtm4j.engine.Call;
import io.dtm4j.protocol.BranchAnswer;
import io.vertx.core.Future;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Calls participants over HTTP (docs/spec/branch-calls.md 3). A call stays on the loop from which
 * it was sent, and so does its answer.
 */
public final class HttpCaller implements Caller, AutoCloseable {
  private final List<LoopCaller> callers;

  private HttpCaller(List<LoopCaller> callers) {
    this.callers = callers;
  }

  /**
   * Makes a caller for these loops.
   *
   * @param policy which addresses may be called
   */
  public static HttpCaller open(Loops loops, CallerConfig config, AddressPolicy policy) {
    return open(loops, config, policy, System::nanoTime);
  }

  /**
   * The same with a clock of one's own.
   *
   * @param nanoTime monotonic, for time-outs and idle times
   */
  static HttpCaller open(
      Loops loops, CallerConfig config, AddressPolicy policy, LongSupplier nanoTime) {
    List<Loop> all = loops.withContexts();
    return new HttpCaller(
        all.stream()
            .map(loop -> new LoopCaller(loops.vertx(), loop, all.size(), config, policy, nanoTime))
            .toList());
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalStateException on a thread that is none of the loops
   */
  @Override
  public void send(Call call, Consumer<BranchAnswer> answered) {
    for (LoopCaller caller : callers) {
      if (caller.loop.isCurrent()) {
        caller.send(call, answered);
        return;
      }
    }
    throw new IllegalStateException("a call from " + Thread.currentThread() + ", which is no loop");
  }

  /** Closes all connections; calls in flight end as unknown. Blocks until it is done. */
  @Override
  public void close() {
    Future.join(callers.stream().map(LoopCaller::close).toList()).otherwiseEmpty().await();
  }
}
