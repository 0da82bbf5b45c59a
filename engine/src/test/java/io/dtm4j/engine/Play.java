package io.dtm4j.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransactionRequest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One transaction, played line by line: what a coordinator and a store would do, without threads
 * and with a clock that moves on request. Every decision is made twice, committed to the record,
 * and compared with it.
 *
 * <p>A line is {@code what happens -> calls : what holds then}, for instance {@code a1 no -> c1 :
 * aborting, pf}. What may happen:
 *
 * <ul>
 *   <li>{@code prepare}, {@code submit}, {@code abort}, {@code forceStop}, {@code reset}: commands
 *       of clients; {@code abort because} has a reason, {@code end succeed} and {@code end failed}
 *       submit a workflow; one that must be refused has a {@code !} before it
 *   <li>{@code register 1}, {@code register 1 action succeed}: a branch of a TCC or XA, a step of a
 *       workflow; with {@code meanwhile} before it, it is registered between the next decision and
 *       its commit
 *   <li>{@code a1 ok}, {@code no}, {@code later}, {@code lost}, {@code full}: a call succeeds, is
 *       refused, is ongoing, brings nothing definite, or finds its destination full; several with
 *       {@code &} are decided together
 *   <li>{@code crash}: the server forgets all it has not stored, another pass begins
 *   <li>{@code due}: the time of a resting transaction comes; {@code woken}: that of a wake-up
 *   <li>{@code set a1 f}: another server has left this status in a row
 *   <li>{@code +3s}: nothing but time passes
 * </ul>
 *
 * <p>What may hold: a status; statuses of the rows by their first letters; {@code in 10s}: it rests
 * and is due then; {@code rests}; {@code interval 10s}. Unless it is final or rests, the pass must
 * be alive.
 */
final class Play {
  static final Instant START = Instant.parse("2026-01-02T03:04:05Z");

  /** What a refusing branch says. */
  static final String NO = "no stock";

  private final @Nullable Given given;
  private final TransactionRequest request;
  private final Engine engine = new Engine(Settings.DEFAULTS);
  private final Commands commands = new Commands(Settings.DEFAULTS);
  private Instant now = START;
  private int claims;
  private @Nullable Stored stored;
  private @Nullable Pass pass;
  private @Nullable Pass lastPass;
  private @Nullable Instant wakeUp;
  private List<Call> calls = List.of();
  private boolean ahead;
  private List<Trouble> troubles = List.of();
  private @Nullable String meanwhile;

  /** Rows were registered since the pass began, so it does not know all of them. */
  private boolean registered;

  /**
   * What is asked for and how it goes on.
   *
   * @param section of docs/spec/transactions.md
   */
  record Row(String section, String what, Given given, List<String> lines) {
    @Override
    public String toString() {
      return section + " " + what;
    }
  }

  static Row row(String section, String what, Given given, String... lines) {
    return new Row(section, what, given, List.of(lines));
  }

  Play(Given given) {
    this.given = given;
    request = given.request();
  }

  Play(TransactionRequest request) {
    given = null;
    this.request = request;
  }

  static Play of(Row row) {
    var play = new Play(row.given());
    row.lines().forEach(play::line);
    return play;
  }

  // ---- lines

  void line(String line) {
    String[] parts = line.split(" : ", 2);
    String[] events = parts[0].split(" ?-> ?", 2);
    calls = List.of();
    if (events[0].startsWith("+")) {
      pass(seconds(events[0].substring(1)));
    } else if (events[0].startsWith("set ")) {
      String[] words = events[0].split(" ", -1);
      leave(words[1], words[2]);
    } else {
      happen(events[0]);
    }
    assertThat(String.join(" ", calls.stream().map(Play::nameOf).toList()))
        .as("calls after: %s", line)
        .isEqualTo(events.length > 1 ? events[1].strip() : "");
    holds(parts.length > 1 ? parts[1] : "", line);
  }

