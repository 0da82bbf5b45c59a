package io.dtm4j.coordinator;

import io.dtm4j.protocol.BranchAnswer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Participants that do what a test says; others succeed at once. */
final class ScriptedParticipants implements Participants {
  /** What a participant does with a call. */
  interface Behaviour {
    void take(Received received);
  }

  static final Behaviour SUCCEEDS = Received::succeed;
  static final Behaviour ONGOING = received -> received.answer(new BranchAnswer.Ongoing("wait"));
  static final Behaviour UNKNOWN = received -> received.answer(new BranchAnswer.Unknown("oops"));

  /** It says nothing by itself; the test may do so later. */
  static final Behaviour SILENT = _ -> {};

  private final VirtualTime time;
  private final Map<String, Deque<Behaviour>> scripts = new HashMap<>();
  private final List<Received> received = new ArrayList<>();

  ScriptedParticipants(VirtualTime time) {
    this.time = time;
  }

  static Behaviour fails(String text) {
    return received -> received.fail(text);
  }

  /** The same after some time. */
  Behaviour slowly(Duration delay, Behaviour behaviour) {
    return received -> time.after(delay, () -> behaviour.take(received));
  }

  /** What the participant at that url does with its next calls; the last stays. */
  void script(String url, Behaviour... behaviours) {
    scripts.put(url, new ArrayDeque<>(List.of(behaviours)));
  }

  @Override
  public void receive(Received call) {
    received.add(call);
    Deque<Behaviour> script = scripts.get(call.call().url());
    if (script == null) {
      call.succeed();
    } else {
      Behaviour next = script.size() > 1 ? script.remove() : script.element();
      next.take(call);
    }
  }

  /** All calls so far. */
  List<Received> received() {
    return received;
  }

  /** The urls of all calls so far, in their order. */
  List<String> urls() {
    return received.stream().map(one -> one.call().url()).toList();
  }

  /** The calls of that url so far. */
  List<Received> callsOf(String url) {
    return received.stream().filter(one -> one.call().url().equals(url)).toList();
  }
}
