package io.dtm4j.coordinator;

import io.dtm4j.store.Committer;
import io.dtm4j.store.ElapsedTime;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.HaltPoint;
import io.dtm4j.store.Lease;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks after what takes its time, several times a second: renews the leases of passes that earn
 * it, drops those that do nothing (R7), and ends the waits of clients. Also stops the whole.
 * Thread-safe.
 */
public final class Keeper {
  private static final Logger log = LoggerFactory.getLogger(Keeper.class);
  private static final Duration SWEEP_EVERY = Duration.ofMillis(250);

  /** A batch that is on its way longer counts as frozen and earns no lease (R6, R7). */
  private static final Duration FROZEN_AFTER = ClientWrites.OUTCOME_WITHIN;

  private static final int SWEEPS_PER_MINUTE = 240;

  /** The store reads and writes each record: thousands in one go would hold up all commits. */
  private static final int RENEWED_AT_ONCE = 256;

  private static final Duration GRACE = Duration.ofSeconds(1);
  private static final Duration LOOK_WHILE_STOPPING = Duration.ofMillis(10);

  private final Coordinator coordinator;
  private final CommandHandler commands;
  private final Recovery recovery;
  private final Committer committer;
  private final Timers timers;
  private final LongSupplier nanoTime;
  private final LongSupplier timersTime;
  private final EventLoop loop;
  private final Queue<LivePass> toRenew = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean renewing = new AtomicBoolean();
  private long sweeps;
  private volatile boolean stopped;

  /**
   * @param loop where the results of renewals are told
   */
  public Keeper(
      Coordinator coordinator,
      CommandHandler commands,
      Recovery recovery,
      Committer committer,
      Timers timers,
      LongSupplier nanoTime,
      EventLoop loop) {
    this.coordinator = coordinator;
    this.commands = commands;
    this.recovery = recovery;
    this.committer = committer;
    this.timers = timers;
    this.nanoTime = nanoTime;
    timersTime = ElapsedTime.ofTimers(nanoTime);
    this.loop = loop;
    coordinator.onLeaseNeeded(this::ask);
  }

  public void start() {
    timers.after(SWEEP_EVERY, this::sweepAndRepeat);
  }

  private void sweepAndRepeat() {
    if (stopped) {
      return;
    }
    try {
      sweep();
    } catch (RuntimeException e) {
      log.atError().setCause(e).log("sweep failed");
    } finally {
      timers.after(SWEEP_EVERY, this::sweepAndRepeat); // whatever happens, leases need it
    }
  }

  private void sweep() {
    long now = nanoTime.getAsLong();
    commands.sweep();
    if (++sweeps % SWEEPS_PER_MINUTE == 0) {
      coordinator.forgetIdleDestinations();
    }
    for (LivePass live : coordinator.passes()) {
      if (live.waiters.isAnyOverdue(now)) {
        live.loop.execute(() -> coordinator.endWaits(live));
      }
      if (isFrozen(live, now)) {
        live.loop.execute(() -> coordinator.tellUnknown(live));
      }
      if (live.leaseEnd - now < live.lease.toNanos() * 2 / 3) {
        live.loop.execute(() -> lookAt(live));
      }
    }
  }

  private static boolean isFrozen(LivePass live, long now) {
    long since = live.committingSince;
    return since != 0 && now - since > FROZEN_AFTER.toNanos();
  }

  /** R7: renews the lease of a pass that earns it; on the pass's loop. */
  private void lookAt(LivePass live) {
    if (live.ended || live.superseded || live.isAboutToDecide()) {
      return;
    }
    long now = nanoTime.getAsLong();
    if (live.isCommitting()) {
      if (!isFrozen(live, now)) {
        ask(live);
      } else if (live.leaseEnd - now < 0) {
        coordinator.abandon(live);
      }
    } else if (live.queued > 0 || !live.waitingForLease.isEmpty()) {
      ask(live);
    } else if (live.calls > 0) {
      if (live.callsEndBy - timersTime.getAsLong() > 0) {
        ask(live);
      } else if (live.callsOverSince == 0) {
        // After a standstill, of the server or of this loop, their ends are still on the way to it.
        live.callsOverSince = now | 1;
      } else if (now - live.callsOverSince >= SWEEP_EVERY.toNanos()) {
        coordinator.drop(live, "a call did not come to its end", null);
      }
    } else if (live.wakeUpAt == null) {
      coordinator.drop(live, "nothing is left to wait for", null);
    }
  }

