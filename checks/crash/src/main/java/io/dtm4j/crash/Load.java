package io.dtm4j.crash;

import static java.util.Map.entry;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.dtm4j.crash.Api.Answer;
import io.dtm4j.crash.Api.Known;
import io.dtm4j.crash.BankParticipants.Step;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Clients that submit transactions of all kinds one after another, whatever becomes of the server,
 * and remember what they were told. What they send follows from the seed.
 */
final class Load implements AutoCloseable {
  /** What the client of one transaction was told. */
  static final class Submission {
    final String gid;
    final Kind kind;
    final boolean waited;
    final List<Answer> answers = new ArrayList<>();

    /** Branches whose registration was taken. */
    final List<String> registered = new ArrayList<>();

    /** By how much each branch changes balances when it succeeds. */
    final Map<String, Long> amounts = new TreeMap<>();

    /** What its submit of two phases ended with; null: it was not asked for. */
    @Nullable Known submitted;

    Submission(String gid, Kind kind, boolean waited) {
      this.gid = gid;
      this.kind = kind;
      this.waited = waited;
    }

    /** Whether one of its requests was answered in a way that promises that it is stored. */
    boolean mustBeStored() {
      return answers.stream().anyMatch(answer -> STORED.contains(answer.known()));
    }

    /** Whether no answer, nor a missing one, leaves it open that it is stored. */
    boolean mustNotBeStored() {
      return answers.stream().allMatch(answer -> NOTHING_STORED.contains(answer.known()));
    }

    /**
     * The statuses in which it may end, once it is stored.
     *
     * @param localDone whether its local transaction was done
     */
    Set<String> ends(boolean localDone) {
      if (submitted == null || submitted == Known.ACCEPTED) {
        return kind.ends(localDone || submitted != null);
      }
      return Set.of("succeed", "failed"); // its time may have been over
    }

    /** Whether one of its requests was not answered. */
    boolean wasCut() {
      return answers.stream().anyMatch(answer -> answer.known() == Known.NO_ANSWER);
    }

    /** How many requests of a kind were accepted. */
    long accepted(String operation) {
      return answers.stream()
          .filter(one -> one.operation().equals(operation) && one.known() == Known.ACCEPTED)
          .count();
    }

    /** What its last request ended with. */
    Known known() {
      return answers.getLast().known();
    }

    @Override
    public String toString() {
      return gid + " (" + kind + (waited ? ", waited" : "") + ") " + answers;
    }
  }

  /**
   * What clients do.
   *
   * @param kinds each transaction is of one of them, which comes the more often the more often it
   *     is in the list
   * @param retryInterval of each transaction, in seconds
   * @param subscribes whether the subscribers of the topic are made known first; else they are
   * @param repeatsSubmits whether the submit of a TCC or an XA is repeated until its outcome is
   *     known; else it is left to the server
   */
  record Habits(List<Kind> kinds, int retryInterval, boolean subscribes, boolean repeatsSubmits) {
    /** Of clients of dtm4j. */
    static Habits of(List<Kind> kinds) {
      return new Habits(kinds, 1, true, true);
    }
  }

  private static final Set<Known> STORED =
      EnumSet.of(Known.ACCEPTED, Known.ROLLED_BACK, Known.NOT_FINISHED);
  private static final Set<Known> NOTHING_STORED = EnumSet.of(Known.NOT_STORED, Known.NEVER_SENT);

