package io.dtm4j.coordinator;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.jspecify.annotations.Nullable;

/**
 * Limits the calls in flight to each destination (scheme, host and port) and keeps those that wait
 * in order, so that one slow participant holds up nobody else. Thread-safe.
 */
final class Destinations {
  /** What became of a request for a slot. */
  enum Admission {
    /** A slot is taken: call now, and {@link Slots#release} afterwards. */
    GO,
    /** It will be run, with a slot, when it is its turn. */
    QUEUED,
    /** Slots and queue are full. */
    FULL
  }

  private final int slots;
  private final int places;
  private final ConcurrentMap<String, Slots> byAddress = new ConcurrentHashMap<>();

  Destinations(CoordinatorLimits limits) {
    slots = limits.callsInFlight();
    places = limits.callsWaiting();
  }

  /** The destination of a url. It is to be used at once. */
  Slots of(String url) {
    return byAddress.compute(
        addressOf(url),
        (_, known) -> {
          Slots slots = known == null ? new Slots() : known;
          slots.wanted = true;
          return slots;
        });
  }

  /**
   * Forgets destinations that nobody calls, and that nobody has looked up since the last time: who
   * has is about to take a slot, and there must not be two destinations of one address then.
   */
  void forgetIdle() {
    for (String address : byAddress.keySet()) {
      byAddress.computeIfPresent(address, (_, slots) -> slots.isForgotten() ? null : slots);
    }
  }

  static String addressOf(String url) {
    int start = url.indexOf("://");
    int from = start < 0 ? 0 : start + 3;
    int end = from;
    while (end < url.length() && "/?#".indexOf(url.charAt(end)) < 0) {
      end++;
    }
    return url.substring(0, end);
  }

  /** The slots and the queue of one destination. */
  final class Slots {
    private final Deque<Runnable> queue = new ArrayDeque<>(0);
    private int inFlight;

    /** It was looked up since the last round of forgetting; guarded by its entry in the map. */
    private boolean wanted;

    /**
     * Asks for a slot.
     *
     * @param turn run later with a slot, on whichever thread releases one, if the answer is {@link
     *     Admission#QUEUED}; it hands over at once
     * @param first whether it goes before those that wait
     */
    synchronized Admission acquire(Runnable turn, boolean first) {
      if (inFlight < slots) {
        inFlight++;
        return Admission.GO;
      }
      if (queue.size() >= places) {
        return Admission.FULL;
      }
      if (first) {
        queue.addFirst(turn);
      } else {
        queue.addLast(turn);
      }
      return Admission.QUEUED;
    }

    /** Gives a slot back, or on to the first that waits. */
    void release() {
      Runnable next = nextOrFree();
      if (next != null) {
        next.run();
      }
    }

    private synchronized @Nullable Runnable nextOrFree() {
      Runnable next = queue.pollFirst();
      if (next == null) {
        inFlight--;
      }
      return next;
    }

    private boolean isForgotten() {
      boolean wasWanted = wanted;
      wanted = false;
      return !wasWanted && isIdle();
    }

    private synchronized boolean isIdle() {
      return inFlight == 0;
    }
  }
}
