package io.dtm4j.store.contract;

import static io.dtm4j.store.contract.Samples.FUTURE;
import static io.dtm4j.store.contract.Samples.PAST;
import static io.dtm4j.store.contract.Samples.TRACE;

import io.dtm4j.model.Attempt;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Due;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Owner.Mark;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import io.dtm4j.store.Filter;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * Makes batches as passes, commands, claims and late repeats would send them, some of them wrong;
 * all chance comes from one generator. A final status is never left, as no rule ever does.
 */
final class RandomBatches {
  private static final List<Op> OPS =
      List.of(Op.ACTION, Op.COMPENSATE, new Op("commit"), new Op("rollback"));
  private static final List<GlobalStatus> OPEN =
      List.of(GlobalStatus.PREPARED, GlobalStatus.SUBMITTED, GlobalStatus.ABORTING);

  private final SplittableRandom random;
  private final String name;
  private final List<Batch> sent = new ArrayList<>();
  private final List<Stored> seen = new ArrayList<>();
  private int claims;
  private final Duration tick;
  private long ticks;

  /**
   * @param name begins every gid and claim
   */
  RandomBatches(SplittableRandom random, String name, Duration tick) {
    this.tick = tick;
    this.random = random;
    this.name = name;
  }

  Gid gid() {
    return new Gid(name + (char) ('a' + random.nextInt(4)));
  }

  /** A token of a claim that nobody had. */
  Owner newOwner() {
    return new Owner(Mark.LEASED, "server-" + random.nextInt(2), name + "." + ++claims, 1);
  }

  /** Remembers a record as it was once, so that later batches can be based on it. */
  void see(Stored stored) {
    seen.add(stored);
  }

  /** A record that was there once, mostly one of the last. */
  @Nullable Stored remembered() {
    if (seen.isEmpty()) {
      return null;
    }
    int back = chance(70) ? random.nextInt(Math.min(4, seen.size())) : random.nextInt(seen.size());
    return seen.get(seen.size() - 1 - back);
  }

  /** A batch for the record as it is now; null: there is none. */
  Batch next(Gid gid, @Nullable Stored now) {
    Batch batch;
    if (chance(8) && !sent.isEmpty()) {
      batch = pick(sent);
    } else if (now == null || chance(8)) {
      batch = saveNew(gid);
    } else if (now.transaction().status().isFinal() || chance(15)) {
      batch = stale(gid, now);
    } else {
      batch = fitting(now);
    }
    sent.add(batch);
    return batch;
  }

  private Options options() {
    return new Options(
        random.nextBoolean(),
        random.nextInt(100),
        random.nextInt(10),
        random.nextInt(10),
        chance(60) ? Map.of() : Map.of(text(), text()),
        random.nextBoolean(),
        random.nextInt(5));
  }

  private Batch saveNew(Gid gid) {
    var definition =
        new Definition(
            pick(List.of(TransType.values())),
            pick(List.of("http", "grpc", "json-rpc")),
            text(),
            chance(50) ? "" : "{\"delay\":" + random.nextInt(100) + "}",
            options(),
            time());
    var state = new State(pick(OPEN), text(), text(), time(), null, schedule(), extra());
    var rows = new ArrayList<Branch>();
    for (Branch row : rows(random.nextInt(6))) {
      if (rows.stream().noneMatch(other -> other.key().equals(row.key()))) {
        rows.add(row);
      }
    }
    var transaction = new Transaction(gid, definition, state, rows);
    return new Batch(
        gid, Guard.Absent.INSTANCE, newOwner(), List.of(new Write.SaveNew(transaction)));
  }

  /** Decided on what was there once, or on what never was. */
  private Batch stale(Gid gid, Stored now) {
    Stored old = remembered();
    Owner owner = old == null || chance(30) ? newOwner() : old.owner();
    GlobalStatus status = pick(OPEN);
    if (chance(20)) {
      return note(gid, owner);
    }
    Stored meant = old == null || chance(50) ? now : old;
    Guard guard =
        switch (random.nextInt(3)) {
          case 0 -> new Guard.HeldBy(status, owner);
          case 1 -> new Guard.InStatus(status, chance(50) ? null : pick(OPS), createTime(meant));
          default -> new Guard.AsRead(new Due(gid, owner, chance(50) ? time() : nextTime(now)));
        };
    return new Batch(gid, guard, newOwner(), writes(now));
  }

  private static Batch note(Gid gid, Owner owner) {
    return new Batch(
        gid, new Guard.LeasedTo(owner.claim()), null, List.of(Write.LookAgain.INSTANCE));
  }

