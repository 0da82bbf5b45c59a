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
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * As {@link RandomWalkTest}, for transactions whose branches are registered: random TCCs, XAs and
 * workflows. Branches come at any time, also between a decision and its commit. The account of what
 * was registered, called and answered shares no code with the rules.
 */
@DisplayNameGeneration(ReplaceUnderscores.class)
class RegisteredWalkTest {
  private static final int WALKS = 3_000;
  private static final int MAX_EVENTS = 30;
  private static final int MAX_EVENTS_TO_THE_END = 100;
  private static final int MAX_BRANCHES = 4;
  private static final List<String> STEP_OPS = List.of("action", "commit", "rollback");

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
    private final long timeout;
    private final Play play;

    /** What was taken, in its order. */
    private final List<BranchKey> registered = new ArrayList<>();

    private final Set<Integer> inFlight = new HashSet<>();
    private final Set<Op> called = new HashSet<>();
    private String claim = "";
    private Transaction last;
    private int lastNumber;
    private boolean stopped;

    Walk(long seed) {
      chance = new SplittableRandom(seed);
      type = List.of(TransType.TCC, TransType.XA, TransType.WORKFLOW).get(chance.nextInt(3));
      timeout = oneIn(2) ? 0 : 1 + chance.nextInt(20);
      Given given =
          switch (type) {
            case TCC -> Given.tcc();
            case XA -> Given.xa();
            default -> Given.workflow();
          };
      play =
          new Play(
              given
                  .without(someUrls())
                  .timeoutToFail(timeout)
                  .retryInterval(oneIn(3) ? 1 + chance.nextInt(15) : 0));
      tell("prepare");
      play.command("prepare");
      last = play.stored().transaction();
      look();
    }

    private boolean oneIn(int n) {
      return chance.nextInt(n) == 0;
    }

    private String[] someUrls() {
      List<String> none = new ArrayList<>();
      for (int branch = 1; branch <= MAX_BRANCHES; branch++) {
        for (String letter : List.of("k", "x", "b")) {
          if (oneIn(6)) {
            none.add(letter + branch);
          }
        }
      }
      if (oneIn(10)) {
        none.add("q");
      }
      return none.toArray(String[]::new);
    }

    private void tell(String what) {
      story.add(what);
    }

    private GlobalStatus status() {
      return play.stored().transaction().status();
    }

    // ---- what happens

    void run() {
      int events = chance.nextInt(MAX_EVENTS);
      for (int i = 0; i < events && !status().isFinal(); i++) {
        happen();
      }
      int left = MAX_EVENTS_TO_THE_END;
      while (!status().isFinal()) {
        assertThat(left--).as("events until it ends, when every call succeeds").isPositive();
        allSucceeds();
      }
      for (String late : List.of("forceStop", "submit", "abort", registration())) {
        assertThat(play.command(late)).as("what has ended changes by %s", late).isFalse();
        assertThat(play.calls()).isEmpty();
      }
    }

    private void happen() {
      if (oneIn(3)) {
        play.pass(Duration.ofMillis(chance.nextInt(6_000)));
      }
      switch (chance.nextInt(24)) {
        case 0, 1, 2, 3, 4 -> register();
        case 5, 6 -> command(chance.nextBoolean() ? "submit" : "abort reason " + story.size());
        case 7 -> command(oneIn(8) ? "forceStop" : "prepare");
        case 8 -> command("reset");
        case 9 -> {
          if (type == TransType.WORKFLOW && oneIn(3)) {
            command(chance.nextBoolean() ? "end succeed" : "end failed");
          }
        }
        case 10 -> {
          tell("crash");
          play.claim();
          look();
        }
        default -> {
          if (play.pass() == null) {
            due();
          } else {
            answers(false);
          }
        }
      }
    }

    private String registration() {
      return type == TransType.WORKFLOW
          ? "register %d %s %s"
              .formatted(
                  1 + chance.nextInt(MAX_BRANCHES),
                  STEP_OPS.get(chance.nextInt(STEP_OPS.size())),
                  oneIn(4) ? "failed" : "succeed")
          : "register " + (1 + lastNumber);
    }

