package io.dtm4j.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random sagas and messages meet random answers, crashes, take-overs and commands. What must hold
 * is checked after every decision against a plain account of what was asked for, called and
 * answered, which shares no code with the rules; {@link Play} compares decision and record. In the
 * end every call succeeds, and every transaction must come to its end.
 *
 * <p>Each walk has a seed of its own, which a failure names.
 */
@DisplayNameGeneration(ReplaceUnderscores.class)
class RandomWalkTest {
  private static final int WALKS = 7_000;
  private static final int MAX_EVENTS = 40;
  private static final int MAX_EVENTS_TO_THE_END = 200;
  private static final Engine ENGINE = new Engine(Settings.DEFAULTS);

  @ParameterizedTest
  @ValueSource(longs = {1, 1_000_001, 2_000_001})
  void whatever_happens_the_rules_hold(long firstSeed) {
    for (long seed = firstSeed; seed < firstSeed + WALKS; seed++) {
      var walk = new Walk(seed);
      try {
        walk.run();
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError("seed " + seed + ": " + walk.story, e);
      }
    }
  }

  /** One transaction, one seed. */
  private static final class Walk {
    private final SplittableRandom chance;
    private final List<String> story = new ArrayList<>();
    private final TransType type;
    private final int steps;

    /** For each step those that must have succeeded before. */
    private final List<Set<Integer>> before = new ArrayList<>();

    private final boolean concurrent;
    private final long delay;
    private final long timeout;
    private final Play play;

    /** Rows that have been called, by this pass or an earlier one. */
    private final Set<BranchKey> called = new HashSet<>();

    /** Rows as they got their definite answer. */
    private final Map<BranchKey, Branch> settled = new HashMap<>();

    /** Rows whose call has not come to its end, of the pass that is alive. */
    private final Set<Integer> inFlight = new HashSet<>();

    private String claim = "";
    private @Nullable Pass pass;
    private @Nullable Instant submitted;
    private Transaction last;

    /** Steps that could run when the rollback began; no other one is compensated. */
    private Set<Integer> couldRun = Set.of();

    Walk(long seed) {
      chance = new SplittableRandom(seed);
      type = chance.nextInt(3) > 0 ? TransType.SAGA : TransType.MSG;
      steps = chance.nextInt(6);
      concurrent = chance.nextBoolean();
      delay = type == TransType.MSG && oneIn(3) ? 1 + chance.nextInt(20) : 0;
      timeout = oneIn(2) ? 0 : 1 + chance.nextInt(20);
      Given given = type == TransType.SAGA ? Given.saga(steps) : Given.msg(steps);
      given
          .without(someUrls())
          .timeoutToFail(timeout)
          .retryInterval(oneIn(3) ? 1 + chance.nextInt(15) : 0)
          .retryLimit(oneIn(3) ? 1 + chance.nextInt(3) : 0);
      if (type == TransType.SAGA) {
        given.customData(sagaData());
      } else {
        given.delay(delay);
        if (concurrent) {
          given.concurrent();
        }
      }
      play = new Play(given);
      boolean prepared = type == TransType.MSG && oneIn(2);
      tell(prepared ? "prepare" : "submit");
      play.command(prepared ? "prepare" : "submit");
      last = play.stored().transaction();
      look();
    }

    private boolean oneIn(int n) {
      return chance.nextInt(n) == 0;
    }

    private String[] someUrls() {
      List<String> none = new ArrayList<>();
      for (int step = 1; step <= steps; step++) {
        if (oneIn(6)) {
          none.add("a" + step);
        }
        if (oneIn(6)) {
          none.add("c" + step);
        }
      }
      if (oneIn(6)) {
        none.add("q");
      }
      return none.toArray(String[]::new);
    }

    /** Orders along a random ranking of the steps, so that there is no circle. */
    private String sagaData() {
      List<Integer> ranking = new ArrayList<>();
      for (int step = 0; step < steps; step++) {
        ranking.add(concurrent ? chance.nextInt(step + 1) : step, step);
        before.add(new HashSet<>());
      }
      List<String> orders = new ArrayList<>();
      for (int i = 0; i < steps; i++) {
        Set<Integer> waitsFor = before.get(ranking.get(i));
        for (int earlier : ranking.subList(0, i)) {
          if (oneIn(3)) {
            waitsFor.add(earlier);
          }
        }
        orders.add("\"" + ranking.get(i) + "\":" + List.copyOf(waitsFor));
        if (!concurrent && i > 0) {
          waitsFor.add(i - 1);
        }
      }
      return "{\"concurrent\":" + concurrent + ",\"orders\":{" + String.join(",", orders) + "}}";
    }

    private void tell(String what) {
      story.add(what);
    }

    // ---- what happens

    void run() {
      int events = chance.nextInt(MAX_EVENTS);
      for (int i = 0; i < events && !isOver(); i++) {
        happen();
      }
      int left = MAX_EVENTS_TO_THE_END;
      while (!isOver()) {
        assertThat(left--).as("events until it ends, when every call succeeds").isPositive();
        allSucceeds();
      }
      assertThat(play.command("forceStop")).as("what has ended changes").isFalse();
      assertThat(play.command("submit")).as("what has ended changes").isFalse();
    }

