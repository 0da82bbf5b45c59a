package io.dtm4j.coordinator;

import io.dtm4j.engine.Call;
import io.dtm4j.engine.Engine;
import io.dtm4j.engine.Event;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.store.ElapsedTime;
import io.dtm4j.store.HaltPoint;
import java.time.Duration;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * The way of a call out of the server: the lease of its pass must last (R7), its destination must
 * have a slot, and there must be memory for what it sends. Whatever it had to wait for, it leaves
 * only if it is still wanted then; a pass whose call finds no place rests for some seconds. All of
 * it happens on the loop of the pass, but for what others hand over to that loop.
 */
final class Departures {
  /** What a lease must last when a call leaves (R7). */
  private static final Duration LEASE_NEEDED = Duration.ofSeconds(1);

  /** How much longer than its time-out a call counts as alive (R7). */
  private static final Duration CALL_MARGIN = Duration.ofSeconds(5);

  /** A pass whose calls were turned away so often rests no more: they go before those that wait. */
  private static final int MOST_PARKINGS = 3;

  private final Engine engine;
  private final Caller caller;
  private final LongSupplier nanoTime;
  private final LongSupplier timersTime;
  private final Destinations destinations;
  private final Payloads payloads;
  private final Observer observer;
  private final BiConsumer<LivePass, Event> arrived;
  private final Consumer<LivePass> heldBack;
  private volatile Consumer<LivePass> leaseNeeded = _ -> {};
  private volatile boolean closed;

  /**
   * @param nanoTime the monotonic clock, in nanoseconds
   * @param arrived told what came of a call
   * @param heldBack told of a pass whose call does not leave because they are closed to it
   */
  Departures(
      Engine engine,
      Caller caller,
      LongSupplier nanoTime,
      Destinations destinations,
      Payloads payloads,
      Observer observer,
      BiConsumer<LivePass, Event> arrived,
      Consumer<LivePass> heldBack) {
    this.engine = engine;
    this.caller = caller;
    this.nanoTime = nanoTime;
    timersTime = ElapsedTime.ofTimers(nanoTime);
    this.destinations = destinations;
    this.payloads = payloads;
    this.observer = observer;
    this.arrived = arrived;
    this.heldBack = heldBack;
  }

  /** Told when a call cannot leave before its lease is renewed; set once, before the first call. */
  void onLeaseNeeded(Consumer<LivePass> listener) {
    leaseNeeded = listener;
  }

  /** From now on no call of a pass leaves that nobody waits for. Any thread. */
  void close() {
    closed = true;
  }

  boolean areClosedTo(LivePass live) {
    return closed && (live.isHeldBack || live.waiters.isEmpty());
  }

  /** The lease lasts again: calls that waited for it leave. */
  void leaseLasts(LivePass live) {
    if (live.ended || live.waitingForLease.isEmpty()) {
      return;
    }
    List<Call> calls = List.copyOf(live.waitingForLease);
    live.waitingForLease.clear();
    for (Call call : calls) {
      sendHeldBack(live, call);
    }
  }

  /** Sends a call if the lease lasts, and when its destination has a slot. */
  void send(LivePass live, Call call) {
    if (live.superseded) {
      return;
    }
    live.calls++;
    if (isLeaseShort(live)) {
      // A server that was paused must not send yesterday's call: prove the claim first.
      live.waitingForLease.add(call);
      leaseNeeded.accept(live);
      return;
    }
    Destinations.Slots slots = destinations.of(call.url());
    if (canWait(live) && !slots.mayTry(nanoTime.getAsLong())) {
      turnAway(live, call, slots, Observer.Deferral.UNREACHABLE);
      return;
    }
    boolean first = parkings(live.pass.transaction()) >= MOST_PARKINGS;
    Runnable turn = () -> live.loop.execute(() -> fromQueue(live, call, slots));
    switch (slots.acquire(turn, first)) {
      case GO -> callWithSlot(live, call, slots);
      case QUEUED -> live.queued++;
      case FULL -> turnAway(live, call, slots, Observer.Deferral.FULL);
    }
  }

  /** Whether a call may rest a little while its destination cannot be connected to. */
  private static boolean canWait(LivePass live) {
    return live.origin == LivePass.Origin.RECOVERY
        && parkings(live.pass.transaction()) < MOST_PARKINGS;
  }

  /** How often in a row a transaction was turned away. */
  static int parkings(Transaction transaction) {
    return transaction.state().extra().parkings();
  }

