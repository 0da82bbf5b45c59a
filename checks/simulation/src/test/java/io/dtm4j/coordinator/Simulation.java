package io.dtm4j.coordinator;

import io.dtm4j.engine.Call;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * One run of servers, clients and participants through a storm, and of what comes after it. Each
 * source of chance is split from the seed, so that the same seed gives the same run.
 */
final class Simulation {
  private static final Duration STORM = Duration.ofSeconds(40);

  private static final Duration ALL_ENDS_WITHIN = Duration.ofMinutes(5);

  private static final int MOST_SERVERS = 3;

  /**
   * Two servers may differ so much in what they believe to be the store's time, or two measures of
   * one; of the second that a lease must last at a call something remains.
   */
  private static final Duration CLOCKS_DIFFER = Duration.ofMillis(800);

  // Other seeds for what was added later, so chosen that those that SimulationTest names, and that
  // were found before, meet nothing new.
  private static final long MORE = 11L << 32;
  private static final long AHEAD = 12L << 32;
  private static final long STOPS = 26L << 32;
  private static final long OPERATORS = 31L << 32;
  private static final long STARTS = 134L << 32;
  private static final long STORES = 241L << 32;

  /** Of a hundred calls that run ahead, while nobody knows whether they may, the last ones. */
  private static final int LAST_CALLS = 10;

  /** Of a hundred claims, those of what an operator stops just then. */
  private static final int STOPPED_CLAIMS = 10;

  /** Of a hundred starts of a server with an embedded store, those with a wrong clock. */
  private static final int WRONG_STARTS = 50;

  /** A clock that follows another one gains a hundredth of the longest lease. */
  private static final Duration FOLLOWED_WITHIN_A_LEASE = Duration.ofMillis(400);

  private static final int TRANSACTIONS = 20;

  /** What is violated when the code throws what nobody expects. */
  private static final String BROKEN = "nothing is thrown that nobody expects";

  private final VirtualTime time = new VirtualTime();
  private final Trace trace = new Trace(time);
  private final Drops drops = new Drops(time);
  private final SplittableRandom chance;

  /** Of what was added later, so that older seeds still meet what they met. */
  private final SplittableRandom more;

  /** Of what calls that run ahead need to do harm. */
  private final SplittableRandom ahead;

  /** Of stops while a call runs ahead. */
  private final SplittableRandom stops;

  /** Of what operators stop when it is claimed. */
  private final SplittableRandom operators;

  /** Of clocks that are wrong at a start. */
  private final SplittableRandom starts;

  /** Of the kind of a store that servers share, and of what becomes of writes there. */
  private final SplittableRandom stores;

  private final @Nullable StoreKind wanted;
  private final Faults faults;
  private final List<Server> servers = new ArrayList<>();
  private final List<Storm> storms = new ArrayList<>();
  private final World world;
  private final Bank bank;
  private final Clients clients;
  private final boolean scarce;
  private final boolean hasMore;
  private final boolean hasStops;
  private final boolean hasOperators;
  private final boolean hasStarts;
  private boolean over;

  private Simulation(long seed, @Nullable StoreKind wanted, Set<Integer> leftOut) {
    this.wanted = wanted;
    chance = new SplittableRandom(seed);
    more = new SplittableRandom(seed + MORE);
    hasMore = more.nextBoolean();
    ahead = new SplittableRandom(seed + AHEAD);
    stops = new SplittableRandom(seed + STOPS);
    hasStops = stops.nextInt(3) == 0;
    operators = new SplittableRandom(seed + OPERATORS);
    hasOperators = operators.nextInt(3) == 0;
    starts = new SplittableRandom(seed + STARTS);
    hasStarts = starts.nextBoolean();
    stores = new SplittableRandom(seed + STORES);
    faults = new Faults(trace, leftOut);
    world = new World(time, new Weather(), this::receive);
    world.observer = drops;
    world.passRejected = drops::allowOne;
    scarce = chance.nextInt(4) == 0;
    if (scarce) {
      int few = 1 + chance.nextInt(3);
      world.limits = new CoordinatorLimits(3 + few, 1 << 20, 5 + few, few, few);
    }
    world.tracedBy(trace);
    world.invariants.onClaim(this::mayBeStopped);
    bank = new Bank(world, chance.split(), ahead.split(), faults, trace);
    clients = new Clients(time, servers, bank, chance.split(), more.split());
  }

  private void receive(Participants.Received received) {
    if (received.call().type() == TransType.WORKFLOW) {
      clients.workflows.resume(received);
    } else {
      bank.receive(received);
      mayBeTheLast(received.call());
    }
  }

