package io.dtm4j.server.http;

import io.dtm4j.coordinator.Claims;
import io.dtm4j.coordinator.ClientWrites;
import io.dtm4j.coordinator.Doors;
import io.dtm4j.coordinator.Listings;
import io.dtm4j.coordinator.Servers;
import io.dtm4j.coordinator.Subscriptions;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransType;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.GroupCommitter;
import io.dtm4j.store.MemoryStore;
import io.dtm4j.store.Reads;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What stands behind a door in tests: the real operations on a store in memory. */
public final class InMemory implements AutoCloseable {
  /** Why no requests should come; null: they should. */
  public volatile @Nullable Reply notReady;

  public final MemoryStore store = new MemoryStore(InstantSource.system());
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

  /** Whatever thread there is. */
  private static final class Here implements EventLoop {
    @Override
    public boolean isCurrent() {
      return true;
    }

    @Override
    public void execute(Runnable task) {
      task.run();
    }
  }

  /** Of this server, when it is started, and of those that the store knows. */
  public final Servers servers =
      new Servers(
          store,
          committer,
          new AtOnce(),
          (_, _) -> () -> {},
          new Here(),
          new Claims("this"),
          () -> 7);

  public HttpDoor.Operations behind(Doors doors) {
    var writes = new ClientWrites(store, committer, (_, _) -> () -> {});
    return new HttpDoor.Operations(
        doors,
        new Listings(store, new AtOnce(), writes),
        new Subscriptions(store, writes),
        servers,
        Duration.ofSeconds(105),
        () -> notReady);
  }

  /** Stores a transaction without branches that nobody works on. */
  public Stored save(
      String gid, TransType type, GlobalStatus status, Instant created, Instant due) {
    var definition = new Definition(type, "http", "", "", Options.DEFAULTS, created);
    var state =
        new State(
            status,
            "",
            "",
            created,
            status.isFinal() ? created : null,
            new Schedule(Duration.ofSeconds(10), due),
            Extra.NONE);
    var transaction = new Transaction(new Gid(gid), definition, state, List.of());
    var owner = new Owner(Owner.Mark.RESTING, "s", "claim-" + gid, 1);
    List<Write> save = List.of(new Write.SaveNew(transaction));
    store.commit(List.of(new Batch(new Gid(gid), Guard.Absent.INSTANCE, owner, save)));
    return store.find(new Gid(gid)).orElseThrow();
  }

  @Override
  public void close() {
    committer.close();
  }
}