  private void ask(LivePass live) {
    if (!live.renewing) {
      live.renewing = true;
      toRenew.add(live);
      renew();
    }
  }

  private void renew() {
    if (toRenew.isEmpty() || !renewing.compareAndSet(false, true)) {
      return;
    }
    Map<Duration, List<LivePass>> byLease = new HashMap<>();
    for (int i = 0; i < RENEWED_AT_ONCE; i++) {
      LivePass live = toRenew.poll();
      if (live == null) {
        break;
      }
      byLease.computeIfAbsent(live.lease, _ -> new ArrayList<>()).add(live);
    }
    long sentAt = nanoTime.getAsLong();
    committer.<Set<Lease>>perform(
        store -> {
          Set<Lease> lost = new HashSet<>();
          byLease.forEach((lease, passes) -> lost.addAll(store.renew(leasesOf(passes), lease)));
          return lost;
        },
        loop,
        lost -> {
          renewing.set(false);
          byLease.values().forEach(passes -> passes.forEach(live -> tell(live, lost, sentAt)));
          renew();
        },
        e -> {
          renewing.set(false);
          byLease.values().forEach(passes -> passes.forEach(this::mayAskAgain));
          log.atWarn().addKeyValue("cause", String.valueOf(e)).log("leases were not renewed");
          renew(); // the others
        });
  }

  private void mayAskAgain(LivePass live) {
    live.loop.execute(() -> live.renewing = false);
  }

  private void tell(LivePass live, Set<Lease> lost, long sentAt) {
    live.loop.execute(
        () -> {
          live.renewing = false;
          if (lost.contains(new Lease(live.gid, live.claim))) {
            answerAsStored(live, coordinator.lost(live));
          } else {
            coordinator.renewed(live, sentAt + live.lease.toNanos());
          }
        });
  }

  private void answerAsStored(LivePass live, List<Waiter> waiters) {
    if (!waiters.isEmpty()) {
      commands.query(
          live.gid,
          live.loop,
          stored -> waiters.forEach(one -> one.tell(Waiter.replyOf(stored))),
          trouble -> waiters.forEach(one -> one.tell(trouble)));
    }
  }

  /** Asked for when the store takes it: what has ended by then needs no lease any more. */
  private static List<Lease> leasesOf(List<LivePass> passes) {
    return passes.stream()
        .filter(live -> !live.ended)
        .map(live -> new Lease(live.gid, live.claim))
        .toList();
  }

  /**
   * Stops in good order: nothing new is taken, passes that clients wait for go on for a while, the
   * others end their calls; then all clients are answered and all claims given back, so that other
   * servers go on at once. Blocks for at most that long and two seconds.
   *
   * @param within how long passes may take
   */
  public void stop(Duration within) throws InterruptedException {
    var done = new CountDownLatch(1);
    stop(within, done::countDown);
    long atMost = within.plus(GRACE.multipliedBy(2)).toMillis();
    if (!done.await(atMost, TimeUnit.MILLISECONDS)) {
      log.atWarn().log("claims were not given back; they end by themselves");
    }
  }

  /**
   * The same without blocking.
   *
   * @param done runs when all is given back
   */
  void stop(Duration within, Runnable done) {
    commands.stop();
    recovery.stop();
    Queue<Lease> givenBack = new ConcurrentLinkedQueue<>();
    coordinator.drain(givenBack::add);
    long deadline = nanoTime.getAsLong() + within.toNanos();
    whenEmpty(
        deadline,
        () -> {
          stopped = true;
          coordinator.passes().forEach(live -> live.loop.execute(() -> coordinator.giveBack(live)));
          commands.endAll();
          long grace = nanoTime.getAsLong() + GRACE.toNanos();
          whenEmpty(grace, () -> release(List.copyOf(givenBack), done));
        });
  }

  private void whenEmpty(long deadline, Runnable then) {
    boolean empty = coordinator.openPasses() == 0 && commands.open() == 0;
    if (empty || nanoTime.getAsLong() - deadline >= 0) {
      then.run();
    } else {
      timers.after(LOOK_WHILE_STOPPING, () -> whenEmpty(deadline, then));
    }
  }

  private void release(List<Lease> leases, Runnable done) {
    HaltPoint.BEFORE_RELEASE_AT_STOP.pass();
    if (leases.isEmpty()) {
      done.run();
      return;
    }
    committer.perform(
        store -> {
          store.release(leases);
          return leases;
        },
        loop,
        _ -> done.run(),
        _ -> done.run());
  }
}