  /**
   * Its server may crash, or stop, when a call that ran ahead has been made, before what it waited
   * for is known.
   */
  private void mayBeTheLast(Call call) {
    for (int which = 0; which < servers.size(); which++) {
      Server server = servers.get(which);
      LivePass pass = server.passOf(call.gid().value());
      if (pass == null || !pass.isAhead || over) {
        continue;
      }
      Storm storm = storms.get(which);
      if (ahead.nextInt(100) < LAST_CALLS
          && faults.happens("crash of " + server.name + " while a call runs ahead")) {
        server.crash();
        startAgain(server, storm, Duration.ofMillis(ahead.nextLong(15_000)));
        return;
      }
      if (hasStops
          && server.isUp()
          && stops.nextInt(100) < LAST_CALLS
          && faults.happens("stop of " + server.name + " while a call is ahead of a bad batch")) {
        nothingIsStoredOf(call.gid(), Duration.ofMillis(stops.nextLong(5_000)));
        Duration down = Duration.ofMillis(stops.nextLong(5_000));
        server.stop(Duration.ZERO, () -> startAgain(server, storm, down));
        return;
      }
    }
  }

  /** The pass of a claim may begin when somebody has ended its transaction already. */
  private void mayBeStopped(Stored claimed) {
    Gid gid = claimed.transaction().gid();
    if (hasOperators
        && !over
        && operators.nextInt(100) < STOPPED_CLAIMS
        && faults.happens("a stop of " + gid + " when it is claimed")) {
      Duration later = Duration.ofNanos(operators.nextLong(5_000_000));
      time.after(later, () -> clients.insist(Requests.saga(gid.value()).forceStop(), 2, _ -> {}));
    }
  }

  private void nothingIsStoredOf(Gid gid, Duration length) {
    world.store.reject(gid);
    time.after(length, () -> world.store.accept(gid));
  }

  /**
   * What came of a run.
   *
   * @param trace what happened, line by line
   * @param failure null: all was as it must be
   */
  record Outcome(List<String> trace, @Nullable Failure failure) {}

  /**
   * A run in which something is not as it must be.
   *
   * @param rule what must hold
   * @param what the rule, and where it does not hold
   * @param faults what went wrong before, on purpose
   * @param faultsWanted how many faults there would be if none was left out
   */
  record Failure(
      String rule, String what, List<String> faults, int faultsWanted, List<String> trace) {
    boolean isLike(Failure other) {
      return rule.equals(other.rule);
    }
  }

  /**
   * Runs a seed to its end.
   *
   * @param kind of the store; null: the seed decides
   */
  static Outcome run(long seed, @Nullable StoreKind kind) {
    return run(seed, kind, Set.of());
  }

  /** Which rule a run of that seed breaks, and where; null: none. An exception is none. */
  static @Nullable String objectionTo(long seed) {
    Failure failure = run(seed, null).failure();
    return failure == null || failure.rule().equals(BROKEN) ? null : failure.what();
  }

  /** The same without those faults. */
  static Outcome run(long seed, @Nullable StoreKind kind, Set<Integer> leftOut) {
    var simulation = new Simulation(seed, kind, leftOut);
    try {
      simulation.run();
      return new Outcome(simulation.trace.lines(), null);
    } catch (Violation e) {
      return simulation.failed(e.rule(), String.valueOf(e.getMessage()));
    } catch (RuntimeException e) {
      return simulation.failed(BROKEN, BROKEN + ": " + e + " at " + e.getStackTrace()[0]);
    }
  }

  private Outcome failed(String rule, String what) {
    List<String> lines = trace.lines();
    return new Outcome(lines, new Failure(rule, what, faults.happened(), faults.wanted(), lines));
  }