  /** In percent; all others are plain sagas. What waits for seconds is rarer, else all waits. */
  private static final Map<Kind, Integer> SHARES =
      new EnumMap<>(
          Map.ofEntries(
              entry(Kind.SAGA_RETRIED, 2),
              entry(Kind.SAGA_REPEAT_REFUSED, 3),
              entry(Kind.SAGA_REFUSED, 8),
              entry(Kind.SAGA_CONCURRENT, 7),
              entry(Kind.SAGA_CONCURRENT_REFUSED, 7),
              entry(Kind.SAGA_GRPC, 2),
              entry(Kind.SAGA_GRPC_REFUSED, 2),
              entry(Kind.MESSAGE, 6),
              entry(Kind.MESSAGE_TO_TOPIC, 5),
              entry(Kind.MESSAGE_TWO_PHASES, 7),
              entry(Kind.MESSAGE_ABANDONED, 2),
              entry(Kind.MESSAGE_FORGOTTEN, 2),
              entry(Kind.MESSAGE_ABORTED, 3),
              entry(Kind.TCC, 8),
              entry(Kind.TCC_REFUSED, 4),
              entry(Kind.TCC_ABANDONED, 2),
              entry(Kind.XA, 7),
              entry(Kind.XA_REFUSED, 3),
              entry(Kind.XA_ABANDONED, 2),
              entry(Kind.WORKFLOW, 7),
              entry(Kind.WORKFLOW_REFUSED, 4),
              entry(Kind.WORKFLOW_ABANDONED, 3)));

  /** All kinds, in those shares. */
  static final List<Kind> MIXED = mixed();

  private static final List<String> TCC_BRANCHES = List.of("01", "0101", "02");
  private static final List<String> TOPIC_BRANCHES = List.of("01", "02-01", "02-02");

  /** Of what begins with a local transaction. */
  private static final List<String> LOCAL_BRANCHES = List.of(BankParticipants.LOCALLY, "01", "02");

  private static final List<String> BRANCHES = List.of("01", "02", "03");
  private static final int ACCOUNTS = 50;
  private static final int PERCENT = 100;
  private static final Duration WHEN_DOWN = Duration.ofMillis(50);
  private static final Duration A_WHILE = Duration.ofMillis(5);

  private final Api api;
  private final BankParticipants bank;
  private final Transactions transactions;
  private final Workflows workflows;
  private final Habits habits;
  private final int lateness;
  private final int padding;
  private final Queue<Submission> submissions = new ConcurrentLinkedQueue<>();
  private final AtomicInteger answered = new AtomicInteger();
  private final ExecutorService clients;
  private volatile boolean stopped;
  private volatile boolean paused;

  private static List<Kind> mixed() {
    List<Kind> kinds = new ArrayList<>();
    SHARES.forEach((kind, share) -> kinds.addAll(Collections.nCopies(share, kind)));
    kinds.addAll(Collections.nCopies(PERCENT - kinds.size(), Kind.SAGA));
    return List.copyOf(kinds);
  }

  /** Starts a load of {@link #MIXED} kinds. */
  Load(Api api, BankParticipants bank, int clients, int lateness, int padding, long seed) {
    this(api, bank, MIXED, clients, lateness, padding, seed);
  }

  /**
   * Starts a load of these kinds, of which each comes the more often the more often it is there.
   */
  Load(
      Api api,
      BankParticipants bank,
      List<Kind> kinds,
      int clients,
      int lateness,
      int padding,
      long seed) {
    this(api, bank, Habits.of(kinds), clients, lateness, padding, seed);
  }

  /**
   * Starts a load.
   *
   * @param lateness some effects and answers of the participants come up to so many milliseconds
   *     late
   * @param padding bytes that each transaction is larger than it needs to be
   */
  Load(
      Api api,
      BankParticipants bank,
      Habits habits,
      int clients,
      int lateness,
      int padding,
      long seed) {
    this.api = api;
    this.habits = habits;
    this.bank = bank;
    this.transactions = new Transactions(bank);
    this.workflows = new Workflows(api, bank);
    if (habits.subscribes()) {
      transactions.subscribers().forEach(url -> api.subscribe(transactions.topic(), url));
    }
    this.lateness = lateness;
    this.padding = padding;
    this.clients = Executors.newFixedThreadPool(clients);
    for (int i = 0; i < clients; i++) {
      String name = "load-" + seed + "-" + i + "-";
      Random random = new Random(seed + i);
      this.clients.execute(() -> run(name, random));
    }
  }

