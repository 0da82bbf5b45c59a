package io.dtm4j.server.http;

import io.dtm4j.store.EventLoop;
import io.vertx.core.Context;

/**
 * One event loop of the server, with the Vert.x context in which everything of ours runs there.
 *
 * @param thread its only thread
 */
record Loop(Context context, Thread thread) implements EventLoop {
  @Override
  public void execute(Runnable task) {
    context.runOnContext(_ -> task.run());
  }

  @Override
  public boolean isCurrent() {
    return thread.equals(Thread.currentThread());
  }
}
