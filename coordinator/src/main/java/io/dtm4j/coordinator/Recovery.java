package io.dtm4j.coordinator;

import static java.util.stream.Collectors.toSet;

import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.Committer;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.HaltPoint;
import io.dtm4j.store.Lease;
import io.dtm4j.store.Reads;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes up transactions that are due. Those due soon have a timer in memory and go on to the
 * millisecond; all others rest in the store, which is looked at a little ahead once a second, and a
 * little behind twice a second, for what another server gave up. A firing timer is a claim, and
 * claims that come together are one write. What the timers miss, the safety net claims every {@code
 * TransCronInterval}. Thread-safe; never blocks.
 */
public final class Recovery {
  private static final Logger log = LoggerFactory.getLogger(Recovery.class);
  private static final Duration LOOK_AHEAD = Duration.ofSeconds(5);

  /** Twice as often as one looks ahead: the other looks find what others have just given up. */
  private static final Duration LOOK_EVERY = Duration.ofMillis(500);

  private static final int LOOK_PAGE = 1_000;

  /** Before every other gid in the order of what is due. */
  private static final Gid LOWEST_GID = new Gid("\u0000");

  /** Timers in memory; what is due later is found by a later look. */
  private static final int MAX_TIMERS = 100_000;

  /** The most that is claimed at a time. */
  private static final int CLAIM_PAGE = 256;

  /** How often is looked for room when too many passes are open. */
  private static final Duration ROOM_EVERY = Duration.ofMillis(50);

  private final Coordinator coordinator;
  private final TransactionStore store;
  private final Committer committer;
  private final Reads reads;
  private final Claims claims;
  private final Timers timers;
  private final InstantSource clock;
  private final LongSupplier nanoTime;
  private final List<? extends EventLoop> loops;
  private final Duration lease;
  private final Duration safetyNet;
  private final CoordinatorLimits limits;

  private final ConcurrentMap<Gid, Armed> armed = new ConcurrentHashMap<>();
  private final Queue<Due> fired = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean claiming = new AtomicBoolean();
  private final AtomicBoolean sweeping = new AtomicBoolean();
  private volatile boolean stopped;

  /** When the last look began that went well; in a look only. */
  private Instant lookedAt;

  private boolean looksAhead;

  /**
   * By the monotonic clock: since when sweeps find no room; 0: the last one did. In a sweep only.
   */
  private long crowdedSince;

  /** A transaction with a timer. */
  private static final class Armed {
    final Due due;

    /** Null until it is set; it may fire before that. */
    volatile Timers.@Nullable Timer timer;

    Armed(Due due) {
      this.due = due;
    }

    /** Calls it off. One that fires all the same finds that it is not armed any more. */
    void cancel() {
      Timers.Timer set = timer;
      if (set != null) {
        set.cancel();
      }
    }
  }

  /**
   * @param loops where passes run that begin without one of their own
   * @param lease how long a claim lasts at first; the pass renews it
   * @param safetyNet {@code TransCronInterval}
   */
  public Recovery(
      Coordinator coordinator,
      TransactionStore store,
      Committer committer,
      Reads reads,
      Claims claims,
      Timers timers,
      LongSupplier nanoTime,
      List<? extends EventLoop> loops,
      Duration lease,
      Duration safetyNet,
      CoordinatorLimits limits) {
    this.coordinator = coordinator;
    this.store = store;
    this.committer = committer;
    this.reads = reads;
    this.claims = claims;
    this.timers = timers;
    this.clock = store::storeTime;
    this.nanoTime = nanoTime;
    this.loops = loops;
    this.lease = lease;
    this.safetyNet = safetyNet;
    this.limits = limits;
    lookedAt = clock.instant();
    coordinator.onRest(this::arm);
  }

  /** Takes up at once what is due, and goes on doing so. */
  public void start() {
    sweepAndRepeat();
    look();
  }