  private Batch fitting(Stored now) {
    Gid gid = now.transaction().gid();
    GlobalStatus status = now.transaction().status();
    return switch (random.nextInt(11)) {
      case 0 ->
          new Batch(
              gid, Guard.InStatus.as(now.transaction(), null), null, List.of(addBranches(now)));
      case 1 ->
          new Batch(
              gid,
              Guard.InStatus.as(now.transaction(), pick(OPS)),
              null,
              List.of(addBranches(now)));
      case 2 -> new Batch(gid, Guard.InStatus.as(now.transaction(), null), newOwner(), writes(now));
      case 3 -> new Batch(gid, new Guard.AsRead(Due.of(now)), newOwner(), writes(now));
      case 4 -> note(gid, now.owner());
      case 5 -> new Batch(gid, Guard.Known.INSTANCE, null, List.of(new Write.BringForward(time())));
      default -> {
        Owner next = now.owner().next(chance(70) ? Mark.LEASED : Mark.RESTING);
        yield new Batch(gid, new Guard.HeldBy(status, now.owner()), next, writes(now));
      }
    };
  }

  private List<Write> writes(Stored now) {
    var writes = new ArrayList<Write>();
    for (int i = random.nextInt(4); i > 0; i--) {
      writes.add(write(now));
    }
    if (chance(25)) {
      GlobalStatus status = pick(List.of(GlobalStatus.values()));
      writes.add(
          new Write.SetStatus(
              status, chance(50) ? null : text(), chance(50) ? null : text(), time()));
    }
    return writes;
  }

  private Write write(Stored now) {
    List<Branch> rows = now.transaction().branches();
    return switch (random.nextInt(10)) {
      case 0 -> addBranches(now);
      case 4 -> new Write.SetOptions(options());
      case 1 -> new Write.SetExtra(extra());
      case 2 -> new Write.SetSchedule(schedule(), time());
      case 3 -> new Write.Postpone(time());
      case 5 -> new Write.Lease(schedule().nextTime(), time());
      case 6 -> new Write.Delay(time());
      default -> {
        if (rows.isEmpty()) {
          yield new Write.SetSchedule(schedule(), time());
        }
        int row = random.nextInt(rows.size());
        int named = chance(3) ? random.nextInt(rows.size()) : row;
        yield new Write.SetBranch(
            chance(1) ? rows.size() + 1_000 : row,
            rows.get(named).key(),
            pick(List.of(BranchStatus.values())),
            time());
      }
    };
  }

  private Write addBranches(Stored now) {
    var added = new ArrayList<>(rows(1 + random.nextInt(3)));
    if (chance(20) && !now.transaction().branches().isEmpty()) {
      added.add(pick(now.transaction().branches()));
    }
    return new Write.AddBranches(added);
  }

  /** Rows that share their payload now and then, and keys that come again. */
  private List<Branch> rows(int count) {
    var rows = new ArrayList<Branch>();
    Payload payload = Payload.of(text());
    for (int i = 0; i < count; i++) {
      payload = chance(50) ? payload : Payload.of(text());
      var key = new BranchKey("0" + random.nextInt(30), pick(OPS));
      Branch row = Branch.open(key, chance(20) ? "" : "http://host/" + text(), payload, time());
      rows.add(chance(80) ? row : row.settled(pick(List.of(BranchStatus.values())), time()));
    }
    return rows;
  }

  private Extra extra() {
    if (chance(60)) {
      return Extra.NONE;
    }
    var attempt =
        new Attempt(random.nextInt(9), time(), pick(List.of(Attempt.Kind.values())), text());
    return new Extra(
        chance(50) ? null : time(),
        random.nextInt(3),
        random.nextInt(3),
        chance(50) ? Map.of() : Map.of("01 action", attempt),
        chance(50) ? null : List.of(0, 1, 2 + random.nextInt(3)),
        chance(20),
        chance(50) ? null : TRACE,
        chance(80) ? Map.of() : Map.of("newer", "{\"a\":[1,\"b\"]}"));
  }

  private Schedule schedule() {
    Instant base = chance(50) ? PAST : FUTURE;
    return new Schedule(
        Duration.ofSeconds(random.nextInt(100)), base.plus(tick.multipliedBy(random.nextInt(50))));
  }

  /** Each is later than the one before. */
  private Instant time() {
    ticks += random.nextInt(1_000);
    return PAST.plus(tick.multipliedBy(ticks));
  }

  private static Instant createTime(Stored stored) {
    return stored.transaction().definition().createTime();
  }

  private static Instant nextTime(Stored stored) {
    return stored.transaction().state().schedule().nextTime();
  }

  private String text() {
    return pick(List.of("", "a", "größe", "quote \" and ' and \\", "🙂 数据", "x".repeat(300)));
  }

  /** Asks for some of what there may be. */
  Filter filter() {
    return new Filter(
        chance(50) ? null : pick(List.of(GlobalStatus.values())),
        chance(60) ? null : pick(List.of(TransType.values())),
        chance(60) ? null : PAST.plus(tick.multipliedBy(random.nextInt(40_000))),
        chance(60) ? null : PAST.plus(tick.multipliedBy(random.nextInt(40_000))));
  }

  boolean chance(int percent) {
    return random.nextInt(100) < percent;
  }

  <T> T pick(List<T> list) {
    return list.get(random.nextInt(list.size()));
  }
}
