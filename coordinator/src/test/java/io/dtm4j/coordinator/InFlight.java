package io.dtm4j.coordinator;

import io.dtm4j.protocol.Gid;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** An invariant that knows which calls are in flight. */
abstract class InFlight extends Invariant {
  private final Map<Gid, Set<Departure>> calls = new HashMap<>();

  InFlight(String rule) {
    super(rule);
  }

  /** The calls of a transaction that are in flight, of whichever pass and server. */
  final Set<Departure> inFlight(Gid gid) {
    return calls.getOrDefault(gid, Set.of());
  }

  @Override
  void leaves(Departure departure) {
    calls.computeIfAbsent(departure.gid(), _ -> new HashSet<>()).add(departure);
  }

  @Override
  final void ended(Departure departure) {
    calls.getOrDefault(departure.gid(), Set.of()).remove(departure);
  }
}
