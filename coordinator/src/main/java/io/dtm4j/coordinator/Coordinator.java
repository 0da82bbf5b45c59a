package io.dtm4j.coordinator;

import io.dtm4j.engine.Decision;
import io.dtm4j.engine.Ending;
import io.dtm4j.engine.Engine;
import io.dtm4j.engine.Event;
import io.dtm4j.engine.Pass;
import io.dtm4j.engine.WaitRules;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Due;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Reply;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.Committer;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.HaltPoint;
import io.dtm4j.store.Lease;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Drives transactions: what happens to a pass is decided by the {@link Engine}, made durable by the
 * {@link Committer}, and only then do calls leave and clients hear of it; one call may run ahead
 * (docs/architecture.md, rules R1 to R7).
 *
 * <p>A pass is one transaction that this server works on under one claim. All its events run one
 * after another on the event loop that received its first one, so it needs no locks. While one of
 * its batches is on its way further events wait, and are decided together on the state it left
 * (R3a).
 *
 * <p>Thread-safe; nothing here blocks.
 */
public final class Coordinator {
  private static final Logger log = LoggerFactory.getLogger(Coordinator.class);

  /** With more rows than that it costs to decide each answer by itself: it looks at all of them. */
  private static final int MANY_ROWS = 64;

  private final Engine engine;
  private final Committer committer;
  private final Timers timers;
  private final InstantSource clock;
  private final LongSupplier nanoTime;
  private final Destinations destinations;
  private final Departures departures;
  private final Observer observer;
  private final ConcurrentMap<Gid, LivePass> passes = new ConcurrentHashMap<>();
  private final Upcoming upcoming = new Upcoming();
  private final AtomicLong openBytes = new AtomicLong();
  private volatile Consumer<Due> atRest = _ -> {};
  private volatile Consumer<Lease> givenBack = _ -> {};

  /**
   * @param clock the store's time
   * @param nanoTime the monotonic clock, in nanoseconds
   * @param observer told what is worth counting
   */
  public Coordinator(
      Engine engine,
      Committer committer,
      Caller caller,
      Timers timers,
      InstantSource clock,
      LongSupplier nanoTime,
      CoordinatorLimits limits,
      Observer observer) {
    this.engine = engine;
    this.committer = committer;
    this.timers = timers;
    this.clock = clock;
    this.nanoTime = nanoTime;
    this.observer = observer;
    destinations = new Destinations(limits, observer);
    departures =
        new Departures(
            engine,
            caller,
            nanoTime,
            destinations,
            new Payloads(limits.openBytes()),
            observer,
            this::arrived,
            this::heldBack);
  }

  // ---- the main path

  /**
   * A pass will be begun or resumed, unless it is given up: said before the write that gives it its
   * claim is handed over, or by the lane right after it.
   */
  void expect(Gid gid) {
    upcoming.expect(gid);
  }

  /** An expected pass does not begin. */
  void giveUp(Gid gid) {
    upcoming.giveUp(gid);
  }

  /**
   * Goes on with a record that was due and has just been claimed; see {@code begin}.
   *
   * @param origin timer or recovery
   */
  void resume(Stored stored, long leaseEnd, EventLoop loop, LivePass.Origin origin) {
    // What was turned away is due again for that reason only: it is no retry yet.
    boolean wasTurnedAway = Departures.parkings(stored.transaction()) > 0;
    begin(stored, leaseEnd, loop, null, wasTurnedAway ? LivePass.Origin.RECOVERY : origin);
  }

  /**
   * Begins a pass that a client wants, on a record that it created or took over; it has been
   * expected. A pass that this server still has for the gid belongs to an older claim and ends
   * first.
   *
   * @param leaseEnd by the monotonic clock: until when the claim lasts, counted from before it was
   *     first sent
   * @param waiter a client that waits for the result; null: none
   */
  void begin(Stored stored, long leaseEnd, EventLoop loop, @Nullable Waiter waiter) {
    LivePass.Origin origin =
        waiter == null ? LivePass.Origin.CLIENT : LivePass.Origin.WAITING_CLIENT;
    begin(stored, leaseEnd, loop, waiter, origin);
  }

