package io.dtm4j.coordinator;

import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;

/** Everything takes its chance, until it is told to calm down. One for each server. */
final class Storm extends Weather {
  private static final List<Fate> UNKNOWN = List.of(Fate.LOST, Fate.UNCONFIRMED, Fate.LATE);

  private final SplittableRandom chance;
  private final int writesLost;
  private final int callsLost;
  private boolean over;

  Storm(SplittableRandom chance) {
    this.chance = chance;
    writesLost = chance.nextInt(12);
    callsLost = chance.nextInt(8);
  }

  /** From now on nothing goes wrong. */
  void calmDown() {
    over = true;
    storeComesBack();
    participantsComeBack();
  }

  private boolean percent(int limit) {
    return !over && chance.nextInt(100) < limit;
  }

  private Duration upTo(Duration longest) {
    return Duration.ofNanos(chance.nextLong(longest.toNanos() + 1));
  }

  @Override
  Duration hop() {
    return upTo(Duration.ofNanos(percent(2) ? 20_000_000 : 50_000));
  }

  @Override
  Duration timerLateness(Duration delay) {
    return upTo(Duration.ofMillis(2));
  }

  @Override
  Duration read() {
    return upTo(Duration.ofMillis(percent(2) ? 500 : 2));
  }

  @Override
  boolean readFails() {
    return percent(2);
  }

  @Override
  Fate nextWrite() {
    Fate asked = super.nextWrite();
    return asked == Fate.CONFIRMED && percent(writesLost)
        ? UNKNOWN.get(chance.nextInt(UNKNOWN.size()))
        : asked;
  }

  @Override
  Duration write() {
    return upTo(Duration.ofMillis(percent(3) ? 2_000 : 3));
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
    return percent(5) ? upTo(Duration.ofSeconds(2)) : Duration.ZERO;
  }

  @Override
  Duration call() {
    return upTo(Duration.ofMillis(percent(3) ? 4_000 : 5));
  }

  @Override
  boolean callIsLost() {
    return percent(callsLost);
  }
}