    private boolean isOver() {
      return play.stored().transaction().status().isFinal();
    }

    private void happen() {
      if (oneIn(3)) {
        play.pass(Duration.ofMillis(chance.nextInt(4_000)));
      }
      switch (chance.nextInt(40)) {
        case 0, 1 -> crash();
        case 2 -> command("submit");
        case 3 -> command(chance.nextBoolean() ? "abort" : "prepare");
        case 4 -> {
          if (oneIn(10)) {
            command("forceStop");
          }
        }
        case 5 -> strayAnswer();
        case 6, 7 -> {
          if (pass != null) {
            tell("woken");
            decide(List.of(Event.Woken.INSTANCE));
          }
        }
        case 8 -> {
          if (pass != null) {
            tell("look again");
            play.lookAgain();
          }
        }
        default -> {
          if (pass == null) {
            due();
          } else {
            answers();
          }
        }
      }
    }

    /** Sometimes what the pass is about to store is lost, with a call ahead of it. */
    private void crash() {
      Pass alive = pass;
      if (alive != null && !inFlight.isEmpty() && chance.nextBoolean()) {
        var success = new Event.Answered(inFlight.iterator().next(), BranchAnswer.Success.INSTANCE);
        Decision lost = ENGINE.decide(alive, List.of(success), play.now());
        if (lost.ahead()) {
          Call ahead = lost.calls().getFirst();
          tell("ahead of what is lost " + Play.nameOf(ahead));
          called.add(ahead.key());
        }
      }
      tell("crash");
      play.claim();
      look();
    }

    private void due() {
      tell("due");
      Instant next = play.stored().transaction().state().schedule().nextTime();
      if (next.isAfter(play.now())) {
        play.pass(Duration.between(play.now(), next));
      }
      play.claim();
      look();
    }

    private void command(String name) {
      tell(name);
      play.command(name);
      look();
    }

    /** One to three answers, decided together. */
    private void answers() {
      List<Event> events = new ArrayList<>();
      List<Integer> rows = new ArrayList<>(inFlight);
      Collections.shuffle(rows, chance);
      for (int row : rows.subList(0, Math.min(rows.size(), 1 + chance.nextInt(3)))) {
        inFlight.remove(row);
        events.add(
            switch (chance.nextInt(12)) {
              case 0 -> new Event.Parked(row);
              case 1 -> new Event.Answered(row, new BranchAnswer.Failure("no"));
              case 2 -> new Event.Answered(row, new BranchAnswer.Ongoing("later"));
              case 3, 4 -> new Event.Answered(row, new BranchAnswer.Unknown("lost"));
              default -> new Event.Answered(row, BranchAnswer.Success.INSTANCE);
            });
      }
      tell(events.toString());
      decide(events);
    }

    /** An answer that nobody waits for says nothing. */
    private void strayAnswer() {
      int row = chance.nextInt(-1, 2 * steps + 1);
      Pass alive = pass;
      if (alive != null && !inFlight.contains(row)) {
        tell("stray answer of row " + row);
        List<Event> stray = List.of(new Event.Answered(row, new BranchAnswer.Failure("stray")));
        assertThat(
                Play.isSame(
                    ENGINE.decide(alive, stray, play.now()),
                    ENGINE.decide(alive, List.of(), play.now())))
            .isTrue();
      }
    }

    private void allSucceeds() {
      if (pass == null) {
        due();
        return;
      }
      List<Event> events = new ArrayList<>();
      for (int row : inFlight) {
        events.add(new Event.Answered(row, BranchAnswer.Success.INSTANCE));
      }
      inFlight.clear();
      tell("all succeed: " + events);
      decide(events);
    }

    private void decide(List<Event> events) {
      play.decide(events);
      look();
    }

    // ---- what must hold

    private void look() {
      Transaction now = play.stored().transaction();
      if (!claim.equals(play.stored().owner().claim())) {
        claim = play.stored().owner().claim();
        inFlight.clear();
      }
      mayFollow(last.status(), now.status());
      if (now.status() == GlobalStatus.SUBMITTED && submitted == null) {
        submitted = play.now();
      }
      if (last.status() == GlobalStatus.SUBMITTED && now.status() == GlobalStatus.ABORTING) {
        couldRun = runnable(now);
        if (now.state().extra().dirty() && !concurrent) {
          Set<Integer> callable = couldRun;
          couldRun = new HashSet<>(callable);
          for (int step = 0; step < steps; step++) {
            if (callable.containsAll(before.get(step))) {
              couldRun.add(step);
            }
          }
        }
      }
      last = now;
      pass = play.pass();
      rowsAreSettledOnce(now);
      for (Call call : play.calls()) {
        assertThat(inFlight.add(call.row())).as("it is not called twice at once").isTrue();
      }
      for (Call call : play.calls()) {
        tell("-> " + Play.nameOf(call));
        mayBeCalled(call, now);
        called.add(call.key());
      }
      if (pass != null) {
        assertThat(inFlight).as("a pass that goes on waits for something").isNotEmpty();
      } else {
        assertThat(inFlight).as("a pass that ends waits for nothing").isEmpty();
      }
      if (now.status() == GlobalStatus.FAILED && type == TransType.SAGA) {
        wasCompensated(now);
      }
      if (now.status() == GlobalStatus.SUCCEED) {
        assertThat(now.branches())
            .filteredOn(branch -> branch.key().op().equals(Op.ACTION))
            .allMatch(Branch::isDone);
      }
    }