  private void begin(
      Stored stored,
      long leaseEnd,
      EventLoop loop,
      @Nullable Waiter waiter,
      LivePass.Origin origin) {
    Transaction transaction = stored.transaction();
    Pass pass;
    try {
      pass = Pass.begin(transaction, clock.instant());
    } catch (RuntimeException e) {
      log.atError()
          .setCause(e)
          .addKeyValue("gid", transaction.gid())
          .log("transaction cannot be worked on; it is tried again when its lease ends");
      giveUp(transaction.gid());
      if (waiter != null) {
        waiter.tell(internal("the transaction cannot be worked on"));
      }
      return;
    }
    LivePass live =
        new LivePass(
            loop,
            pass,
            stored.owner(),
            engine.leaseOf(transaction),
            leaseEnd,
            new Waiters(engine.longestWaitOf(transaction)),
            MemoryUse.of(transaction),
            origin);
    if (waiter != null) {
      live.waiters.add(waiter);
    }
    LivePass old;
    do {
      old = passes.get(live.gid);
      if (old != null && old.pass.transaction().status().compareTo(transaction.status()) > 0) {
        // Not older: a submit took the record over since it was claimed, and has begun first.
        giveUp(live.gid);
        live.waiters.tell(Waiter.replyOf(stored));
        return;
      }
    } while (old == null
        ? passes.putIfAbsent(live.gid, live) != null
        : !passes.replace(live.gid, old, live));
    openBytes.addAndGet(live.bytes);
    if (old != null) {
      supersede(old, stored);
    }
    Stored overtakenBy = upcoming.begin(stored);
    if (overtakenBy == null) {
      apply(live, List.of(Event.Started.INSTANCE));
    } else {
      end(live, Waiter.replyOf(overtakenBy));
    }
  }

  /** Something has happened to a pass; runs on its loop. */
  private void arrived(LivePass live, Event event) {
    if (live.ended) {
      return; // of a claim that is over
    }
    if (live.isCommitting()) {
      live.waiting.add(event);
    } else if (live.pass.transaction().branches().size() > MANY_ROWS) {
      gather(live, event);
    } else {
      apply(live, List.of(event));
    }
  }

  /** Decides what comes in one turn of the loop together: thousands of calls may time out in it. */
  private void gather(LivePass live, Event event) {
    live.waiting.add(event);
    if (live.waiting.size() == 1) {
      live.loop.execute(() -> applyWaiting(live));
    }
  }

  /** Decides what follows from the events, makes it durable, then acts. */
  private void apply(LivePass live, List<Event> events) {
    Decision decision;
    try {
      decision = engine.decide(live.pass, events, clock.instant());
    } catch (RuntimeException e) {
      drop(live, "decision failed", e);
      return;
    }
    live.decided = decision.pass();
    decision.troubles().forEach(observer::troubled);
    if (decision.writes().isEmpty()) {
      live.pass = decision.pass();
      act(live, decision, false);
      return;
    }
    Owner next =
        live.owner.next(decision.ending() == null ? Owner.Mark.LEASED : Owner.Mark.RESTING);
    Batch batch =
        new Batch(
            live.gid,
            new Guard.HeldBy(live.pass.transaction().status(), live.owner),
            next,
            decision.writes());
    live.committingSince = nanoTime.getAsLong() | 1;
    committer.commit(batch, live.loop, result -> committed(live, decision, next, result));
    if (decision.ahead() && !departures.areClosedTo(live)) {
      live.isAhead = true;
      departures.send(live, decision.calls().getFirst());
    }
  }

  private void committed(LivePass live, Decision decision, Owner next, CommitResult result) {
    live.committingSince = 0;
    boolean ranAhead = live.isAhead;
    live.isAhead = false;
    if (live.ended) {
      return;
    }
    switch (result) {
      case CommitResult.Committed committed -> {
        live.pass = decision.pass();
        live.owner = next;
        if (decision.anew()) {
          beginAnew(live, committed.stored());
        } else if (decision.ending() == null) {
          act(live, decision, ranAhead);
          applyWaiting(live);
        } else {
          finish(live, decision.ending(), committed);
        }
      }
      case CommitResult.Lost lost -> {
        log.atDebug().addKeyValue("gid", live.gid).log("pass superseded");
        end(live, Waiter.replyOf(lost.stored()));
      }
      case CommitResult.Conflict conflict ->
          drop(live, "unexpected conflict on branch " + conflict.key(), null);
      case CommitResult.Rejected rejected ->
          drop(live, "the store rejects its batch: " + rejected.cause(), null);
    }
  }

  /** R4a: goes on with the rows as of the commit; no row is added from now on. */
  private void beginAnew(LivePass live, @Nullable Stored stored) {
    if (stored == null) {
      drop(live, "the store returned no rows though the batch left prepared", null);
      return;
    }
    live.pass = Pass.begin(stored.transaction(), clock.instant());
    live.waiting.addFirst(Event.Started.INSTANCE);
    applyWaiting(live);
  }