  private void happen(String what) {
    if (what.startsWith("!")) {
      assertThat(replyTo(what.substring(1)))
          .as("%s is refused", what)
          .isInstanceOfAny(Reply.Refused.class, Reply.Failed.class);
      return;
    }
    if (what.startsWith("meanwhile ")) {
      meanwhile = what.substring("meanwhile ".length());
      return;
    }
    switch (what.split(" ", 2)[0]) {
      case "prepare", "submit", "abort", "end", "register", "forceStop", "reset" -> {
        Reply reply = replyTo(what);
        assertThat(reply == null || reply instanceof Reply.Success).as(what).isTrue();
      }
      case "crash" -> claim();
      case "due" -> {
        assertThat(pass).as("it rests").isNull();
        now = stored().transaction().state().schedule().nextTime();
        claim();
      }
      case "woken" -> {
        now = Objects.requireNonNull(wakeUp, "a wake-up was asked for");
        decide(List.of(Event.Woken.INSTANCE));
      }
      default -> {
        List<Event> events = new ArrayList<>();
        for (String event : what.split(" & ", -1)) {
          String[] words = event.split(" ", -1);
          events.add(eventOf(rowOf(words[0]), words[1]));
        }
        decide(events);
      }
    }
  }

  private static Event eventOf(int row, String answer) {
    return switch (answer) {
      case "ok" -> new Event.Answered(row, BranchAnswer.Success.INSTANCE);
      case "no" -> new Event.Answered(row, new BranchAnswer.Failure(NO));
      case "later" -> new Event.Answered(row, new BranchAnswer.Ongoing("ONGOING"));
      case "lost" -> new Event.Answered(row, new BranchAnswer.Unknown("timeout"));
      case "full" -> new Event.Parked(row);
      default -> throw new IllegalArgumentException(answer);
    };
  }

  private void holds(String what, String line) {
    Transaction transaction = stored().transaction();
    boolean mayRest = transaction.status().isFinal() || line.startsWith("+") || pass == null;
    boolean resting = false;
    for (String fact : what.isEmpty() ? new String[0] : what.split(", ")) {
      if (fact.startsWith("in ")) {
        resting = true;
        assertThat(transaction.state().schedule().nextTime())
            .as("due after: %s", line)
            .isEqualTo(now.plus(seconds(fact.substring(3))));
      } else if (fact.equals("rests")) {
        resting = true;
      } else if (fact.startsWith("interval ")) {
        Pass alive = pass;
        assertThat(alive == null ? transaction.state().schedule().interval() : alive.interval)
            .as("interval after: %s", line)
            .isEqualTo(seconds(fact.substring(9)));
      } else if (fact.matches("[psf]+")) {
        assertThat(rows()).as("rows after: %s", line).isEqualTo(fact);
      } else {
        assertThat(transaction.status())
            .as("status after: %s", line)
            .isEqualTo(GlobalStatus.valueOf(fact.toUpperCase(Locale.ROOT)));
      }
    }
    if (resting) {
      assertThat(pass).as("rests after: %s", line).isNull();
    } else if (!mayRest) {
      assertThat(pass).as("goes on after: %s", line).isNotNull();
    }
  }

  // ---- what a coordinator and a store do

  Play pass(Duration time) {
    now = now.plus(time);
    return this;
  }

  /** A command of a client; false when it changed nothing. */
  boolean command(String name) {
    return replyTo(name) == null;
  }

  /** A command of a client: how it is answered at once; null: it changed something or joined. */
  @Nullable Reply replyTo(String line) {
    calls = List.of();
    switch (verdictOf(line)) {
      case Commands.Verdict.Commit commit -> {
        if (commit.batch().owner() == null) {
          registered |= pass != null;
          return noted(commit.batch());
        }
        pass = null;
        changed(commit.batch());
        if (commit.runs()) {
          begin();
        }
      }
      case Commands.Verdict.Join join -> {
        if (join.first() != null) {
          changed(join.first());
          registered = true;
        }
        if (pass == null) {
          claim();
        }
      }
      case Commands.Verdict.Answer(Reply reply) -> {
        return reply;
      }
    }
    return null;
  }