  /** Claims nothing any more, and gives back what comes late; passes that live go on. */
  public void stop() {
    stopped = true;
    armed.values().forEach(Armed::cancel);
    armed.clear();
  }

  /** Timers that have not fired. */
  public int armed() {
    return armed.size();
  }

  // ---- timers

  /** Arms a timer for a transaction that rests, if it is due soon. */
  private void arm(Due due) {
    Duration delay = Duration.between(clock.instant(), due.nextTime());
    if (stopped
        || delay.compareTo(LOOK_AHEAD) > 0
        || armed.size() >= MAX_TIMERS
        || coordinator.passOf(due.gid()) != null) {
      return;
    }
    Armed before = armed.get(due.gid());
    if (before != null
        && before.due.nextTime().equals(due.nextTime())
        && before.due.owner().isSameWriteAs(due.owner())) {
      return;
    }
    var now = new Armed(due);
    Armed replaced = armed.put(due.gid(), now);
    if (replaced != null) {
      replaced.cancel();
    }
    now.timer = timers.after(delay, () -> fire(now));
  }

  private void fire(Armed one) {
    Due due = one.due;
    if (!armed.remove(due.gid(), one) || stopped) {
      return;
    }
    Instant now = clock.instant();
    if (now.isBefore(due.nextTime())) {
      arm(due); // the store's clock is behind the timer's
      return;
    }
    coordinator.timerFired(due.nextTime(), now);
    fired.add(due);
    claimFired();
  }

  private void claimFired() {
    if (isFull()) {
      fired.clear(); // the safety net claims them when there is room
    }
    if (fired.isEmpty() || !claiming.compareAndSet(false, true)) {
      return;
    }
    Map<Gid, Due> newest = new LinkedHashMap<>(); // a gid twice would begin two passes of one claim
    for (Due due = fired.poll(); due != null; due = fired.poll()) {
      newest.put(due.gid(), due);
      if (newest.size() == CLAIM_PAGE) {
        break;
      }
    }
    List<Due> dues = List.copyOf(newest.values());
    Set<Gid> ofOthers =
        dues.stream().filter(due -> due.owner().isHeld()).map(Due::gid).collect(toSet());
    Function<Gid, Owner> tokens = claims.tokens();
    long sentAt = nanoTime.getAsLong();
    committer.<List<Stored>>perform(
        writing -> expected(writing.claim(dues, lease, tokens)),
        loops.getFirst(),
        claimed -> {
          claiming.set(false);
          beginAll(
              claimed,
              sentAt,
              gid -> ofOthers.contains(gid) ? LivePass.Origin.RECOVERY : LivePass.Origin.TIMER);
          claimFired();
        },
        e -> {
          claiming.set(false);
          logFailure("claim failed", e); // the safety net finds these
          claimFired();
        });
  }

  // ---- what the store knows

  /**
   * Looks for what will be due soon, every other time; and for what has become due since the last
   * look without a timer of this server, as what another one gave back, or left just before it
   * died. What was due before is the sweep's.
   */
  private void look() {
    Instant now = clock.instant();
    Instant behind = now.minus(LOOK_AHEAD);
    Instant last = lookedAt.minus(LOOK_EVERY); // what was on its way to the store then
    Instant from = last.isAfter(behind) ? last : behind;
    looksAhead = !looksAhead;
    Instant until = looksAhead ? now.plus(LOOK_AHEAD) : now;
    lookAndRepeat(new Due(LOWEST_GID, claims.next(), from), until, now);
  }

  private void lookAndRepeat(Due after, Instant until, Instant began) {
    if (stopped) {
      return;
    }
    reads.<List<Due>>submit(
        () -> store.dueBefore(until, after, LOOK_PAGE),
        loops.getFirst(),
        page -> {
          page.forEach(this::arm);
          if (page.size() == LOOK_PAGE && armed.size() < MAX_TIMERS) {
            lookAndRepeat(page.getLast(), until, began);
          } else {
            lookedAt = began;
            timers.after(LOOK_EVERY, this::look);
          }
        },
        e -> {
          logFailure("look ahead failed", e);
          timers.after(LOOK_EVERY, this::look);
        });
  }