  /**
   * What a durable decision allows: calls leave, a timer is armed.
   *
   * @param ranAhead its call has been sent already
   */
  private void act(LivePass live, Decision decision, boolean ranAhead) {
    if (departures.areClosedTo(live)) {
      heldBack(live); // another server calls
      return;
    }
    if (!ranAhead) {
      decision.calls().forEach(call -> departures.send(live, call));
    }
    if (decision.wakeUp() != null && !decision.wakeUp().equals(live.wakeUpAt)) {
      wakeAt(live, decision.wakeUp());
    }
  }

  private void applyWaiting(LivePass live) {
    if (!live.waiting.isEmpty() && !live.ended && !live.isCommitting()) {
      List<Event> events = List.copyOf(live.waiting);
      live.waiting.clear();
      apply(live, events);
    }
  }

  private void finish(LivePass live, Ending ending, CommitResult.Committed committed) {
    Transaction transaction = live.pass.transaction();
    live.isOk = isOk(live, ending);
    if (ending == Ending.FINISHED) {
      HaltPoint.AFTER_LAST_COMMIT_BEFORE_REPLY.pass();
    }
    end(live, WaitRules.replyOf(live.pass));
    log.atDebug()
        .addKeyValue("gid", live.gid)
        .addKeyValue("status", transaction.status().wireName())
        .log("pass ended");
    if (ending == Ending.RESTING) {
      Stored stored = committed.stored(); // its time differs when somebody asked to look again
      atRest.accept(
          stored != null
              ? Due.of(stored)
              : new Due(live.gid, live.owner, transaction.state().schedule().nextTime()));
    }
  }

  private static boolean isOk(LivePass live, Ending ending) {
    return live.origin == LivePass.Origin.CLIENT
        || (ending == Ending.FINISHED
            && (live.begunAs != GlobalStatus.SUBMITTED
                || live.pass.transaction().status() == GlobalStatus.SUCCEED));
  }

  // ---- timers

  private void wakeAt(LivePass live, Instant time) {
    if (live.wakeUp != null) {
      live.wakeUp.cancel();
    }
    live.wakeUpAt = time;
    Duration delay = Duration.between(clock.instant(), time);
    live.wakeUp = timers.after(delay, () -> live.loop.execute(() -> woken(live, time)));
  }

  private void woken(LivePass live, Instant time) {
    if (live.ended || !time.equals(live.wakeUpAt)) {
      return;
    }
    live.wakeUpAt = null;
    Instant now = clock.instant();
    if (now.isBefore(time)) {
      wakeAt(live, time); // the store's clock is behind the timer's
    } else {
      timerFired(time, now);
      arrived(live, Event.Woken.INSTANCE);
    }
  }

  /** A timer has fired that was set for that time, now. */
  void timerFired(Instant time, Instant now) {
    observer.timerFired(Duration.between(time, now));
  }

  // ---- waiting clients

  /** The pass of this server for a gid, if it has one. */
  @Nullable LivePass passOf(Gid gid) {
    return passes.get(gid);
  }

  /**
   * Lets a client wait for the result of a pass; on the pass's loop.
   *
   * @return false when the pass is over
   */
  boolean join(LivePass live, Waiter waiter) {
    if (live.ended) {
      return false;
    }
    live.waiters.add(waiter);
    return true;
  }

  /** The time of some waiters is over; on the pass's loop. */
  void endWaits(LivePass live) {
    live.waiters.tellOverdue(WaitRules.replyOf(live.pass), nanoTime.getAsLong());
  }

  /** The outcome of a batch takes too long for its waiters; on the pass's loop. */
  void tellUnknown(LivePass live) {
    if (!live.ended && live.isCommitting()) {
      live.waiters.tell(Waiter.outcomeUnknown());
    }
  }

  private static Reply internal(String message) {
    return new Reply.Failed(ErrorCode.INTERNAL, message);
  }

  // ---- ends

  /** A newer claim of this server took the record over. */
  private void supersede(LivePass old, Stored stored) {
    old.superseded = true; // its loop may be about to send something
    old.loop.execute(() -> end(old, Waiter.replyOf(stored)));
  }

