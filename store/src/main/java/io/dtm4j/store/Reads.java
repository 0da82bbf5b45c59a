package io.dtm4j.store;

import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Reads a store away from the event loops. Any thread; never blocks. */
public interface Reads {
  /**
   * Runs a read. Exactly one of the two callbacks runs, once.
   *
   * @param loop where the callbacks run
   * @param done told the result
   * @param failed told what the read threw, or {@link StoreUnavailableException} when it was not
   *     begun
   */
  <T extends @Nullable Object> void submit(
      Supplier<T> read, EventLoop loop, Consumer<T> done, Consumer<Throwable> failed);
}
