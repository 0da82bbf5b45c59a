package io.dtm4j.coordinator;

import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/** Clients of the simulation: they repeat what was not answered, lose patience, and die. */
final class Clients {
  /** A topic that some messages go to. */
  static final String TOPIC = "news";

  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final int TRIES = 6;
  private static final Reply NOTHING_DEFINITE =
      new Reply.Failed(ErrorCode.OUTCOME_UNKNOWN, "nothing definite came");

  final VirtualTime time;
  final Bank bank;
  final Workflows workflows;
  private final List<Server> servers;
  private final SplittableRandom chance;
  private final SplittableRandom money;
  private int number;
  private boolean calm;

  /** A request of any kind, to any server. */
  interface Ask {
    void at(Server server, Consumer<Reply> heard);
  }

  /**
   * @param servers those that run; changes when servers die and start
   * @param money the chance by which amounts are found
   */
  Clients(
      VirtualTime time,
      List<Server> servers,
      Bank bank,
      SplittableRandom chance,
      SplittableRandom money) {
    this.time = time;
    this.servers = servers;
    this.bank = bank;
    this.chance = chance;
    this.money = money;
    workflows = new Workflows(this, chance.split());
  }

  /** From now on no client dies. */
  void calmDown() {
    calm = true;
  }

  /** Whether a client is gone at this point, which it never comes back to. */
  boolean dies() {
    return !calm && percent(3);
  }

  boolean percent(int limit) {
    return chance.nextInt(100) < limit;
  }

  /** As long as that, at most. */
  Duration upTo(long millis) {
    return Duration.ofMillis(chance.nextLong(millis + 1));
  }

  /** So many amounts that come to nothing together. */
  List<Long> amounts(int count) {
    List<Long> amounts = new ArrayList<>();
    long sum = 0;
    for (int i = 1; i < count; i++) {
      long amount = money.nextLong(-100, 101);
      sum += amount;
      amounts.add(amount);
    }
    if (count > 0) {
      amounts.addFirst(-sum);
    }
    return amounts;
  }

  /** Begins one transaction of any kind. */
  void begin() {
    String gid = "g" + ++number;
    int kind = chance.nextInt(100);
    if (kind < 35) {
      saga(gid);
    } else if (kind < 55) {
      message(gid);
    } else if (kind < 80) {
      TransType type = percent(70) ? TransType.TCC : TransType.XA;
      new TwoPhaseClient(this, type, gid, chance.split()).begin();
    } else {
      workflows.begin(gid);
    }
  }

  private void saga(String gid) {
    Requests saga = Requests.saga(gid);
    int steps = 1 + chance.nextInt(4);
    List<Long> amounts = amounts(steps);
    int behind = money.nextInt(100) < 20 ? 1 + money.nextInt(steps) : 0;
    for (int step = 1; step <= steps; step++) {
      if (step == behind) {
        saga.step("", "http://bank/compensate", Bank.payload(0)); // done without a call
      }
      saga.step(
          percent(95) ? "http://bank" + chance.nextInt(3) + "/action" : "http://bank/action",
          "http://bank" + chance.nextInt(3) + "/compensate",
          Bank.payload(amounts.get(step - 1)));
    }
    if (percent(40)) {
      saga.concurrent();
      if (steps > 2 && percent(50)) {
        saga.customData("{\"concurrent\":true,\"orders\":{\"" + (steps - 1) + "\":[0,1]}}");
      }
    }
    options(saga);
    if (percent(20)) {
      saga.timeoutToFail(1 + chance.nextInt(20));
    }
    if (percent(20)) {
      saga.retryLimit(1 + chance.nextInt(3));
    }
    insist(saga.submit(), TRIES, _ -> {});
    if (percent(20)) {
      time.after(upTo(30_000), () -> insist(saga.submit(), 1, _ -> {}));
    }
    maybeInterfere(saga);
  }