  /**
   * A command of this server took the record over and ended it.
   *
   * @param ended runs on {@code loop} when this server calls nothing of it any more
   */
  void supersede(Stored stored, EventLoop loop, Runnable ended) {
    upcoming.overtake(stored);
    LivePass old = passes.get(stored.transaction().gid());
    if (old == null) {
      ended.run();
    } else {
      supersede(old, stored);
      old.loop.execute(() -> loop.execute(ended)); // behind its end
    }
  }

  /**
   * Its lease could not be renewed: somebody else has the record; on the pass's loop.
   *
   * @return the clients that waited; they are to be told what is stored
   */
  List<Waiter> lost(LivePass live) {
    List<Waiter> waiters = live.waiters.takeAll();
    end(live, WaitRules.replyOf(live.pass));
    return waiters;
  }

  /** The store has not confirmed a write before the lease ended (R6); on the pass's loop. */
  void abandon(LivePass live) {
    log.atDebug().addKeyValue("gid", live.gid).log("pass abandoned; the store is away"); // all are
    end(live, Waiter.outcomeUnknown());
  }

  /** The pass cannot go on (R7): its lease ends by itself, recovery takes the record again. */
  void drop(LivePass live, String why, @Nullable Throwable cause) {
    log.atError()
        .setCause(cause)
        .addKeyValue("gid", live.gid)
        .addKeyValue("reason", why)
        .log("pass dropped; the transaction is tried again when its lease ends");
    observer.passDropped();
    end(live, internal("the server could not go on: " + why));
  }

  private void end(LivePass live, Reply reply) {
    if (live.ended) {
      return;
    }
    live.ended = true;
    if (live.wakeUp != null) {
      live.wakeUp.cancel();
    }
    passes.remove(live.gid, live);
    openBytes.addAndGet(-live.bytes);
    Definition definition = live.pass.transaction().definition();
    Duration age = Duration.between(definition.createTime(), clock.instant());
    observer.passEnded(definition.type(), live.isOk, age);
    live.waiters.tell(reply);
  }

  // ---- for those who look after the passes

  /** A transaction rests, by somebody else's word, and is due then. */
  void rests(Due due) {
    atRest.accept(due);
  }

  /** Told the due time of each transaction that comes to rest; set once, before the first pass. */
  void onRest(Consumer<Due> listener) {
    atRest = listener;
  }

  /** Told when a call cannot leave before its lease is renewed; set once, before the first pass. */
  void onLeaseNeeded(Consumer<LivePass> listener) {
    departures.onLeaseNeeded(listener);
  }

  /** The lease lasts again: calls that waited for it leave; on the pass's loop. */
  void renewed(LivePass live, long leaseEnd) {
    if (live.ended) {
      return; // perhaps the store was not asked for it
    }
    live.leaseEnd = leaseEnd;
    departures.leaseLasts(live);
  }

  /** The passes of this moment. */
  Collection<LivePass> passes() {
    return passes.values();
  }

  /** Passes of this moment, counted. */
  public int openPasses() {
    return passes.size();
  }

  /** Gids whose passes are on their way. */
  int upcomingPasses() {
    return upcoming.size();
  }

  /** Bytes that the passes keep in memory. */
  public long openBytes() {
    return openBytes.get();
  }

  /** What the destinations of calls have to do at this moment. */
  public List<DestinationLoad> destinationLoads() {
    return destinations.loads();
  }

  /**
   * From now on passes that nobody waits for begin no further calls, and are given back as soon as
   * their calls in flight have come to their end and are stored.
   */
  void drain(Consumer<Lease> onGivenBack) {
    givenBack = onGivenBack;
    departures.close();
    passes.values().forEach(live -> live.loop.execute(() -> giveBackIfIdle(live)));
  }

  /** What was to leave did not: the pass ends with what is in flight. */
  private void heldBack(LivePass live) {
    live.isHeldBack = true;
    live.isAhead = false;
    giveBackIfIdle(live);
  }

  private void giveBackIfIdle(LivePass live) {
    boolean idle = live.calls == 0 && live.waiting.isEmpty() && !live.isCommitting();
    if (idle && departures.areClosedTo(live)) {
      giveBack(live);
    }
  }

  /**
   * Ends a pass at the durable point where it is; its claim can be released. Not while a call runs
   * ahead of a batch that may still be refused: only a lease that was not given back tells of it.
   */
  void giveBack(LivePass live) {
    if (!live.ended) {
      end(live, WaitRules.replyOf(live.pass));
      if (!live.isAhead) {
        givenBack.accept(new Lease(live.gid, live.claim));
      }
    }
  }

  void forgetIdleDestinations() {
    destinations.forgetIdle();
  }
}
