package io.dtm4j.coordinator;

import io.dtm4j.store.FaultyStore.Fault;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;

/** Everything takes its chance, until it is told to calm down. One for each server. */
final class Storm extends Weather {
  private static final List<Fault> UNKNOWN =
      List.of(Fault.BEFORE_EFFECT, Fault.AFTER_EFFECT, Fault.LATE_EFFECT);

  /** One of so many transactions of a database. */
  private static final int STANDSTILLS = 500;

  private final SplittableRandom chance;
  private final Faults faults;
  private final int writesLost;
  private final int callsLost;
  private Duration clockError = Duration.ZERO;
  private boolean over;

  Storm(SplittableRandom chance, Faults faults) {
    this.chance = chance;
    this.faults = faults;
    writesLost = chance.nextInt(12);
    callsLost = chance.nextInt(8);
  }

  /** From now on nothing goes wrong. */
  void calmDown() {
    over = true;
    storeComesBack();
    participantsComeBack();
  }

  /** From now on the server believes the store's time to be that much later than it is. */
  void clockIsOff(Duration ahead) {
    clockError = ahead;
  }

  @Override
  Duration clockError() {
    return clockError;
  }

  private boolean percent(int limit, String what) {
    return !over && chance.nextInt(100) < limit && faults.happens(what);
  }

  private Duration upTo(Duration longest) {
    return Duration.ofNanos(chance.nextLong(longest.toNanos() + 1));
  }

  private Duration usually(Duration longest, int percent, Duration slow, String what) {
    return upTo(percent(percent, what) ? slow : longest);
  }

  @Override
  Duration hop() {
    return usually(Duration.ofNanos(50_000), 2, Duration.ofMillis(20), "busy loop");
  }

  @Override
  Duration timerLateness(Duration delay) {
    return upTo(Duration.ofMillis(2));
  }

  @Override
  Duration read() {
    return usually(Duration.ofMillis(2), 2, Duration.ofMillis(500), "slow read");
  }

  @Override
  boolean readFails() {
    return percent(2, "read fails");
  }

  @Override
  Fault nextWrite() {
    Fault asked = super.nextWrite();
    return asked == Fault.NONE && percent(writesLost, "outcome of a write is unknown")
        ? UNKNOWN.get(chance.nextInt(UNKNOWN.size()))
        : asked;
  }

  @Override
  Duration write() {
    return usually(Duration.ofMillis(3), 3, Duration.ofSeconds(2), "slow write");
  }

  @Override
  Duration standstill() {
    return !over
            && chance.nextInt(STANDSTILLS) == 0
            && faults.happens("stands still in the midst of a write")
        ? upTo(Duration.ofSeconds(20))
        : Duration.ZERO;
  }

  @Override
  boolean losesParts() {
    return percent(20, "parts of a write are lost");
  }

  @Override
  Duration lateness() {
    return upTo(Duration.ofSeconds(20));
  }

  @Override
  boolean diesWithSender() {
    return chance.nextBoolean();
  }

  @Override
  Duration connecting() {
    return percent(5, "slow connection") ? upTo(Duration.ofSeconds(2)) : Duration.ZERO;
  }

  @Override
  Duration call() {
    return usually(Duration.ofMillis(5), 3, Duration.ofSeconds(4), "slow call or answer");
  }

  @Override
  boolean callIsDoubled() {
    return percent(2, "call comes twice");
  }

  @Override
  boolean callIsLost() {
    return percent(callsLost, "call or answer is lost");
  }
}