  /** What any client may ask for. */
  void options(Requests request) {
    if (percent(50)) {
      request.waiting();
    }
    if (percent(20)) {
      request.requestTimeout(1 + chance.nextInt(15));
    }
    if (percent(30)) {
      request.retryInterval(1 + chance.nextInt(10));
    }
  }

  /** An operator ends some transactions, and hurries others. */
  void maybeInterfere(Requests request) {
    for (int i = percent(15) ? 1 + chance.nextInt(4) : 0; i > 0; i--) {
      time.after(upTo(30_000), () -> insist(request.reset(), 2, _ -> {}));
    }
    if (percent(6)) { // half of them while it is worked on
      time.after(upTo(percent(50) ? 100 : 20_000), () -> insist(request.forceStop(), 2, _ -> {}));
    }
  }

  /** docs/spec/transactions.md 7.2: prepare, the local transaction, then submit or abort. */
  private void message(String gid) {
    int branches = 1 + chance.nextInt(3);
    boolean toTopic = percent(30);
    Requests message = Requests.message(gid);
    List<Long> amounts = amounts(1 + branches);
    for (int branch = 1; branch <= branches; branch++) {
      message.step("http://bank/m" + branch, "", Bank.payload(amounts.get(branch)));
    }
    if (toTopic) {
      message.step("topic://" + TOPIC, "", Bank.payload(0));
    }
    options(message);
    message.timeoutToFail(1 + chance.nextInt(20));
    if (percent(30)) {
      message.concurrent();
    }
    if (percent(20)) {
      message.customData("{\"delay\":" + chance.nextInt(15) + "}");
    }
    maybeInterfere(message);
    if (percent(30)) { // that it is taken is all that counts for its sender
      bank.endLocal(new Gid(gid), Bank.Local.COMMITTED, amounts.getFirst());
      insist(message.submit(), TRIES, _ -> {});
      return;
    }
    insist(
        message.prepare(),
        3,
        reply -> {
          if (reply instanceof Reply.Success && percent(90)) {
            time.after(
                upTo(percent(20) ? 15_000 : 50),
                () -> decide(message, new Gid(gid), amounts.getFirst()));
          }
        });
  }

  private void decide(Requests message, Gid gid, long amount) {
    Bank.Local wanted = percent(80) ? Bank.Local.COMMITTED : Bank.Local.ROLLED_BACK;
    Bank.Local local = bank.endLocal(gid, wanted, amount);
    if (percent(90)) {
      boolean committed = local == Bank.Local.COMMITTED;
      insist(committed ? message.submit() : message.abort(), 3, _ -> {});
    }
  }

  void insist(Command command, int tries, Consumer<Reply> done) {
    insist((server, heard) -> server.ask(command, heard), tries, done);
  }

  /**
   * Asks some server, and again another one when nothing definite comes.
   *
   * @param done told what came at last; a {@link Reply.Failed} when nothing definite came
   */
  void insist(Ask ask, int tries, Consumer<Reply> done) {
    if (servers.isEmpty()) {
      again(ask, tries, done);
      return;
    }
    ask.at(
        servers.get(chance.nextInt(servers.size())),
        patiently(
            NOTHING_DEFINITE,
            reply -> {
              if (reply instanceof Reply.Failed failed
                  && failed.code() != ErrorCode.BRANCH_EXISTS) {
                again(ask, tries, done);
              } else {
                done.accept(reply);
              }
            }));
  }

  private void again(Ask ask, int tries, Consumer<Reply> done) {
    if (tries > 1) {
      time.after(upTo(2_000), () -> insist(ask, tries - 1, done));
    } else {
      done.accept(NOTHING_DEFINITE);
    }
  }

  /**
   * What hears the first answer only, and another one if none comes in time.
   *
   * @param otherwise told when the patience of a client is at its end
   */
  <T> Consumer<T> patiently(T otherwise, Consumer<T> heard) {
    boolean[] over = {false};
    Consumer<T> first =
        answer -> {
          if (!over[0]) {
            over[0] = true;
            heard.accept(answer);
          }
        };
    time.after(PATIENCE, () -> first.accept(otherwise));
    return first;
  }
}
