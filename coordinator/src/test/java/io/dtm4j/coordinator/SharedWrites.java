package io.dtm4j.coordinator;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.FaultyStore.Fault;
import io.dtm4j.store.LaneWork;
import io.dtm4j.store.Lease;
import io.dtm4j.store.MemoryStore;
import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.StoreRejectedException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The writes of servers on their way to the store that they share: they take effect as those of its
 * {@link StoreKind} do, in steps between which others take theirs.
 *
 * <p>A transaction of a database locks its records, decides, hears so, and commits. Until then
 * others wait for these records, two seconds at most; a server that stands still, or a connection
 * that is lost, may keep them locked for long. What was decided is written without another look.
 *
 * <p>Where there are no locks a write falls into parts. Each takes effect by itself, on records as
 * they are then; when a connection is lost some do and some do not, or do so later.
 */
final class SharedWrites {
  private static final Duration LONGEST_WAIT = Duration.ofSeconds(2);
  private static final Duration SLOW = Duration.ofMillis(100);

  private final StoreKind kind;
  private final VirtualTime time;
  private final SharedStore store;
  private final SplittableRandom chance;

  /** By which attempts. */
  private final Map<Gid, Attempt> locked = new HashMap<>();

  /** For what is locked, in the order in which they came. */
  private final List<Attempt> waiting = new ArrayList<>();

  /**
   * @param kind not {@link StoreKind#MEMORY}, which has no steps
   */
  SharedWrites(StoreKind kind, World world, SplittableRandom chance) {
    this.kind = kind;
    time = world.time;
    store = world.store;
    this.chance = chance;
  }

  /**
   * Sends something.
   *
   * @param ended told its outcome, unless the process dies; null: it is not known
   */
  void send(
      LaneWork.Try what,
      VirtualProcess process,
      Weather weather,
      Consumer<LaneWork.@Nullable Outcome> ended) {
    var attempt = new Attempt(what, weather.nextWrite(), process, weather, ended);
    if (attempt.fault != Fault.NONE) {
      attempt.fail();
    }
    if (attempt.fault != Fault.BEFORE_EFFECT) {
      attempt.goOn();
    }
  }

  /** One attempt of a lane: one write after another, until the lane has its outcome. */
  private final class Attempt {
    private final LaneWork.Try what;
    private final VirtualProcess process;
    private final Weather weather;
    private final Consumer<LaneWork.@Nullable Outcome> ended;
    private final Dialogue dialogue = new Dialogue();
    private Fault fault;
    private Duration waitsUntil = Duration.ZERO;

    Attempt(
        LaneWork.Try what,
        Fault fault,
        VirtualProcess process,
        Weather weather,
        Consumer<LaneWork.@Nullable Outcome> ended) {
      this.what = what;
      this.fault = fault;
      this.process = process;
      this.weather = weather;
      this.ended = ended;
    }

    /** To the store, or back. */
    Duration leg() {
      Duration leg = weather.write();
      if (leg.compareTo(SLOW) > 0) {
        process.disturbed(leg);
      }
      return leg;
    }

    /** Its outcome is not known, whatever becomes of it. */
    private void fail() {
      process.after(leg().plus(leg()), () -> ended.accept(null));
    }

    /** All that was sent before is answered. */
    void goOn() {
      LaneWork.Outcome outcome = dialogue.goOn(what);
      if (outcome != null) {
        ended.accept(outcome);
        return;
      }
      Write write = dialogue.newest();
      boolean lateAtAll = fault == Fault.LATE_EFFECT && chance.nextInt(4) == 0;
      time.after(lateAtAll ? weather.lateness() : leg(), () -> reach(write));
    }

    /** It has come to the store. */
    private void reach(Write write) {
      if (isLostWithItsSender()) {
        return;
      }
      write.begin();
      if (kind.locks()) {
        waitsUntil = time.passed().plus(LONGEST_WAIT);
        lock(write);
      } else {
        inParts(write);
      }
    }

