package io.dtm4j.crash;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.dtm4j.crash.Api.Answer;
import io.dtm4j.crash.Api.Known;
import io.dtm4j.crash.BankParticipants.Step;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

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

    /** What its last request ended with. */
    Known known() {
      return answers.getLast().known();
    }

    @Override
    public String toString() {
      return gid + " (" + kind + (waited ? ", waited" : "") + ") " + answers;
    }
  }

  private static final Set<Known> STORED =
      EnumSet.of(Known.ACCEPTED, Known.ROLLED_BACK, Known.NOT_FINISHED);
  private static final Set<Known> NOTHING_STORED = EnumSet.of(Known.NOT_STORED, Known.NEVER_SENT);
  private static final int ACCOUNTS = 50;
  private static final int PERCENT = 100;
  private static final Duration WHEN_DOWN = Duration.ofMillis(20);

  private final Api api;
  private final BankParticipants bank;
  private final Transactions transactions;
  private final int lateness;
  private final int padding;
  private final Queue<Submission> submissions = new ConcurrentLinkedQueue<>();
  private final AtomicInteger answered = new AtomicInteger();
  private final ExecutorService clients;
  private volatile boolean stopped;

  /**
   * Starts the load.
   *
   * @param lateness some effects and answers of the participants come up to so many milliseconds
   *     late
   * @param padding bytes that each transaction is larger than it needs to be
   */
  Load(Api api, BankParticipants bank, int clients, int lateness, int padding, long seed) {
    this.api = api;
    this.bank = bank;
    this.transactions = new Transactions(bank);
    this.lateness = lateness;
    this.padding = padding;
    this.clients = Executors.newFixedThreadPool(clients);
    for (int i = 0; i < clients; i++) {
      String name = "load-" + i + "-";
      Random random = new Random(seed + i);
      this.clients.execute(() -> run(name, random));
    }
  }

  /** Transactions whose last request reached a server so far. */
  int answered() {
    return answered.get();
  }

  private void run(String name, Random random) {
    for (int count = 0; !stopped; count++) {
      Submission submission =
          new Submission(name + count, kind(random), random.nextInt(PERCENT) < 40);
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

  private static Kind kind(Random random) {
    int percent = random.nextInt(PERCENT);
    // What waits for seconds is rarer, so that not everything waits in the end.
    if (percent < 3) {
      return Kind.SAGA_RETRIED;
    } else if (percent < 6) {
      return Kind.MESSAGE_ABANDONED;
    } else if (percent < 9) {
      return Kind.MESSAGE_FORGOTTEN;
    } else if (percent < 14) {
      return Kind.MESSAGE_ABORTED;
    } else if (percent < 24) {
      return Kind.MESSAGE_TWO_PHASES;
    } else if (percent < 34) {
      return Kind.MESSAGE;
    } else if (percent < 46) {
      return Kind.SAGA_CONCURRENT;
    } else if (percent < 58) {
      return Kind.SAGA_CONCURRENT_REFUSED;
    } else if (percent < 76) {
      return Kind.SAGA_REFUSED;
    }
    return Kind.SAGA;
  }

  private void submit(Submission one, Random random) {
    long amount = 1L + random.nextInt(9);
    Step from = late(Step.of(account(random), -2 * amount), random);
    Step to = late(Step.of(account(random), amount), random);
    Step also = Step.of(account(random), amount);
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
    }
  }

  /** Whether it was accepted. */
  private boolean send(Submission one, String operation, ObjectNode transaction) {
    transaction.put("retry_interval", 1).put("wait_result", one.waited);
    if (!one.kind.isSaga()) {
      transaction.put("timeout_to_fail", 3);
    }
    if (padding > 0) {
      transaction.putObject("branch_headers").put("padding", "x".repeat(padding));
    }
    Answer answer = api.post(operation, transaction);
    one.answers.add(answer);
    return answer.known() == Known.ACCEPTED;
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

  /** Lets the clients end what they do; all that they have submitted. */
  List<Submission> end() {
    stopped = true;
    clients.close();
    return List.copyOf(submissions);
  }

  @Override
  public void close() {
    end();
  }
}