  private void run() {
    int count = 1 + chance.nextInt(MOST_SERVERS);
    boolean isEmbedded = count == 1 && chance.nextBoolean();
    StoreKind kind = kind(isEmbedded);
    if (kind != StoreKind.MEMORY) {
      world.settings = world.settings.withoutRunningAhead();
      world.inSteps = new SharedWrites(kind, world, stores);
    } else if (isEmbedded) {
      world.disk = new Disk(world.store, world.storeTime, chance.split());
    }
    for (int number = 1; number <= count; number++) {
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
    SplittableRandom moreHarm = more.split();
    for (int i = hasMore ? moreHarm.nextInt(8) : 0; i > 0; i--) {
      time.after(Duration.ofMillis(moreHarm.nextLong(STORM.toMillis())), () -> harmMore(moreHarm));
    }
    time.run(STORM);
    over = true;
    storms.forEach(Storm::calmDown);
    bank.beGood();
    clients.calmDown();
    time.run(Duration.ofSeconds(30)); // what clients and late writes still do
    Duration longest = longestInterval(world.invariants.unfinished());
    time.runUntil(
        () -> world.invariants.unfinished().isEmpty(),
        ALL_ENDS_WITHIN.plus(longest.multipliedBy(2)));
    List<Stored> unfinished = world.invariants.unfinished();
    if (!unfinished.isEmpty()) {
      throw new Violation("all ends", unfinished);
    }
    time.run(Duration.ofSeconds(20));
    world.invariants.all().forEach(bank::check);
    for (Server server : servers) {
      server.checkIdle();
    }
  }

  private StoreKind kind(boolean isEmbedded) {
    if (wanted != null) {
      return wanted;
    }
    StoreKind[] kinds = StoreKind.values();
    return isEmbedded || stores.nextBoolean()
        ? StoreKind.MEMORY
        : kinds[1 + stores.nextInt(kinds.length - 1)];
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
    var storm = new Storm(chance.split(), faults);
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
    switch (harm.nextInt(6)) {
      case 0 -> {
        Duration down = Duration.ofMillis(harm.nextLong(15_000));
        Disk disk = harm.nextBoolean() ? world.disk : null;
        if (faults.happens((disk == null ? "crash of " : "power cut of ") + server.name)) {
          server.crash();
          if (disk != null) {
            disk.loseWhatIsVolatile();
          }
          startAgain(server, storm, down);
        }
      }
      case 1 -> {
        Duration length = Duration.ofMillis(harm.nextLong(20_000));
        if (faults.happens("pause of " + server.name)) {
          server.pause(length);
        }
      }
      case 2 -> {
        Duration down = Duration.ofMillis(harm.nextLong(5_000));
        if (faults.happens("stop of " + server.name)) {
          server.stop(Duration.ofSeconds(5), () -> startAgain(server, storm, down));
        }
      }
      case 3 -> {
        String away = "http://bank" + harm.nextInt(3);
        Duration length = Duration.ofMillis(harm.nextLong(20_000));
        if (faults.happens("no " + away + " for " + server.name)) {
          storm.participantsGoAway(away);
          time.after(length, storm::participantsComeBack);
        }
      }
      case 4 -> {
        Duration length = Duration.ofMillis(harm.nextLong(20_000));
        if (faults.happens("no store for " + server.name)) {
          storm.storeGoesAway();
          time.after(length, storm::storeComesBack);
        }
      }
      default -> {
        // With few slots the one that such a call keeps for ever would be missed.
        if (!scarce && faults.happens("an answer is swallowed by " + server.name)) {
          server.caller.swallowNext(drops::allowOne);
        }
      }
    }
  }

  /** Sets a clock, or lets records be broken. */
  private void harmMore(SplittableRandom harm) {
    if (harm.nextBoolean()) {
      setClock(harm);
      return;
    }
    var gid = new Gid("g" + (1 + harm.nextInt(TRANSACTIONS)));
    Duration length = Duration.ofMillis(harm.nextLong(20_000));
    if (faults.happens("nothing can be stored of " + gid)) {
      nothingIsStoredOf(gid, length);
    }
  }

  private void setClock(SplittableRandom harm) {
    if (world.disk != null) {
      Duration error = wrongBy(harm);
      if (faults.happens("the clock is set to " + error)) {
        world.storeTime.setMachine(error);
        world.storeTime.uncertain(FOLLOWED_WITHIN_A_LEASE);
      }
    } else if (!servers.isEmpty()) {
      int which = harm.nextInt(servers.size());
      long most = CLOCKS_DIFFER.toMillis() / 2;
      Duration error = Duration.ofMillis(harm.nextLong(-most, most));
      if (faults.happens("the clock of " + servers.get(which).name + " is off by " + error)) {
        storms.get(which).clockIsOff(error);
        world.storeTime.uncertain(CLOCKS_DIFFER);
      }
    }
  }

  private void startAgain(Server server, Storm storm, Duration later) {
    servers.remove(server);
    storms.remove(storm);
    time.after(
        later,
        () -> {
          if (!startsWrong(server.name)) {
            start(server.name);
          }
        });
  }

  /** Whether it was started with a clock that is wrong, until it is set right and started again. */
  private boolean startsWrong(String name) {
    if (!hasStarts || over || world.disk == null || starts.nextInt(100) >= WRONG_STARTS) {
      return false;
    }
    Duration error = wrongBy(starts);
    if (!faults.happens("a start with a clock that is wrong by " + error)) {
      return false;
    }
    world.storeTime.setMachine(error);
    world.storeTime.uncertain(FOLLOWED_WITHIN_A_LEASE);
    start(name);
    Server server = servers.getLast();
    Storm storm = storms.getLast();
    Duration length = Duration.ofMillis(starts.nextLong(10));
    time.after(
        length,
        () -> {
          world.storeTime.setMachine(Duration.ZERO);
          if (servers.contains(server)) {
            server.crash();
            startAgain(server, storm, length);
          }
        });
    return true;
  }

  private static Duration wrongBy(SplittableRandom harm) {
    return Duration.ofMillis(harm.nextLong(-3_600_000, 3_600_000));
  }

  /** Intervals have doubled, up to an hour, as often as somebody has asked to look again. */
  private static Duration longestInterval(List<Stored> unfinished) {
    return unfinished.stream()
        .map(stored -> stored.transaction().state().schedule().interval())
        .max(Comparator.naturalOrder())
        .orElse(Duration.ZERO);
  }
}
