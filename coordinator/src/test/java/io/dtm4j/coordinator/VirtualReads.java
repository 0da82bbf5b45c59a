package io.dtm4j.coordinator;

import io.dtm4j.store.EventLoop;
import io.dtm4j.store.Reads;
import io.dtm4j.store.StoreUnavailableException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Reads in virtual time: each sees the store as it is half-way. */
final class VirtualReads implements Reads {
  private final VirtualProcess process;
  private final Weather weather;

  VirtualReads(VirtualProcess process, Weather weather) {
    this.process = process;
    this.weather = weather;
  }

  @Override
  public <T extends @Nullable Object> void submit(
      Supplier<T> read, EventLoop loop, Consumer<T> done, Consumer<Throwable> failed) {
    process.after(weather.read(), () -> perform(read, loop, done, failed));
  }

  private <T extends @Nullable Object> void perform(
      Supplier<T> read, EventLoop loop, Consumer<T> done, Consumer<Throwable> failed) {
    if (weather.readFails()) {
      loop.execute(() -> failed.accept(new StoreUnavailableException("on purpose", null)));
    } else {
      T result = read.get();
      process.after(weather.read(), () -> loop.execute(() -> done.accept(result)));
    }
  }
}
