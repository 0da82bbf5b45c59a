package io.dtm4j.coordinator;

import io.dtm4j.store.StoreClock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;

/**
 * The clock of the store. It is exact, unless the store is embedded: then it is the real {@link
 * StoreClock} over the clock of a machine that may be set.
 */
final class StoreTime implements InstantSource {
  private final VirtualTime time;
  private InstantSource clock;
  private Duration setTo = Duration.ZERO;
  private Duration uncertainty = Duration.ZERO;
  private int openings;

  StoreTime(VirtualTime time) {
    this.time = time;
    clock = time;
  }

  /** An embedded store is opened that has seen that time. */
  void open(Instant newest) {
    clock = new StoreClock(() -> time.instant().plus(setTo), time::nanoTime, newest);
    openings++;
  }

  /** How often it has begun anew, which is when it takes over what the machine's clock says. */
  int openings() {
    return openings;
  }

  /** The true time. */
  Duration passed() {
    return time.passed();
  }

  /** The clock of the machine is from now on that much ahead of the true time. */
  void setMachine(Duration ahead) {
    setTo = ahead;
  }

  /**
   * From now on servers may be wrong about the store's time, or measure it differently, by that
   * much.
   */
  void uncertain(Duration most) {
    uncertainty = most;
  }

  Duration uncertainty() {
    return uncertainty;
  }

  @Override
  public Instant instant() {
    return clock.instant();
  }
}
