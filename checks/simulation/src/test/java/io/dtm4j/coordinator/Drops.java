package io.dtm4j.coordinator;

import io.dtm4j.engine.Trouble;
import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;

/** R7: no pass is dropped, unless its caller had a defect or a batch of it cannot be stored. */
final class Drops implements Observer {
  /** Until it times out, its margin is over, and a server that stands still looks at it. */
  private static final Duration DROPPED_WITHIN = Duration.ofMinutes(2);

  private final VirtualTime time;
  private final Deque<Duration> allowedUntil = new ArrayDeque<>();

  Drops(VirtualTime time) {
    this.time = time;
  }

  /** A call was swallowed, or a batch rejected: its pass may be dropped. */
  void allowOne() {
    allowedUntil.add(time.passed().plus(DROPPED_WITHIN));
  }

  @Override
  public void passDropped() {
    allowedUntil.removeIf(until -> until.compareTo(time.passed()) < 0);
    if (allowedUntil.poll() == null) {
      throw new Violation("R7: no pass is dropped unless it cannot go on", time.passed());
    }
  }

  @Override
  public void passEnded(TransType type, boolean ok, Duration age) {}

  @Override
  public void branchCalled(TransType type, BranchKey branch, boolean ok) {}

  @Override
  public void troubled(Trouble trouble) {}

  @Override
  public void timerFired(Duration late) {}

  @Override
  public Destination destination(String address) {
    return Destination.NONE;
  }
}
