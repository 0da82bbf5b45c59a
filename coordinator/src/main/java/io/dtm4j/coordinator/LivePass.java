package io.dtm4j.coordinator;

import io.dtm4j.engine.Call;
import io.dtm4j.engine.Event;
import io.dtm4j.engine.Pass;
import io.dtm4j.model.Owner;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.EventLoop;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A transaction that this server works on, under one claim. All that is not volatile belongs to its
 * event loop, and volatile fields (but {@link #superseded}) are written there, so nothing is
 * locked.
 */
final class LivePass {
  /** Who began a pass. */
  enum Origin {
    WAITING_CLIENT,
    /** A client that does not wait for it. */
    CLIENT,
    /** A timer, at the time for which it rested. */
    TIMER,
    /**
     * Nobody in time: it was found overdue, or with a lease whose holder is gone. Its calls can
     * wait a little for others.
     */
    RECOVERY
  }

  final Gid gid;
  final EventLoop loop;
  final String claim;

  /** How long the claim lasts from each renewal. */
  final Duration lease;

  /** Bytes that it keeps in memory, for the admission of others. */
  final long bytes;

  final Origin origin;

  final GlobalStatus begunAs;

  /** All of it is durable. */
  Pass pass;

  /** What has been decided last; durable unless a batch is on its way. */
  Pass decided;

  Owner owner;

  /** What has happened and is not decided yet. */
  final List<Event> waiting = new ArrayList<>(2);

  final Waiters waiters;

  /** Nothing more happens; read by others, too. */
  volatile boolean ended;

  /**
   * This server has taken the record over, perhaps on another loop: no call leaves any more, and
   * the pass ends when its loop comes to it.
   */
  volatile boolean superseded;

  /** How it counts when it ends: {@link Observer#passEnded}. */
  boolean isOk;

  /** A renewal of its lease is on its way. */
  boolean renewing;

  /** Calls that leave when the lease has been renewed. */
  final List<Call> waitingForLease = new ArrayList<>(0);

  /** The call of the batch on its way has been sent already; it may still wait for something. */
  boolean isAhead;

  /** A stop held back what it had to do, as nobody waited for it: it calls no more. */
  boolean isHeldBack;

  /** Calls that are in flight or wait for something before they leave. */
  int calls;

  /** Of these the calls that wait for their destination or for memory, or are turned away. */
  int queued;

  /** By the monotonic clock: no call in flight is older than its time-out and a margin before. */
  long callsEndBy;

  /** By the monotonic clock: when a look at the pass has found that time over; 0: none has. */
  long callsOverSince;

  Timers.@Nullable Timer wakeUp;
  @Nullable Instant wakeUpAt;

  /** By the monotonic clock, counted from before the claim or renewal was first sent. */
  volatile long leaseEnd;

  /** By the monotonic clock: since when a batch is on its way; 0: none is. */
  volatile long committingSince;

  LivePass(
      EventLoop loop,
      Pass pass,
      Owner owner,
      Duration lease,
      long leaseEnd,
      Waiters waiters,
      long bytes,
      Origin origin) {
    this.gid = pass.transaction().gid();
    this.loop = loop;
    this.claim = owner.claim();
    this.pass = pass;
    decided = pass;
    this.owner = owner;
    this.lease = lease;
    this.leaseEnd = leaseEnd;
    callsEndBy = leaseEnd; // some time near now: the clock may overflow
    this.waiters = waiters;
    this.bytes = bytes;
    this.origin = origin;
    begunAs = pass.transaction().status();
  }

  boolean isCommitting() {
    return committingSince != 0;
  }

  /** Something has happened that is decided in a moment. */
  boolean isAboutToDecide() {
    return !waiting.isEmpty() && !isCommitting();
  }
}
