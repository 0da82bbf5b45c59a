package io.dtm4j.coordinator;

import io.dtm4j.protocol.Reply;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The clients that wait for the result of one pass. Belongs to the pass's event loop; only {@link
 * #isAnyOverdue} may be asked by others.
 */
final class Waiters {
  /** How long each waits at most; null: until the pass ends. */
  private final @Nullable Duration longest;

  /** In the order in which they came. */
  private final Deque<Waiter> waiters = new ArrayDeque<>(1);

  /** By the monotonic clock: when the first one is answered at the latest; 0: not by time. */
  private volatile long firstUntil;

  Waiters(@Nullable Duration longest) {
    this.longest = longest;
  }

  boolean isEmpty() {
    return waiters.isEmpty();
  }

  void add(Waiter waiter) {
    waiters.addLast(waiter);
    timeFirst();
  }

  /** Whether somebody has waited long enough; any thread. */
  boolean isAnyOverdue(long now) {
    long until = firstUntil;
    return until != 0 && now - until >= 0;
  }

  /** Answers those who have waited long enough. */
  void tellOverdue(Reply answer, long now) {
    while (isAnyOverdue(now)) {
      waiters.removeFirst().tell(answer);
      timeFirst();
    }
  }

  /** Answers all. */
  void tell(Reply answer) {
    takeAll().forEach(waiter -> waiter.tell(answer));
  }

  /** Those who wait, for somebody else to answer. */
  List<Waiter> takeAll() {
    List<Waiter> all = new ArrayList<>(waiters);
    waiters.clear();
    timeFirst();
    return all;
  }

  private void timeFirst() {
    Waiter first = waiters.peekFirst();
    firstUntil = first == null || longest == null ? 0 : (first.since() + longest.toNanos()) | 1;
  }
}
