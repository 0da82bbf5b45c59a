package io.dtm4j.coordinator;

import static java.util.Objects.requireNonNull;

import io.dtm4j.engine.Settings;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Servers on one store, with their participants and clients, in virtual time. Whatever a test does
 * here, the {@link Invariants} are looked after.
 */
final class World {
  final VirtualTime time;
  final StoreTime storeTime;
  final Invariants invariants;
  final SharedStore store;
  final Weather weather;
  final Participants participants;
  Settings settings = Settings.DEFAULTS;
  CoordinatorLimits limits = new CoordinatorLimits(10_000, 1 << 30, 10_000, 2_000, 2_000);
  Duration safetyNet = Duration.ofSeconds(3);
  Observer observer = Observer.NONE;

  /** Told of every batch of a pass that cannot be stored. */
  Runnable passRejected = () -> {};

  /** Below the store of a single server that has it to itself; null: the store is elsewhere. */
  @Nullable Disk disk;

  /** How writes take effect at a store that servers share; null: each in one moment. */
  @Nullable SharedWrites inSteps;

  private int processes;

  World(VirtualTime time, Weather weather, Participants participants) {
    this.time = time;
    this.weather = weather;
    storeTime = new StoreTime(time);
    invariants = new Invariants(time, storeTime);
    store = new SharedStore(storeTime, invariants);
    this.participants = participants;
  }

  /** From now on that is told what happens. */
  void tracedBy(Trace trace) {
    invariants.tracedBy(trace);
  }

  /** Starts a server. */
  Server server(String name) {
    return server(name, weather);
  }

  /** Starts a server with a weather of its own. */
  Server server(String name, Weather ofItsOwn) {
    var server = new Server(this, name, ofItsOwn);
    server.start();
    return server;
  }

  /** Somebody is told that a batch cannot be stored. */
  void rejected(Batch batch) {
    if (!store.wasEverRejected(batch.gid())) {
      throw new Violation("R6: only what is broken is rejected", batch);
    }
    if (batch.guard() instanceof Guard.HeldBy) {
      passRejected.run();
    }
  }

  int nextProcess() {
    return ++processes;
  }

  /** Commits at once what no server has asked for. */
  void commit(Batch batch) {
    store.commit(List.of(batch));
  }

  /** As retention does with what has ended. */
  void deleteEnded(String gid) {
    store.delete(List.of(new Gid(gid)), time.instant().plusMillis(1));
    invariants.deleted(new Gid(gid));
  }

  /** What is stored of a gid; null: nothing. */
  @Nullable Stored find(String gid) {
    return store.find(new Gid(gid)).orElse(null);
  }

  Stored stored(String gid) {
    return requireNonNull(find(gid), "nothing is stored");
  }

  GlobalStatus status(String gid) {
    return stored(gid).transaction().status();
  }

  List<BranchStatus> rows(String gid) {
    return stored(gid).transaction().branches().stream().map(Branch::status).toList();
  }
}