    private boolean isLostWithItsSender() {
      return process.isDead() && weather.diesWithSender();
    }

    private void answer() {
      if (fault == Fault.NONE) {
        process.after(leg(), this::goOn);
      }
    }

    // ---- a transaction of a database

    private void lock(Write write) {
      if (kind == StoreKind.SQL && write instanceof Claim claim) {
        claim.leaveOut(locked.keySet());
      }
      if (write.gids().stream().anyMatch(locked::containsKey)) {
        await();
        return;
      }
      write.gids().forEach(gid -> locked.put(gid, this));
      write.decide();
      if (fault == Fault.LATE_EFFECT) {
        boolean isLost = chance.nextInt(3) == 0;
        time.after(weather.lateness(), () -> end(write, !isLost));
      } else {
        Duration standstill = weather.standstill();
        if (standstill.isPositive()) {
          process.pause(standstill);
        }
        process.after(
            leg(), () -> time.after(leg(), () -> end(write, true)), () -> end(write, false));
      }
    }

    private void await() {
      if (!waiting.contains(this)) {
        waiting.add(this);
        process.disturbed(LONGEST_WAIT);
        time.after(waitsUntil.minus(time.passed()), this::giveUp);
      }
    }

    /** Whoever waits too long has certainly not written, and begins again. */
    private void giveUp() {
      if (time.passed().compareTo(waitsUntil) >= 0 && waiting.remove(this) && fault == Fault.NONE) {
        process.after(leg(), () -> ended.accept(null));
      }
    }

    private void end(Write write, boolean commits) {
      if (commits) {
        write.takeEffect(write.gids());
      }
      locked.values().removeIf(holder -> holder == this);
      if (commits) {
        answer();
      }
      List<Attempt> next = List.copyOf(waiting);
      waiting.clear();
      next.forEach(attempt -> attempt.lock(attempt.dialogue.newest()));
    }

    // ---- parts

    private void inParts(Write write) {
      var parts = new LinkedHashMap<Object, Set<Gid>>();
      for (Gid gid : write.gids()) {
        parts.computeIfAbsent(kind.partOf(gid), _ -> new LinkedHashSet<>()).add(gid);
      }
      if (fault == Fault.NONE && parts.size() > 1 && weather.losesParts()) {
        fault = Fault.LATE_EFFECT;
        fail();
      }
      var left = new HashSet<>(parts.keySet());
      if (left.isEmpty()) {
        answer();
      }
      parts.forEach(
          (part, gids) -> {
            boolean isLost = fault != Fault.NONE && chance.nextInt(3) == 0;
            boolean isLate = fault == Fault.LATE_EFFECT && chance.nextBoolean();
            Duration there = isLate ? weather.lateness() : leg();
            if (!isLost) {
              time.after(there, () -> landed(write, part, gids, left));
            }
          });
    }

    private void landed(Write write, Object part, Set<Gid> gids, Set<Object> left) {
      if (isLostWithItsSender()) {
        return;
      }
      write.takeEffect(gids);
      left.remove(part);
      if (left.isEmpty()) {
        answer();
      }
    }
  }

  // ---- what servers ask for

  /** Something that is written; it takes effect for some records at a time. */
  private abstract class Write {
    /** When the store has got it, by its clock. */
    Instant begun = Instant.MIN;

    /** The store has got it, and looks. */
    void begin() {
      begun = store.storeTime();
    }

    /** What it may change. */
    abstract Set<Gid> gids();

    /** Its records are locked from now on. */
    void decide() {}

    /** It takes effect for those. */
    abstract void takeEffect(Set<Gid> some);
  }

  private final class Group extends Write {
    private final List<Batch> batches;
    private final CommitResult[] results;
    private @Nullable StoreRejectedException rejection;

    Group(List<Batch> batches) {
      this.batches = batches;
      results = new CommitResult[batches.size()];
    }