    private void register() {
      if (lastNumber == MAX_BRANCHES) {
        return;
      }
      String what = registration();
      tell(what);
      boolean may = mayBeRegistered(what);
      Instant before = play.stored().transaction().state().schedule().nextTime();
      boolean taken = play.command(what);
      assertThat(taken).as("%s is taken", what).isEqualTo(may);
      if (taken) {
        note(what);
        isPutOff(before);
      }
      look();
    }

    /** A living workflow is not called back soon; nothing is brought forward. */
    private void isPutOff(Instant before) {
      Instant next = play.stored().transaction().state().schedule().nextTime();
      assertThat(next).isAfterOrEqualTo(before);
      if (type == TransType.WORKFLOW) {
        Duration interval = play.stored().transaction().state().schedule().interval();
        assertThat(next).isAfterOrEqualTo(play.now().plus(interval));
      } else {
        assertThat(next).isEqualTo(before);
      }
    }

    private boolean mayBeRegistered(String what) {
      if (status() != GlobalStatus.PREPARED) {
        return false;
      }
      if (type != TransType.WORKFLOW) {
        return true;
      }
      String[] words = what.split(" ", -1);
      var key = new BranchKey("0" + words[1], Op.of(words[2]));
      boolean contrary =
          (key.op().equals(Op.COMMIT) && has(Op.ROLLBACK))
              || (key.op().equals(Op.ROLLBACK) && has(Op.COMMIT));
      return !contrary
          && play.stored().transaction().branches().stream()
              .filter(branch -> branch.key().equals(key))
              .allMatch(branch -> branch.status().wireName().equals(words[3]));
    }

    private boolean has(Op op) {
      return registered.stream().anyMatch(key -> key.op().equals(op));
    }

    private void note(String what) {
      String[] words = what.split(" ", -1);
      String id = "0" + words[1];
      switch (type) {
        case TCC -> registered.addAll(keys(id, Op.CANCEL, Op.CONFIRM));
        case XA -> registered.addAll(keys(id, Op.ROLLBACK, Op.COMMIT));
        default -> {
          var key = new BranchKey(id, Op.of(words[2]));
          if (!registered.contains(key)) {
            registered.add(key);
          }
        }
      }
      if (type != TransType.WORKFLOW) {
        lastNumber++;
      }
    }

    private static List<BranchKey> keys(String id, Op one, Op other) {
      return List.of(new BranchKey(id, one), new BranchKey(id, other));
    }

    private void command(String name) {
      tell(name);
      stopped |= name.equals("forceStop");
      play.command(name);
      look();
    }

    private void due() {
      Instant next = play.stored().transaction().state().schedule().nextTime();
      if (next.isAfter(play.now())) {
        play.pass(Duration.between(play.now(), next));
      }
      boolean timesOut = type != TransType.WORKFLOW && status() == GlobalStatus.PREPARED;
      if (timesOut && lastNumber < MAX_BRANCHES && oneIn(2)) {
        String what = registration();
        tell("meanwhile " + what);
        play.line("meanwhile " + what);
        note(what);
      }
      tell("due");
      play.claim();
      look();
    }

    private void answers(boolean good) {
      List<Event> events = new ArrayList<>();
      for (int row : inFlight) {
        events.add(
            switch (good ? 11 : chance.nextInt(12)) {
              case 0 -> new Event.Parked(row);
              case 1 -> new Event.Answered(row, new BranchAnswer.Failure("no"));
              case 2 -> new Event.Answered(row, new BranchAnswer.Ongoing("later"));
              case 3, 4 -> new Event.Answered(row, new BranchAnswer.Unknown("lost"));
              default -> new Event.Answered(row, BranchAnswer.Success.INSTANCE);
            });
      }
      inFlight.clear();
      tell(events.toString());
      play.decide(events);
      look();
    }

    private void allSucceeds() {
      if (type == TransType.WORKFLOW && oneIn(2)) {
        command(has(Op.ROLLBACK) ? "end failed" : "end succeed");
      } else if (play.pass() == null) {
        due();
      } else {
        answers(true);
      }
    }

    // ---- what must hold