  /** What was recorded of workflows and was missing later. */
  Collection<String> lost() {
    return workflows.lost();
  }

  /** Transactions whose last request reached a server so far. */
  int answered() {
    return answered.get();
  }

  /** Waits until so many more have reached a server. */
  void awaitMore(int more, Duration within) {
    int enough = answered() + more;
    Await.until("load", within, () -> answered() >= enough);
  }

  private void run(String name, Random random) {
    List<Kind> kinds = habits.kinds();
    for (int count = 0; !stopped; count++) {
      while (paused) {
        Await.pass(A_WHILE);
      }
      Submission submission =
          new Submission(
              name + count, kinds.get(random.nextInt(kinds.size())), random.nextInt(PERCENT) < 40);
      submit(submission, random);
      if (submission.known() == Known.NEVER_SENT) {
        Await.pass(WHEN_DOWN);
      } else {
        answered.incrementAndGet();
      }
      if (submission.answers.size() > 1 || submission.known() != Known.NEVER_SENT) {
        submissions.add(submission);
      }
    }
  }

  private void submit(Submission one, Random random) {
    long amount = 1L + random.nextInt(9);
    Step from = late(Step.of(account(random), -3 * amount), random);
    Step to = late(Step.of(account(random), amount), random);
    Step also = Step.of(account(random), 2 * amount);
    List<String> branches = branches(one.kind);
    one.amounts.put(branches.get(0), from.change());
    one.amounts.put(branches.get(1), to.change());
    one.amounts.put(branches.get(2), (one.kind == Kind.MESSAGE_TO_TOPIC ? to : also).change());
    switch (one.kind) {
      case SAGA -> send(one, "submit", transactions.saga(one.gid, List.of(from, to, also)));
      case SAGA_REFUSED ->
          send(one, "submit", transactions.saga(one.gid, List.of(from, to, also.refusing())));
      case SAGA_CONCURRENT ->
          send(one, "submit", transactions.concurrentSaga(one.gid, List.of(from, to, also)));
      case SAGA_CONCURRENT_REFUSED ->
          send(
              one,
              "submit",
              transactions.concurrentSaga(one.gid, List.of(from, to.refusing(), also)));
      case SAGA_RETRIED ->
          send(one, "submit", transactions.saga(one.gid, List.of(from, to.failing(1), also)));
      case SAGA_REPEAT_REFUSED ->
          send(
              one,
              "submit",
              transactions.saga(
                  one.gid, List.of(from.refusingRepeats(), to.refusingRepeats(), also)));
      case SAGA_GRPC ->
          send(one, "submit", transactions.grpcSaga(one.gid, List.of(from, to, also)));
      case SAGA_GRPC_REFUSED ->
          send(one, "submit", transactions.grpcSaga(one.gid, List.of(from, to, also.refusing())));
      case MESSAGE_TO_TOPIC -> send(one, "submit", transactions.messageToTopic(one.gid, from, to));
      case MESSAGE -> send(one, "submit", transactions.message(one.gid, List.of(from, to, also)));
      case MESSAGE_TWO_PHASES -> {
        ObjectNode message = transactions.message(one.gid, List.of(to, also));
        if (send(one, "prepare", message) && bank.withdrawLocally(one.gid, from)) {
          send(one, "submit", message);
        }
      }
      case MESSAGE_ABANDONED -> {
        if (send(one, "prepare", transactions.message(one.gid, List.of(to, also)))) {
          var _ = bank.withdrawLocally(one.gid, from);
        }
      }
      case MESSAGE_FORGOTTEN ->
          send(one, "prepare", transactions.message(one.gid, List.of(to, also)));
      case MESSAGE_ABORTED -> {
        ObjectNode message = transactions.message(one.gid, List.of(to, also));
        if (send(one, "prepare", message)) {
          send(one, "abort", message);
        }
      }
      case TCC, TCC_REFUSED, TCC_ABANDONED, XA, XA_REFUSED, XA_ABANDONED ->
          twoPhases(one, steps(one.kind, from, to, also), random);
      case WORKFLOW, WORKFLOW_REFUSED, WORKFLOW_ABANDONED -> {
        List<Step> steps = steps(one.kind, from, to, also);
        int diesAfter = one.kind.isAbandoned() ? random.nextInt(steps.size()) : steps.size();
        ObjectNode start = options(one, transactions.workflow(one.gid, steps));
        workflows.run(one.gid, steps, diesAfter, start, one.answers);
      }
    }
  }