    /** What is broken at the first look is found before anything is written. */
    @Override
    void begin() {
      if (batches.stream().anyMatch(batch -> store.isRejected(batch.gid()))) {
        takeEffectTogether(all());
      }
    }

    @Override
    Set<Gid> gids() {
      return rejection == null ? all() : Set.of();
    }

    private Set<Gid> all() {
      return gidsOf(batches);
    }

    @Override
    void takeEffect(Set<Gid> some) {
      if (kind.locks()) {
        takeEffectTogether(some);
      } else {
        some.forEach(gid -> takeEffectAlone(gid));
      }
    }

    private void takeEffectTogether(Set<Gid> some) {
      try {
        write(some);
      } catch (StoreRejectedException e) {
        rejection = e;
      }
    }

    private void takeEffectAlone(Gid gid) {
      try {
        write(Set.of(gid));
      } catch (StoreRejectedException e) {
        var rejected = new CommitResult.Rejected(String.valueOf(e.getMessage()));
        Arrays.setAll(results, i -> batches.get(i).gid().equals(gid) ? rejected : results[i]);
      }
    }

    private void write(Set<Gid> some) {
      List<Integer> places = new ArrayList<>();
      List<Batch> now = new ArrayList<>();
      for (int i = 0; i < batches.size(); i++) {
        if (some.contains(batches.get(i).gid())) {
          places.add(i);
          now.add(batches.get(i));
        }
      }
      List<Boolean> silent = now.stream().map(batch -> mayBeSilent(batch)).toList();
      List<CommitResult> written = store.commit(now);
      for (int i = 0; i < written.size(); i++) {
        CommitResult result = written.get(i);
        results[places.get(i)] =
            silent.get(i) && result instanceof CommitResult.Committed
                ? new CommitResult.Committed(null)
                : result;
      }
    }

    /** Whether the record need not be told: its pass goes on with what it has written. */
    private boolean mayBeSilent(Batch batch) {
      Stored before = store.find(batch.gid()).orElse(null);
      return kind.tellsLittle()
          && batch.guard() instanceof Guard.HeldBy held
          && held.status() != GlobalStatus.PREPARED
          && before != null
          && before.owner().mark() == Owner.Mark.LEASED
          && before.owner().isSameWriteAs(held.owner())
          && chance.nextBoolean();
    }

    List<CommitResult> results() {
      if (rejection != null) {
        throw rejection;
      }
      return List.of(results);
    }
  }

  /** Takes over what is due; or what was, as it was read. */
  private final class Claim extends Write {
    private final Duration lease;
    private final Function<Gid, Owner> owners;
    private final @Nullable List<Due> asked;
    private final int limit;
    private List<Batch> takings = List.of();
    private final Map<Gid, Stored> taken = new HashMap<>();

    /**
     * @param asked null: what is due, of which some may do
     */
    Claim(@Nullable List<Due> asked, int limit, Duration lease, Function<Gid, Owner> owners) {
      this.asked = asked;
      this.limit = limit;
      this.lease = lease;
      this.owners = owners;
    }

    @Override
    void begin() {
      super.begin();
      List<Due> dues = asked == null ? due() : asked;
      takings =
          dues.stream()
              .map(due -> Batch.claim(due, owners.apply(due.gid()), begun.plus(lease), begun))
              .toList();
    }

    private List<Due> due() {
      List<Due> dues = store.dueBefore(begun.plusMillis(1), null, limit);
      if (kind != StoreKind.TIDB) {
        return dues;
      }
      List<Due> some = new ArrayList<>(dues);
      Collections.shuffle(some, Random.from(chance));
      return some.subList(0, (some.size() + 1) / 2);
    }

    void leaveOut(Collection<Gid> some) {
      takings = takings.stream().filter(taking -> !some.contains(taking.gid())).toList();
    }

    @Override
    Set<Gid> gids() {
      return gidsOf(takings);
    }