  private void sweepAndRepeat() {
    if (!stopped) {
      timers.after(safetyNet, this::sweepAndRepeat);
      sweep();
    }
  }

  /** Claims what is due now, page by page, as long as there is room for more passes. */
  private void sweep() {
    if (stopped || !sweeping.compareAndSet(false, true)) {
      return;
    }
    if (!hasRoom()) {
      timers.after(
          ROOM_EVERY,
          () -> {
            sweeping.set(false);
            sweep();
          });
      return;
    }
    long sentAt = nanoTime.getAsLong();
    committer.<List<Stored>>perform(
        // Fresh claims for each attempt (R6): a lost one may land when its records are due again.
        writing -> expected(writing.claimDue(lease, _ -> claims.next(), CLAIM_PAGE)),
        loops.getFirst(),
        claimed -> {
          sweeping.set(false);
          beginAll(claimed, sentAt, _ -> LivePass.Origin.RECOVERY);
          if (!claimed.isEmpty()) {
            sweep(); // a page of large ones is short
          }
        },
        e -> {
          sweeping.set(false);
          logFailure("claim of due transactions failed", e);
        });
  }

  /**
   * Whether a page may be claimed: when new transactions leave room, and now and then although they
   * do not, so that they never keep out what is due.
   */
  private boolean hasRoom() {
    long now = nanoTime.getAsLong() | 1;
    if (crowdedSince == 0) {
      crowdedSince = now;
    }
    boolean hasRoom =
        (coordinator.openPasses() < limits.openPasses() / 2
                && coordinator.openBytes() < limits.openBytes() / 2)
            || (!isFull() && now - crowdedSince >= safetyNet.toNanos());
    if (hasRoom) {
      crowdedSince = 0;
    }
    return hasRoom;
  }

  /** Known transactions are taken up to twice the limit, here as at the doors. */
  private boolean isFull() {
    return coordinator.openPasses() >= 2L * limits.openPasses()
        || coordinator.openBytes() >= 2 * limits.openBytes();
  }

  /** On the lane: no command of this server has been committed since the claim. */
  private List<Stored> expected(List<Stored> claimed) {
    claimed.forEach(stored -> coordinator.expect(stored.transaction().gid()));
    return claimed;
  }

  /**
   * Begins the passes of what was claimed.
   *
   * @param originOf whether a timer has fired in time for a transaction
   */
  private void beginAll(
      List<Stored> claimed, long sentAt, Function<Gid, LivePass.Origin> originOf) {
    if (!claimed.isEmpty()) {
      log.atDebug().addKeyValue("count", claimed.size()).log("due transactions claimed");
    }
    if (stopped) {
      giveBack(claimed);
      return;
    }
    long leaseEnd = sentAt + lease.toNanos();
    for (Stored stored : claimed) {
      HaltPoint.DURING_CLAIM.pass();
      Gid gid = stored.transaction().gid();
      EventLoop loop = loops.get(Math.floorMod(gid.hashCode(), loops.size()));
      loop.execute(() -> coordinator.resume(stored, leaseEnd, loop, originOf.apply(gid)));
    }
  }

  private void giveBack(List<Stored> claimed) {
    claimed.forEach(stored -> coordinator.giveUp(stored.transaction().gid()));
    List<Lease> leases =
        claimed.stream()
            .map(stored -> new Lease(stored.transaction().gid(), stored.owner().claim()))
            .toList();
    committer.perform(
        writing -> {
          writing.release(leases);
          return leases;
        },
        loops.getFirst(),
        _ -> {},
        _ -> {}); // they end by themselves
  }

  private void logFailure(String what, Throwable e) {
    if (!stopped) {
      log.atWarn().addKeyValue("cause", String.valueOf(e)).log(what);
    }
  }
}