  private Commands.Verdict verdictOf(String line) {
    Owner owner = freshOwner();
    Stored seen = stored;
    String[] words = line.split(" ", 2);
    String rest = words.length > 1 ? words[1] : "";
    return switch (words[0]) {
      case "prepare" ->
          seen == null ? create(GlobalStatus.PREPARED, owner) : commands.prepare(seen);
      case "submit" ->
          seen == null
              ? create(GlobalStatus.SUBMITTED, owner)
              : commands.submit(Options.DEFAULTS, seen, owner, now);
      case "abort" -> commands.abort(rest, seen, owner, now);
      case "end" -> commands.endWorkflow(Map.of("status", rest), seen, owner, now);
      case "forceStop" -> commands.forceStop(seen, owner, now);
      case "reset" -> commands.resetNextCronTime(seen, now);
      case "register" -> commands.registerBranch(registration(rest), seen, now);
      default -> throw new IllegalArgumentException(line);
    };
  }

  private Commands.Verdict create(GlobalStatus status, Owner owner) {
    return commands.create(Given.transaction(request, now), status, owner, now);
  }

  private Registration registration(String what) {
    String[] words = what.split(" ", -1);
    int number = Integer.parseInt(words[0]);
    try {
      return Registration.of(
          words.length == 1
              ? Objects.requireNonNull(given, "given").branch(number)
              : Given.step(number, words[1], words[2]),
          now);
    } catch (RefusedException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  /** Commits what leaves claim and revision alone. */
  private @Nullable Reply noted(Batch batch) {
    Batch.Applied result = batch.applyTo(stored);
    if (result instanceof Batch.Applied.Changed now) {
      stored = now.stored();
      return null;
    }
    return new Reply.Failed(ErrorCode.BRANCH_EXISTS, "conflict");
  }

  /** A new claim, whoever had it before; as recovery or a take-over makes it. */
  void claim() {
    changed(commands.takeOver(stored(), freshOwner(), now));
    begin();
  }

  private void begin() {
    registered = false;
    pass = Pass.begin(stored().transaction(), now);
    decide(List.of(Event.Started.INSTANCE));
  }

  void decide(List<Event> events) {
    Pass before = Objects.requireNonNull(pass, "a pass is alive");
    Decision decision = engine.decide(before, events, now);
    assertThat(isSame(decision, engine.decide(before, events, now))).as("it is pure").isTrue();
    troubles = decision.troubles();
    if (meanwhile != null) {
      assertThat(replyTo(meanwhile)).as(meanwhile).isNull();
      meanwhile = null;
      registered = true;
    }
    boolean looksAgain =
        decision.ending() == Ending.RESTING && stored().owner().mark() == Owner.Mark.LOOK_AGAIN;
    if (!decision.writes().isEmpty()) {
      boolean goesOn = decision.ending() == null;
      changed(
          new Batch(
              before.transaction().gid(),
              new Guard.HeldBy(before.transaction().status(), stored().owner()),
              stored().owner().next(goesOn ? Owner.Mark.LEASED : Owner.Mark.RESTING),
              decision.writes()));
    }
    if (!registered && !looksAgain) {
      assertThat(decision.pass().transaction())
          .as("what the pass believes is what is stored")
          .isEqualTo(stored().transaction());
    }
    if (decision.anew()) {
      assertThat(decision.calls()).isEmpty();
      begin();
      return;
    }
    lastPass = decision.pass();
    pass = decision.ending() == null ? lastPass : null;
    wakeUp = decision.wakeUp();
    calls = decision.calls();
    ahead = decision.ahead();
  }

  /** Commits a batch, and commits it again as if its outcome had not been known (R6). */
  private void changed(Batch sent) {
    Batch.Applied result = sent.applyTo(stored);
    assertThat(result).isInstanceOf(Batch.Applied.Changed.class);
    Stored after = ((Batch.Applied.Changed) result).stored();
    if (sent.owner() != null) {
      assertThat(sent.applyTo(after)).isEqualTo(new Batch.Applied.Changed(after));
    }
    stored = after;
  }

  /** Someone asks whoever works on it to look again. */
  void lookAgain() {
    Guard held = new Guard.LeasedTo(stored().owner().claim());
    changed(new Batch(stored().transaction().gid(), held, null, List.of(Write.LookAgain.INSTANCE)));
  }

  private void leave(String name, String status) {
    int row = rowOf(name);
    BranchStatus left = status.equals("f") ? BranchStatus.FAILED : BranchStatus.SUCCEED;
    Transaction was = stored().transaction();
    List<Branch> rows = new ArrayList<>(was.branches());
    rows.set(row, rows.get(row).settled(left, now));
    stored =
        new Stored(
            new Transaction(was.gid(), was.definition(), was.state(), rows), stored().owner());
  }

  private Owner freshOwner() {
    return new Owner(Owner.Mark.LEASED, "here", "claim" + ++claims, 1);
  }

  // ---- what is seen

  Instant now() {
    return now;
  }

  Stored stored() {
    return Objects.requireNonNull(stored, "something is stored");
  }

  @Nullable Pass pass() {
    return pass;
  }

  /** The pass after the last decision, be it over or not. */
  Pass lastPass() {
    return Objects.requireNonNull(lastPass, "something was decided");
  }

  @Nullable Instant wakeUp() {
    return wakeUp;
  }

  /** The calls of the last decision. */
  List<Call> calls() {
    return calls;
  }

  /** Whether the call of the last decision may run ahead of its writes. */
  boolean ahead() {
    return ahead;
  }

  /** What the last decision tells of calls without success. */
  List<Trouble> troubles() {
    return troubles;
  }

  /** The rows' statuses by their first letters. */
  String rows() {
    var letters = new StringBuilder();
    for (Branch branch : stored().transaction().branches()) {
      letters.append(branch.status().wireName().charAt(0));
    }
    return letters.toString();
  }

  static String nameOf(Call call) {
    return call.row() == Call.NO_ROW ? "q" : nameOf(call.key());
  }

  private static String nameOf(BranchKey key) {
    char letter =
        switch (key.op().wireName()) {
          case "action" -> 'a';
          case "compensate" -> 'c';
          case "confirm" -> 'k';
          case "cancel" -> 'x';
          case "commit" -> 'm';
          case "rollback" -> 'r';
          default -> throw new IllegalArgumentException(key.toString());
        };
    return letter + String.valueOf(Integer.parseInt(key.branchId()));
  }

  private int rowOf(String name) {
    if (name.equals("q")) {
      return Call.NO_ROW;
    }
    List<Branch> rows = stored().transaction().branches();
    for (int row = 0; row < rows.size(); row++) {
      if (nameOf(rows.get(row).key()).equals(name)) {
        return row;
      }
    }
    throw new IllegalArgumentException(name);
  }

  private static Duration seconds(String text) {
    return Duration.ofMillis(Math.round(1000 * Double.parseDouble(text.replace("s", ""))));
  }

  /** Whether two decisions say the same, the passes they lead to included. */
  static boolean isSame(Decision one, Decision other) {
    return one.writes().equals(other.writes())
        && one.calls().equals(other.calls())
        && one.ahead() == other.ahead()
        && Objects.equals(one.wakeUp(), other.wakeUp())
        && one.anew() == other.anew()
        && one.ending() == other.ending()
        && isSame(one.pass(), other.pass());
  }

  static boolean isSame(Pass one, Pass other) {
    return one.transaction.equals(other.transaction)
        && one.plan == other.plan
        && one.inFlight.equals(other.inFlight)
        && one.asked.equals(other.asked)
        && one.touched.equals(other.touched)
        && one.interval.equals(other.interval)
        && one.extra.equals(other.extra)
        && Objects.equals(one.gravest, other.gravest)
        && one.parked == other.parked;
  }
}
