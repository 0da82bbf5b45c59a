package io.dtm4j.coordinator;

import io.dtm4j.engine.Trouble;
import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.TransType;
import java.time.Duration;

/** R7: no pass is dropped, unless its caller had a defect. */
final class Drops implements Observer {
  private int allowed;

  /** One more pass may be dropped. */
  void allowOne() {
    allowed++;
  }

  @Override
  public void passDropped() {
    if (--allowed < 0) {
      throw new Violation("R7: no pass is dropped unless its caller has a defect", allowed);
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