    private void look() {
      Transaction now = play.stored().transaction();
      if (!claim.equals(play.stored().owner().claim())) {
        claim = play.stored().owner().claim();
        inFlight.clear();
      }
      assertThat(next(last.status())).contains(now.status());
      assertThat(now.branches()).extracting(Branch::key).containsExactlyElementsOf(registered);
      for (int row = 0; row < last.branches().size(); row++) {
        Branch was = last.branches().get(row);
        assertThat(now.branches().get(row)).matches(is -> was.isOpen() || is.equals(was));
      }
      last = now;
      for (Call call : play.calls()) {
        tell("-> " + Play.nameOf(call));
        assertThat(inFlight.add(call.row())).as("it is not called twice at once").isTrue();
        mayBeCalled(call, now);
      }
      Pass pass = play.pass();
      assertThat(inFlight.isEmpty())
          .as("a pass waits for something, and only a pass")
          .isEqualTo(pass == null);
      if (now.status().isFinal()) {
        hasEndedWell(now);
      }
    }

    /** docs/spec/transactions.md 1.1. */
    private Set<GlobalStatus> next(GlobalStatus from) {
      boolean isWorkflow = type == TransType.WORKFLOW;
      return switch (from) {
        case PREPARED ->
            isWorkflow
                ? Set.of(GlobalStatus.PREPARED, GlobalStatus.SUCCEED, GlobalStatus.FAILED)
                : Set.of(GlobalStatus.values());
        case SUBMITTED -> Set.of(GlobalStatus.SUBMITTED, GlobalStatus.SUCCEED, GlobalStatus.FAILED);
        case ABORTING -> Set.of(GlobalStatus.ABORTING, GlobalStatus.FAILED);
        case SUCCEED, FAILED -> Set.of(from);
      };
    }

    private @Nullable Op wantedOp(GlobalStatus status) {
      return switch (status) {
        case SUBMITTED -> type == TransType.TCC ? Op.CONFIRM : Op.COMMIT;
        case ABORTING -> type == TransType.TCC ? Op.CANCEL : Op.ROLLBACK;
        case PREPARED, SUCCEED, FAILED -> null;
      };
    }

    private void mayBeCalled(Call call, Transaction now) {
      if (type == TransType.WORKFLOW) {
        assertThat(call.row()).isEqualTo(Call.NO_ROW);
        assertThat(now.status()).isEqualTo(GlobalStatus.PREPARED);
        return;
      }
      assertThat(call.key().op()).isEqualTo(wantedOp(now.status()));
      called.add(call.key().op());
      assertThat(called).as("one direction only").hasSize(1);
      assertThat(now.branches().get(call.row()).isOpen()).as("it is open").isTrue();
      List<Branch> earlier =
          type == TransType.TCC
              ? now.branches().subList(call.row() + 1, now.branches().size())
              : now.branches().subList(0, call.row());
      assertThat(earlier)
          .filteredOn(branch -> branch.key().op().equals(call.key().op()))
          .allMatch(Branch::isDone);
      if (now.status() == GlobalStatus.ABORTING && now.state().reason().startsWith("Timeout")) {
        long age = timeout == 0 ? 35 : timeout;
        assertThat(play.now()).isAfterOrEqualTo(now.definition().createTime().plusSeconds(age));
      }
    }

    /** Every branch that was ever taken is confirmed or cancelled, unless it was forced to stop. */
    private void hasEndedWell(Transaction now) {
      boolean succeeded = now.status() == GlobalStatus.SUCCEED;
      if (type == TransType.WORKFLOW) {
        assertThat(stopped || !has(succeeded ? Op.ROLLBACK : Op.COMMIT)).isTrue();
        return;
      }
      Op required = wantedOp(succeeded ? GlobalStatus.SUBMITTED : GlobalStatus.ABORTING);
      assertThat(now.branches())
          .filteredOn(branch -> branch.key().op().equals(required) && !stopped)
          .allMatch(Branch::isDone);
      assertThat(now.branches())
          .filteredOn(branch -> !branch.key().op().equals(required) && !stopped)
          .allMatch(Branch::isOpen);
    }
  }
}
