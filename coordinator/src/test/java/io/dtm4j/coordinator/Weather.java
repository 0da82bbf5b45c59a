package io.dtm4j.coordinator;

import io.dtm4j.store.FaultyStore.Fault;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * How long things take, and what goes wrong. This one is calm: everything takes its usual time, and
 * only what a test asks for goes wrong.
 */
class Weather {
  static final Duration HOP = Duration.ofNanos(10_000);
  static final Duration READ = Duration.ofMillis(1);
  static final Duration WRITE = Duration.ofMillis(2);
  static final Duration CALL = Duration.ofMillis(2);

  private final Deque<Fault> faults = new ArrayDeque<>();
  private final List<String> away = new ArrayList<>();
  private boolean storeAway;
  private Duration connecting = Duration.ZERO;
  private Duration write = WRITE;
  private Duration late = Duration.ofSeconds(1);

  // ---- what a test asks for

  /** What becomes of the next attempts to write. */
  void nextWrites(Fault... next) {
    faults.addAll(List.of(next));
  }

  /** The next write takes effect only after that time. */
  void nextWriteLate(Duration delay) {
    late = delay;
    faults.add(Fault.LATE_EFFECT);
  }

  /** From now on no write reaches the store. */
  void storeGoesAway() {
    storeAway = true;
  }

  /** From now on the store takes writes again. */
  void storeComesBack() {
    storeAway = false;
  }

  /** From now on no connection to these urls comes up. */
  void participantsGoAway(String beginningOfUrl) {
    away.add(beginningOfUrl);
  }

  /** From now on all can be connected to again. */
  void participantsComeBack() {
    away.clear();
  }

  /** From now on a write takes so long, there and back. */
  void writesTake(Duration time) {
    write = time;
  }

  /** From now on connections to participants take that long. */
  void connectionsTake(Duration delay) {
    connecting = delay;
  }

  // ---- what the parts of the simulation ask

  /** Until a call has a connection on which it leaves. */
  Duration connecting() {
    return connecting;
  }

  /** How far ahead of the store's time the server believes it to be. */
  Duration clockError() {
    return Duration.ZERO;
  }

  /** Until an event loop begins its next task. */
  Duration hop() {
    return HOP;
  }

  /** What a timer is later than asked for. */
  Duration timerLateness(Duration delay) {
    return Duration.ZERO;
  }

  /** To the store, or back. */
  Duration read() {
    return READ.dividedBy(2);
  }

  boolean readFails() {
    return false;
  }

  Fault nextWrite() {
    if (storeAway) {
      return Fault.BEFORE_EFFECT;
    }
    Fault next = faults.poll();
    return next == null ? Fault.NONE : next;
  }

  /** To the store, or back. */
  Duration write() {
    return write.dividedBy(2);
  }

  /** How long the server stands still now, in the midst of a transaction of a database. */
  Duration standstill() {
    return Duration.ZERO;
  }

  /** Whether of a write that falls into parts some are lost, or late. */
  boolean losesParts() {
    return false;
  }

  /** Until a late write takes effect, or a doubled call arrives. */
  Duration lateness() {
    return late;
  }

  /** Whether a write that is under way is lost with the process that sent it. */
  boolean diesWithSender() {
    return false;
  }

  /** To a participant, or back. */
  Duration call() {
    return CALL.dividedBy(2);
  }

  /** Whether connections to a url do not come up. */
  boolean isAway(String url) {
    return away.stream().anyMatch(url::startsWith);
  }

  /** Whether a call reaches its participant once more, some time later. */
  boolean callIsDoubled() {
    return false;
  }

  /** Whether a call never reaches its participant, or its answer never comes back. */
  boolean callIsLost() {
    return false;
  }
}
