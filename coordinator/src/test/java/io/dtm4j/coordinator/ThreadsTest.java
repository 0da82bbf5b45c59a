package io.dtm4j.coordinator;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.engine.Call;
import io.dtm4j.engine.Engine;
import io.dtm4j.engine.Settings;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.Reply;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.GroupCommitter;
import io.dtm4j.store.MemoryStore;
import io.dtm4j.store.StoreReaders;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** The same classes with real threads: commands and passes of one gid meet from several loops. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class ThreadsTest {
  private static final CoordinatorLimits LIMITS =
      new CoordinatorLimits(10_000, 1 << 30, 10_000, 50, 10_000);

  private final List<Loop> loops = Stream.generate(Loop::new).limit(4).toList();
  private final MemoryStore store = new MemoryStore(InstantSource.system());
  private final GroupCommitter committer = new GroupCommitter(store);
  private final StoreReaders reads = new StoreReaders(2, 10_000);
  private final ThreadTimers timers = new ThreadTimers();
  private final Map<String, AtomicInteger> calls = new ConcurrentHashMap<>();
  private final Engine engine = new Engine(Settings.DEFAULTS);
  private final Coordinator coordinator =
      new Coordinator(
          engine,
          committer,
          this::call,
          timers,
          store::storeTime,
          System::nanoTime,
          LIMITS,
          Observer.NONE);
  private final Claims claims = new Claims("server");
  private final CommandHandler commands =
      new CommandHandler(
          coordinator,
          engine,
          store,
          committer,
          reads,
          claims,
          timers,
          System::nanoTime,
          new Subscriptions(store, new ClientWrites(store, committer, timers)),
          LIMITS);
  private final Recovery recovery =
      new Recovery(
          coordinator,
          store,
          committer,
          reads,
          claims,
          timers,
          System::nanoTime,
          loops,
          Duration.ofSeconds(10),
          Duration.ofSeconds(3),
          LIMITS);
  private final Keeper keeper =
      new Keeper(
          coordinator, commands, recovery, committer, timers, System::nanoTime, loops.getFirst());

  /** An event loop with a thread of its own. */
  private static final class Loop implements EventLoop {
    private final ExecutorService thread =
        Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().factory());
    private final ThreadLocal<Boolean> mine = ThreadLocal.withInitial(() -> false);

    Loop() {
      thread.execute(() -> mine.set(true));
    }

    @Override
    public void execute(Runnable task) {
      thread.execute(task);
    }

    @Override
    public boolean isCurrent() {
      return mine.get();
    }
  }

  private void call(Call call, Caller.Ended ended) {
    calls
        .computeIfAbsent(call.gid() + " " + call.key(), _ -> new AtomicInteger())
        .incrementAndGet();
    Loop loop = loops.stream().filter(Loop::isCurrent).findFirst().orElseThrow();
    timers.after(
        Duration.ofMillis(1),
        () -> loop.execute(() -> ended.ended(BranchAnswer.Success.INSTANCE, false)));
  }

  @AfterEach
  void close() {
    committer.close();
    reads.close();
    timers.close();
    loops.forEach(loop -> loop.thread.shutdownNow());
  }

  @Test
  void each_branch_is_called_once_though_each_saga_is_submitted_from_every_loop()
      throws InterruptedException {
    int sagas = 500;
    var answered = new CountDownLatch(sagas * loops.size());
    Collection<Reply> refused = new ConcurrentLinkedQueue<>();
    keeper.start();
    recovery.start();

    for (int i = 0; i < sagas; i++) {
      Command submit = Requests.saga("g-" + i, 3).waiting().submit();
      for (Loop loop : loops) {
        loop.execute(
            () ->
                commands.handle(
                    submit,
                    loop,
                    reply -> {
                      if (!(reply instanceof Reply.Success)) {
                        refused.add(reply);
                      }
                      answered.countDown();
                    }));
      }
    }

    assertThat(answered.await(60, TimeUnit.SECONDS)).isTrue();
    assertThat(refused).as("came when it was over").allMatch(Reply.Refused.class::isInstance);
    assertThat(calls).hasSize(3 * sagas);
    assertThat(calls.values()).allMatch(number -> number.get() == 1);
    keeper.stop(Duration.ofSeconds(5));
    assertThat(coordinator.openPasses()).isZero();
    assertThat(coordinator.openBytes()).isZero();
    assertThat(commands.open()).isZero();
  }
}
