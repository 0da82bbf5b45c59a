package io.dtm4j.coordinator;

import io.dtm4j.model.Stored;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * One run of servers, clients and participants through a storm, and of what comes after it. Each
 * source of chance is split from the seed, so that the same seed gives the same run.
 */
final class Simulation {
  private static final Duration STORM = Duration.ofSeconds(40);
  private static final Duration ALL_ENDS_WITHIN = Duration.ofHours(3);
  private static final int LINES_SHOWN = Integer.getInteger("simulation.lines", 40);
  private static final int SERVERS = 2;
  private static final int TRANSACTIONS = 20;

  private final VirtualTime time = new VirtualTime();
  private final Trace trace = new Trace(time);
  private final SplittableRandom chance;
  private final List<Server> servers = new ArrayList<>();
  private final List<Storm> storms = new ArrayList<>();
  private final World world;
  private final Bank bank;
  private final Clients clients;
  private boolean over;

  private Simulation(long seed) {
    chance = new SplittableRandom(seed);
    world = new World(time, new Weather(), this::receive);
    if (chance.nextInt(4) == 0) {
      int few = 1 + chance.nextInt(3);
      world.limits = new CoordinatorLimits(3 + few, 1 << 20, 5 + few, few, few);
    }
    world.tracedBy(trace);
    bank = new Bank(world, chance.split(), trace);
    clients = new Clients(time, servers, bank, chance.split());
  }

  private void receive(Participants.Received received) {
    if (received.call().type() == TransType.WORKFLOW) {
      clients.workflows.resume(received);
    } else {
      bank.receive(received);
    }
  }

  /**
   * Runs a seed to its end.
   *
   * @return what happened
   * @throws AssertionError when something is not as it must be; with the seed and what led there
   */
  static List<String> run(long seed) {
    var simulation = new Simulation(seed);
    try {
      simulation.run();
    } catch (AssertionError | RuntimeException e) {
      List<String> lines = simulation.trace.lines();
      List<String> last = lines.subList(Math.max(0, lines.size() - LINES_SHOWN), lines.size());
      throw new AssertionError(
          "seed %d: %s%n%s".formatted(seed, e.getMessage(), String.join("\n", last)), e);
    }
    return simulation.trace.lines();
  }

  private void run() {
    for (int number = 1; number <= SERVERS; number++) {
      start("server-" + number);
    }
    SplittableRandom topics = chance.split();
    subscribe(topics);
    time.after(Duration.ofMillis(topics.nextLong(STORM.toMillis())), () -> subscribe(topics));
    SplittableRandom arrivals = chance.split();
    for (int i = 0; i < TRANSACTIONS; i++) {
      time.after(Duration.ofMillis(arrivals.nextLong(STORM.toMillis() / 2)), clients::begin);
    }
    SplittableRandom harm = chance.split();
    for (int i = harm.nextInt(12); i > 0; i--) {
      time.after(Duration.ofMillis(harm.nextLong(STORM.toMillis())), () -> harm(harm));
    }
    time.run(STORM);
    over = true;
    storms.forEach(Storm::calmDown);
    bank.beGood();
    clients.calmDown();
    time.run(Duration.ofSeconds(30)); // what clients and late writes still do
    time.runUntil(() -> world.invariants.unfinished().isEmpty(), ALL_ENDS_WITHIN);
    List<Stored> unfinished = world.invariants.unfinished();
    if (!unfinished.isEmpty()) {
      throw new AssertionError("do not end: " + unfinished);
    }
    time.run(Duration.ofSeconds(20));
    world.invariants.all().forEach(bank::check);
    for (Server server : servers) {
      server.checkIdle();
    }
  }

  /** From now on others get the messages of the topic, or nobody. */
  private void subscribe(SplittableRandom topics) {
    world.store.deleteKeyValue("topics", Clients.TOPIC);
    List<String> subscribers = new ArrayList<>();
    for (int i = topics.nextInt(4); i > 0; i--) {
      subscribers.add("{\"url\":\"http://bank" + i + "/news\",\"remark\":\"\"}");
    }
    world.store.createKeyValue("topics", Clients.TOPIC, subscribers.toString());
  }

  private void start(String name) {
    var storm = new Storm(chance.split());
    if (over) {
      storm.calmDown();
    }
    storms.add(storm);
    servers.add(world.server(name, storm));
    trace.add("start " + name);
  }

  /** Does something to a server. */
  private void harm(SplittableRandom harm) {
    if (servers.isEmpty()) {
      return;
    }
    int which = harm.nextInt(servers.size());
    Server server = servers.get(which);
    Storm storm = storms.get(which);
    switch (harm.nextInt(5)) {
      case 0 -> {
        trace.add("crash " + server.name);
        server.crash();
        startAgain(server, storm, Duration.ofMillis(harm.nextLong(15_000)));
      }
      case 1 -> {
        trace.add("pause " + server.name);
        server.pause(Duration.ofMillis(harm.nextLong(20_000)));
      }
      case 2 -> {
        trace.add("stop " + server.name);
        server.stop(
            Duration.ofSeconds(5),
            () -> startAgain(server, storm, Duration.ofMillis(harm.nextLong(5_000))));
      }
      case 3 -> {
        String away = "http://bank" + harm.nextInt(3);
        trace.add("no " + away + " for " + server.name);
        storm.participantsGoAway(away);
        time.after(Duration.ofMillis(harm.nextLong(20_000)), storm::participantsComeBack);
      }
      default -> {
        trace.add("no store for " + server.name);
        storm.storeGoesAway();
        time.after(Duration.ofMillis(harm.nextLong(20_000)), storm::storeComesBack);
      }
    }
  }

  private void startAgain(Server server, Storm storm, Duration later) {
    servers.remove(server);
    storms.remove(storm);
    time.after(later, () -> start(server.name));
  }
}
