package io.dtm4j.coordinator;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.jspecify.annotations.Nullable;

/**
 * Limits the calls in flight to each destination (scheme, host and port) and keeps those that wait
 * in order, so that one slow participant holds up nobody else; and knows which could not be
 * connected to just now. Thread-safe.
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

  /** While a destination cannot be reached, one call that could wait tries it in this time. */
  private static final long TRY_EVERY_NANOS = Duration.ofSeconds(1).toNanos();

  /** A failure that is older says nothing of the present. */
  private static final long FAILED_JUST_NOW_NANOS = Duration.ofSeconds(10).toNanos();

  private final int slots;
  private final int places;
  private final Observer observer;

  private final ConcurrentMap<String, Slots> byAddress = new ConcurrentHashMap<>();

  Destinations(CoordinatorLimits limits, Observer observer) {
    this.observer = observer;
    slots = limits.callsInFlight();
    places = limits.callsWaiting();
  }

  /** The destination of a url. It is to be used at once. */
  Slots of(String url) {
    String address = addressOf(url);
    Slots known = byAddress.get(address);
    if (known != null && known.wanted) {
      return known; // it outlives the next round at least
    }
    Slots destination =
        byAddress.compute(
            address,
            (_, old) -> {
              Slots slots = old == null ? new Slots(observer.destination(address)) : old;
              slots.wanted = true;
              return slots;
            });
    return requireNonNull(destination, "there is one now");
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

  /** What each of them has to do. */
  List<DestinationLoad> loads() {
    var loads = new ArrayList<DestinationLoad>();
    byAddress.forEach((address, slots) -> loads.add(slots.load(address)));
    return loads;
  }

  static String addressOf(String url) {
    int start = url.indexOf("://");
    int end = start < 0 ? 0 : start + 3;
    if (url.startsWith("/", end)) {
      end++; // dns:///host:port/package.Service/Method
    }
    while (end < url.length() && "/?#".indexOf(url.charAt(end)) < 0) {
      end++;
    }
    return url.substring(0, end);
  }

  /** The slots and the queue of one destination. */
  final class Slots {
    /** Told what becomes of its calls. */
    final Observer.Destination observer;

    private final Queue<Runnable> queue = new ArrayDeque<>(0);
    private final Queue<Runnable> goFirst = new ArrayDeque<>(0);
    private int inFlight;

    /** It was looked up since the last round of forgetting; changed within the map's steps only. */
    private volatile boolean wanted;

    /** The last call that ended could not connect; written under the lock, as what follows. */
    private volatile boolean unreachable;

    /** By the monotonic clock. */
    private long failedAt;

    /** By the monotonic clock: when a call was let through to try it, or failed. */
    private long triedAt;

    private Slots(Observer.Destination observer) {
      this.observer = observer;
    }

    private synchronized DestinationLoad load(String address) {
      return new DestinationLoad(address, inFlight, queue.size() + goFirst.size());
    }

    /**
     * Asks for a slot.
     *
     * @param turn run later with a slot, on whichever thread releases one, if the answer is {@link
     *     Admission#QUEUED}; it hands over at once
     * @param first whether it goes before those that wait without this
     */
    synchronized Admission acquire(Runnable turn, boolean first) {
      if (inFlight < slots) {
        inFlight++;
        return Admission.GO;
      }
      if (queue.size() + goFirst.size() >= places) {
        return Admission.FULL;
      }
      (first ? goFirst : queue).add(turn);
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
      Runnable next = goFirst.isEmpty() ? queue.poll() : goFirst.poll();
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

    /** A call could not connect. */
    synchronized void failed(long now) {
      unreachable = true;
      failedAt = now;
      triedAt = now;
    }

    /** A call got through, whatever was answered. */
    void reached() {
      if (unreachable) {
        synchronized (this) {
          unreachable = false;
        }
      }
    }

    /**
     * Whether a call that could as well wait may leave. Not while connecting has just failed, but
     * for one a second, which is this one when the answer is true: it finds out how things are.
     */
    boolean mayTry(long now) {
      return !unreachable || mayTryThough(now);
    }

    private synchronized boolean mayTryThough(long now) {
      if (now - failedAt >= FAILED_JUST_NOW_NANOS) {
        return true;
      }
      if (now - triedAt < TRY_EVERY_NANOS) {
        return false;
      }
      triedAt = now;
      return true;
    }

    private synchronized boolean isIdle() {
      return inFlight == 0;
    }
  }
}