    /** Those that still are as they were read; as long as they are locked they stay so. */
    @Override
    void decide() {
      takings =
          takings.stream()
              .filter(taking -> isAsRead(taking))
              .map(
                  taking ->
                      new Batch(
                          taking.gid(), Guard.Known.INSTANCE, taking.owner(), taking.writes()))
              .toList();
    }

    private boolean isAsRead(Batch taking) {
      return taking.applyTo(store.find(taking.gid()).orElse(null)) instanceof Batch.Applied.Changed;
    }

    @Override
    void takeEffect(Set<Gid> some) {
      for (Batch taking : takings) {
        Stored now = some.contains(taking.gid()) ? store.claim(taking) : null;
        if (now != null) {
          taken.put(taking.gid(), now);
        }
      }
    }

    /** In the order asked for. */
    List<Stored> taken() {
      return takings.stream()
          .flatMap(taking -> Stream.ofNullable(taken.get(taking.gid())))
          .toList();
    }
  }

  /** Renews leases, or gives them back. */
  private final class Leases extends Write {
    private final List<Lease> leases;
    private final @Nullable Duration renewed;
    private final List<Lease> lost = new ArrayList<>();

    /**
     * @param renewed for that long from the beginning of the write; null: they are given back
     */
    Leases(List<Lease> leases, @Nullable Duration renewed) {
      this.leases = leases;
      this.renewed = renewed;
    }

    @Override
    Set<Gid> gids() {
      var gids = new LinkedHashSet<Gid>();
      leases.forEach(lease -> gids.add(lease.gid()));
      return gids;
    }

    @Override
    void takeEffect(Set<Gid> some) {
      List<Lease> now = leases.stream().filter(lease -> some.contains(lease.gid())).toList();
      if (renewed == null) {
        store.release(now);
      } else {
        Duration passed = Duration.between(begun, store.storeTime());
        lost.addAll(store.renew(now, renewed.minus(passed)));
      }
    }
  }

  private static Set<Gid> gidsOf(List<Batch> batches) {
    var gids = new LinkedHashSet<Gid>();
    batches.forEach(batch -> gids.add(batch.gid()));
    return gids;
  }

  /**
   * What a lane asks its store for, step by step: what it asked before it asks again and is told
   * the answer, until there is something that has none yet.
   */
  private final class Dialogue extends MemoryStore {
    private final List<Write> asked = new ArrayList<>();
    private int next;

    Dialogue() {
      super(time);
    }

    /** The outcome; null: there is a new write. */
    LaneWork.@Nullable Outcome goOn(LaneWork.Try what) {
      next = 0;
      try {
        LaneWork.Outcome outcome = what.on(this);
        if (next == 0) {
          throw new IllegalStateException("a write that is not played: " + what);
        }
        return outcome;
      } catch (OutcomeUnknownException _) {
        return null;
      }
    }

    Write newest() {
      return asked.getLast();
    }

    private Write answered(Write fresh) {
      if (next == asked.size()) {
        asked.add(fresh);
        throw new OutcomeUnknownException("not answered yet", null);
      }
      return asked.get(next++);
    }

    @Override
    public synchronized List<CommitResult> commit(List<Batch> group) {
      return ((Group) answered(new Group(group))).results();
    }

    @Override
    public synchronized List<Stored> claimDue(
        Duration lease, Function<Gid, Owner> owners, int limit) {
      return ((Claim) answered(new Claim(null, limit, lease, owners))).taken();
    }

    @Override
    public synchronized List<Stored> claim(
        List<Due> dues, Duration lease, Function<Gid, Owner> owners) {
      return ((Claim) answered(new Claim(dues, dues.size(), lease, owners))).taken();
    }

    @Override
    public synchronized List<Lease> renew(List<Lease> leases, Duration lease) {
      return ((Leases) answered(new Leases(leases, lease))).lost;
    }

    @Override
    public synchronized void release(List<Lease> leases) {
      var _ = answered(new Leases(leases, null));
    }
  }
}