  /** In the order of its steps. */
  private static List<String> branches(Kind kind) {
    if (kind == Kind.MESSAGE_TO_TOPIC) {
      return TOPIC_BRANCHES;
    }
    return kind.isTcc() ? TCC_BRANCHES : kind.branches() == 2 ? LOCAL_BRANCHES : BRANCHES;
  }

  private static List<Step> steps(Kind kind, Step from, Step to, Step also) {
    return List.of(from, to, kind.isRefused() ? also.refusing() : also);
  }

  /** Each branch is registered, then does its first phase; then the client decides. */
  private void twoPhases(Submission one, List<Step> steps, Random random) {
    ObjectNode transaction = options(one, transactions.twoPhases(one.gid, one.kind));
    if (api.insist("prepare", transaction, one.answers).known() != Known.ACCEPTED) {
      return;
    }
    int goneAfter = one.kind.isAbandoned() ? random.nextInt(steps.size()) : steps.size();
    for (int i = 0; i < steps.size(); i++) {
      String branch = branches(one.kind).get(i);
      ObjectNode registration = transactions.branch(one.gid, one.kind, branch, steps.get(i));
      if (api.insist("registerBranch", registration, one.answers).known() != Known.ACCEPTED) {
        api.insist("abort", transaction, one.answers);
        return;
      }
      one.registered.add(branch);
      boolean held = bank.hold(one.gid, branch, steps.get(i));
      if (i == goneAfter) {
        return;
      }
      if (!held) {
        api.insist("abort", transaction, one.answers);
        return;
      }
    }
    if (habits.repeatsSubmits()) {
      one.submitted = api.insist("submit", transaction, one.answers).known();
    } else {
      send(one, "submit", transaction);
      one.submitted = one.known();
    }
  }

  /** Whether it was accepted. */
  private boolean send(Submission one, String operation, ObjectNode transaction) {
    Answer answer = api.post(operation, options(one, transaction));
    one.answers.add(answer);
    return answer.known() == Known.ACCEPTED;
  }

  private ObjectNode options(Submission one, ObjectNode transaction) {
    transaction.put("retry_interval", habits.retryInterval()).put("wait_result", one.waited);
    if (one.kind.mode() != Kind.Mode.SAGA) {
      transaction.put("timeout_to_fail", 3);
    }
    if (padding > 0) {
      transaction.putObject("branch_headers").put("padding", "x".repeat(padding));
    }
    return transaction;
  }

  private Step late(Step step, Random random) {
    if (lateness == 0 || random.nextInt(PERCENT) >= 20) {
      return step;
    }
    return step.late(random.nextInt(2 * lateness) - lateness);
  }

  private static String account(Random random) {
    return "account-" + random.nextInt(ACCOUNTS);
  }

  /** Runs that while clients begin nothing new. */
  void pause(Runnable meanwhile) {
    paused = true;
    try {
      meanwhile.run();
    } finally {
      paused = false;
    }
  }

  /** What clients have done with so far. */
  List<Submission> soFar() {
    return List.copyOf(submissions);
  }

  /** Lets the clients end what they do; all that they have submitted. */
  List<Submission> end() {
    stopped = true;
    clients.close();
    return soFar();
  }

  @Override
  public void close() {
    end();
  }
}