  private void turnAway(LivePass live, Call call, Destinations.Slots slots, Observer.Deferral why) {
    slots.observer.deferred(why);
    live.queued++; // until the pass has heard of it: it still waits for something
    // After this decision has been acted on, so that its calls leave in their order.
    live.loop.execute(() -> turnedAway(live, call));
  }

  private void turnedAway(LivePass live, Call call) {
    live.queued--;
    live.calls--;
    arrived.accept(live, new Event.Parked(call.row()));
  }

  private void fromQueue(LivePass live, Call call, Destinations.Slots slots) {
    live.queued--;
    if (mayNotLeave(live, call, slots)) {
      slots.release();
      sendHeldBack(live, call);
    } else {
      callWithSlot(live, call, slots);
    }
  }

  /** What has changed while it waited. */
  private boolean mayNotLeave(LivePass live, Call call, Destinations.Slots slots) {
    return live.ended
        || live.superseded
        || areClosedTo(live)
        || isLeaseShort(live)
        || !engine.isStillWanted(live.decided, call)
        || (canWait(live) && !slots.mayTry(nanoTime.getAsLong()));
  }

  /** Sends a call that had to wait, unless the saga has begun to roll back meanwhile. */
  private void sendHeldBack(LivePass live, Call call) {
    live.calls--;
    if (live.ended) {
      return;
    }
    if (areClosedTo(live)) {
      heldBack.accept(live);
    } else if (engine.isStillWanted(live.decided, call)) {
      send(live, call);
    } else {
      arrived.accept(live, new Event.Parked(call.row()));
    }
  }

  private boolean isLeaseShort(LivePass live) {
    return live.leaseEnd - nanoTime.getAsLong() < LEASE_NEEDED.toNanos();
  }

  /** Sends a call when there is memory for what it sends. */
  private void callWithSlot(LivePass live, Call call, Destinations.Slots slots) {
    Runnable turn = () -> live.loop.execute(() -> withMemory(live, call, slots));
    if (payloads.acquire(bytesOf(call), turn)) {
      callNow(live, call, slots);
    } else {
      live.queued++;
    }
  }

  private void withMemory(LivePass live, Call call, Destinations.Slots slots) {
    live.queued--;
    if (mayNotLeave(live, call, slots)) {
      payloads.release(bytesOf(call));
      slots.release();
      sendHeldBack(live, call);
    } else {
      callNow(live, call, slots);
    }
  }

  private static int bytesOf(Call call) {
    return call.payload().bytes().length;
  }

  private void callNow(LivePass live, Call call, Destinations.Slots slots) {
    long began = nanoTime.getAsLong();
    long aliveUntil = timersTime.getAsLong() + call.timeout().plus(CALL_MARGIN).toNanos();
    if (live.calls == 1 || aliveUntil - live.callsEndBy > 0) {
      live.callsEndBy = aliveUntil;
      live.callsOverSince = 0;
    }
    if (!live.isAhead) {
      HaltPoint.AFTER_COMMIT_BEFORE_CALL.pass();
    }
    caller.send(call, new UnderWay(live, call, slots, began));
  }

  /** A call that its pass waits for. */
  final class UnderWay implements Caller.Ended {
    final LivePass live;
    private final Call call;
    private final Destinations.Slots slots;
    private final long began;

    private UnderWay(LivePass live, Call call, Destinations.Slots slots, long began) {
      this.live = live;
      this.call = call;
      this.slots = slots;
      this.began = began;
    }

    @Override
    public boolean mayLeave() {
      return !live.ended
          && !live.superseded
          && !isLeaseShort(live)
          && engine.isStillWanted(live.decided, call);
    }

    @Override
    public boolean hasRight() {
      return !isLeaseShort(live);
    }

    @Override
    public void ended(BranchAnswer answer, boolean unreachable) {
      if (live.isAhead) {
        HaltPoint.AFTER_CALL_AHEAD_BEFORE_COMMIT.pass();
      } else {
        HaltPoint.AFTER_CALL_BEFORE_ANSWER_STORED.pass();
      }
      long now = nanoTime.getAsLong();
      if (unreachable) {
        slots.failed(now);
      } else {
        slots.reached();
      }
      slots.release();
      payloads.release(bytesOf(call));
      live.calls--;
      slots.observer.called(answer, unreachable, now - began);
      if (call.row() != Call.NO_ROW) {
        observer.branchCalled(call.type(), call.key(), answer instanceof BranchAnswer.Success);
      }
      arrived.accept(live, new Event.Answered(call.row(), answer));
    }
  }
}
