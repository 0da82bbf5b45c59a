package io.dtm4j.store;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.protocol.Gid;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * A store that notes which groups come and fails as it was told. A batch goes by its gid and its
 * revision.
 */
final class ScriptedStore extends MemoryStore {
  private final Semaphore commits = new Semaphore(0);
  private volatile CountDownLatch gate = new CountDownLatch(0);

  private volatile Runnable meanwhile = () -> {};

  // Guarded by this.
  private final List<@Nullable Throwable> failures = new ArrayList<>();
  private final List<List<String>> groups = new ArrayList<>();
  private final List<String> stored = new ArrayList<>();
  private final Map<Gid, Set<String>> threadsByGid = new HashMap<>();
  private String broken = "";
  private boolean failsAlways;

  ScriptedStore(Instant now) {
    super(InstantSource.fixed(now));
  }

  /** From now on commits wait; those that have begun before are not awaited any more. */
  void shut() {
    commits.drainPermits();
    gate = new CountDownLatch(1);
  }

  void open() {
    gate.countDown();
  }

  /** That happens during each of the next commits, when the gate has let it in. */
  void during(Runnable commit) {
    meanwhile = commit;
  }

  /** Waits until one more commit has begun. */
  void awaitCommit() throws InterruptedException {
    assertThat(commits.tryAcquire(10, SECONDS)).isTrue();
  }

  /** How the next commits fail; null: not. */
  synchronized void failNext(@Nullable Throwable... next) {
    failures.addAll(Arrays.asList(next));
  }

  synchronized void failAlways() {
    failsAlways = true;
  }

  /** Rejects every group with this batch in it. */
  synchronized void breakOn(String name) {
    broken = name;
  }

  /** All groups that came, in their order, whatever became of them. */
  synchronized List<List<String>> groups() {
    return List.copyOf(groups);
  }

  /** All batches that were stored, in their order. */
  synchronized List<String> stored() {
    return List.copyOf(stored);
  }

  synchronized Map<Gid, Set<String>> threadsByGid() {
    return Map.copyOf(threadsByGid);
  }

  synchronized String work() {
    groups.add(List.of("work"));
    return "work done";
  }

  @Override
  @SuppressWarnings("UnsynchronizedOverridesSynchronized") // whoever waits holds up nobody else
  public List<CommitResult> commit(List<Batch> group) {
    commits.release();
    try {
      assertThat(gate.await(10, SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    meanwhile.run();
    return commitNow(group);
  }

  private synchronized List<CommitResult> commitNow(List<Batch> group) {
    List<String> names = group.stream().map(ScriptedStore::name).toList();
    groups.add(names);
    for (Batch batch : group) {
      threadsByGid
          .computeIfAbsent(batch.gid(), _ -> new TreeSet<>())
          .add(Thread.currentThread().getName());
    }
    switch (nextFailure()) {
      case null -> {}
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      case Throwable e -> throw new AssertionError(e);
    }
    if (names.contains(broken)) {
      throw new StoreRejectedException("cannot store " + broken, new IllegalStateException());
    }
    stored.addAll(names);
    return super.commit(group);
  }

  private @Nullable Throwable nextFailure() {
    if (failsAlways) {
      return new IllegalStateException("away");
    }
    return failures.isEmpty() ? null : failures.removeFirst();
  }

  private static String name(Batch batch) {
    return batch.gid().value() + (batch.owner() == null ? "" : batch.owner().revision());
  }
}