    /** docs/spec/transactions.md 1.1. */
    private void mayFollow(GlobalStatus from, GlobalStatus to) {
      boolean isMsg = type == TransType.MSG;
      Set<GlobalStatus> next =
          switch (from) {
            case PREPARED ->
                Set.of(
                    GlobalStatus.PREPARED,
                    GlobalStatus.SUBMITTED,
                    GlobalStatus.FAILED,
                    GlobalStatus.SUCCEED);
            case SUBMITTED ->
                isMsg
                    ? Set.of(GlobalStatus.SUBMITTED, GlobalStatus.SUCCEED, GlobalStatus.FAILED)
                    : Set.of(
                        GlobalStatus.SUBMITTED,
                        GlobalStatus.ABORTING,
                        GlobalStatus.SUCCEED,
                        GlobalStatus.FAILED);
            case ABORTING -> Set.of(GlobalStatus.ABORTING, GlobalStatus.FAILED);
            case SUCCEED, FAILED -> Set.of(from);
          };
      assertThat(next).contains(to);
    }

    private void rowsAreSettledOnce(Transaction now) {
      for (Branch branch : now.branches()) {
        if (!branch.isOpen()) {
          Branch was = settled.putIfAbsent(branch.key(), branch);
          assertThat(was == null ? branch : was).isEqualTo(branch);
        }
      }
    }

    private void mayBeCalled(Call call, Transaction now) {
      if (call.row() == Call.NO_ROW) {
        assertThat(now.status()).isEqualTo(GlobalStatus.PREPARED);
        long age = timeout == 0 ? 35 : timeout;
        assertThat(play.now()).isAfterOrEqualTo(now.definition().createTime().plusSeconds(age));
        return;
      }
      assertThat(now.branches().get(call.row()).isOpen()).as("it is open").isTrue();
      if (type == TransType.MSG) {
        mayBeSent(call, now);
      } else if (call.key().op().equals(Op.ACTION)) {
        assertThat(now.status()).as("of an action").isEqualTo(GlobalStatus.SUBMITTED);
        assertThat(runnable(now)).contains(stepOf(call));
      } else {
        mayBeCompensated(stepOf(call), now);
      }
    }

    private void mayBeSent(Call call, Transaction now) {
      assertThat(now.status()).isEqualTo(GlobalStatus.SUBMITTED);
      Instant since = submitted;
      assertThat(since).isNotNull();
      if (since != null) {
        assertThat(play.now()).as("after its delay").isAfterOrEqualTo(since.plusSeconds(delay));
      }
      if (!concurrent) {
        assertThat(now.branches().subList(0, call.row())).allMatch(Branch::isDone);
      }
    }

    private void mayBeCompensated(int step, Transaction now) {
      assertThat(now.status()).isEqualTo(GlobalStatus.ABORTING);
      assertThat(couldRun).contains(step);
      assertThat(inFlight).as("its action is not in flight").doesNotContain(2 * step + 1);
      for (int other = 0; other < steps; other++) {
        if (before.get(other).contains(step) && mayHaveHappened(other, now)) {
          assertThat(now.branches().get(2 * other).isDone())
              .as("step %d, which waited for step %d, is compensated", other, step)
              .isTrue();
        }
      }
    }

    private boolean mayHaveHappened(int step, Transaction now) {
      Branch action = now.branches().get(2 * step + 1);
      return !action.isOpen() || called.contains(action.key());
    }

    /** Whatever may have happened has been compensated, unless somebody stopped it by force. */
    private void wasCompensated(Transaction now) {
      if (story.contains("forceStop")) {
        return;
      }
      for (int step = 0; step < steps; step++) {
        if (mayHaveHappened(step, now)) {
          assertThat(now.branches().get(2 * step).isDone()).as("step %d", step).isTrue();
        }
      }
    }

    /** The steps whose predecessors have all succeeded. */
    private Set<Integer> runnable(Transaction now) {
      Set<Integer> runnable = new HashSet<>();
      for (int step = 0; step < steps; step++) {
        if (before.get(step).stream()
            .allMatch(predecessor -> now.branches().get(2 * predecessor + 1).isDone())) {
          runnable.add(step);
        }
      }
      return runnable;
    }

    private static int stepOf(Call call) {
      return call.row() / 2;
    }
  }
}
