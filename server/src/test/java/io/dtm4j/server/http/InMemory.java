package io.dtm4j.server.http;

import io.dtm4j.coordinator.ClientWrites;
import io.dtm4j.coordinator.Doors;
import io.dtm4j.coordinator.Listings;
import io.dtm4j.coordinator.Subscriptions;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.GroupCommitter;
import io.dtm4j.store.MemoryStore;
import io.dtm4j.store.Reads;
import java.time.Duration;
import java.time.InstantSource;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What stands behind a door in tests: the real operations on a store in memory. */
final class InMemory implements AutoCloseable {
  final MemoryStore store = new MemoryStore(InstantSource.system());
  private final GroupCommitter committer = new GroupCommitter(store);

  /** Reads at once, on the thread that asks. */
  private static final class AtOnce implements Reads {
    @Override
    public <T extends @Nullable Object> void submit(
        Supplier<T> read, EventLoop loop, Consumer<T> done, Consumer<Throwable> failed) {
      T result;
      try {
        result = read.get();
      } catch (RuntimeException e) {
        failed.accept(e);
        return;
      }
      done.accept(result);
    }
  }

  HttpDoor.Operations behind(Doors doors) {
    var writes = new ClientWrites(store, committer, (_, _) -> () -> {});
    return new HttpDoor.Operations(
        doors,
        new Listings(store, new AtOnce(), writes),
        new Subscriptions(store, writes),
        Duration.ofSeconds(105));
  }

  @Override
  public void close() {
    committer.close();
  }
}
