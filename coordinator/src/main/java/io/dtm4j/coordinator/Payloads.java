package io.dtm4j.coordinator;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Limits the bytes of the payloads of all calls in flight, and lets those that find no room wait in
 * order: each gets its turn, at the latest when the calls before it have timed out. The rows of a
 * message to a topic share their payload, but not the buffers from which it is sent. Thread-safe.
 */
final class Payloads {
  /** Bytes of a payload that counts as small. */
  private static final int SMALL = 64 << 10;

  private final long most;
  private final AtomicLong bytes = new AtomicLong();
  private final Queue<Waiting> small = new ArrayDeque<>(0);
  private final Queue<Waiting> large = new ArrayDeque<>(0);

  /** How many wait; changed with this object locked. */
  private volatile int waiting;

  private record Waiting(int payload, Runnable turn) {}

  /**
   * @param most bytes; what goes beyond goes, however large, so that none has to wait for a larger
   *     gap; large ones leave a quarter to small ones
   */
  Payloads(long most) {
    this.most = most;
  }

  /**
   * Asks for room, to be {@link #release released} when the call is over.
   *
   * @param turn run later, with room, on whichever thread releases some, if the answer is false; it
   *     hands over at once
   */
  boolean acquire(int payload, Runnable turn) {
    if (payload == 0) {
      return true;
    }
    if (waiting == 0) {
      if (bytes.getAndAdd(payload) < limit(payload)) {
        return true;
      }
      bytes.addAndGet(-payload);
    }
    synchronized (this) {
      (payload <= SMALL ? small : large).add(new Waiting(payload, turn));
      waiting++;
    }
    letGo(); // who released something before it waited could not know of it
    return false;
  }

  /** Gives room back, and on to those that wait. */
  void release(int payload) {
    bytes.addAndGet(-payload);
    if (waiting > 0) {
      letGo();
    }
  }

  private void letGo() {
    List<Runnable> turns = new ArrayList<>();
    synchronized (this) {
      for (Waiting next = next(); next != null; next = next()) {
        bytes.addAndGet(next.payload());
        waiting--;
        turns.add(next.turn());
      }
    }
    turns.forEach(Runnable::run);
  }

  /** Takes the first that there is room for out of its queue; null: none. */
  private @Nullable Waiting next() {
    if (!small.isEmpty() && bytes.get() < most) {
      return small.poll();
    }
    return bytes.get() < limit(Integer.MAX_VALUE) ? large.poll() : null;
  }

  private long limit(int payload) {
    return payload <= SMALL ? most : most - most / 4;
  }
}
