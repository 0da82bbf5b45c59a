package io.dtm4j.store;

import java.util.concurrent.Executor;

/** A thread that runs what it is given one after another and never blocks. */
public interface EventLoop extends Executor {
  /** Whether the calling thread is this loop's. */
  boolean isCurrent();
}
