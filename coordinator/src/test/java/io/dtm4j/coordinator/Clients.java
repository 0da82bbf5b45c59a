package io.dtm4j.coordinator;

import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Reply;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/** Clients of the simulation: they repeat what was not answered, lose patience, and die. */
final class Clients {
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final int TRIES = 6;

  private final VirtualTime time;
  private final List<Server> servers;
  private final Bank bank;
  private final SplittableRandom chance;
  private int number;

  /**
   * @param servers those that run; changes when servers die and start
   */
  Clients(VirtualTime time, List<Server> servers, Bank bank, SplittableRandom chance) {
    this.time = time;
    this.servers = servers;
    this.bank = bank;
    this.chance = chance;
  }

  private boolean percent(int limit) {
    return chance.nextInt(100) < limit;
  }

  private Duration upTo(long millis) {
    return Duration.ofMillis(chance.nextLong(millis + 1));
  }

  /** Begins one transaction of any kind. */
  void begin() {
    String gid = "g" + ++number;
    if (percent(65)) {
      saga(gid);
    } else {
      message(gid);
    }
  }

  private void saga(String gid) {
    Requests saga = Requests.saga(gid);
    int steps = 1 + chance.nextInt(4);
    for (int step = 1; step <= steps; step++) {
      saga.step(
          percent(95) ? "http://bank" + chance.nextInt(3) + "/action" : "http://bank/action",
          "http://bank" + chance.nextInt(3) + "/compensate");
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
    if (percent(4)) {
      time.after(upTo(20_000), () -> insist(saga.forceStop(), 2, _ -> {}));
    }
  }

  private void options(Requests request) {
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

  /** docs/spec/transactions.md 7.2: prepare, the local transaction, then submit or abort. */
  private void message(String gid) {
    Requests message = Requests.message(gid, 1 + chance.nextInt(3));
    options(message);
    message.timeoutToFail(1 + chance.nextInt(20));
    if (percent(30)) {
      message.concurrent();
    }
    if (percent(20)) {
      message.customData("{\"delay\":" + chance.nextInt(15) + "}");
    }
    if (percent(30)) {
      insist(message.submit(), TRIES, _ -> {});
      return;
    }
    insist(
        message.prepare(),
        3,
        reply -> {
          if (reply instanceof Reply.Success && percent(90)) {
            time.after(upTo(percent(20) ? 15_000 : 50), () -> decide(message, new Gid(gid)));
          }
        });
  }

  private void decide(Requests message, Gid gid) {
    Bank.Local wanted = percent(80) ? Bank.Local.COMMITTED : Bank.Local.ROLLED_BACK;
    Bank.Local local = bank.localOf(gid, wanted);
    if (percent(90)) {
      boolean committed = local == Bank.Local.COMMITTED;
      insist(committed ? message.submit() : message.abort(), 3, _ -> {});
    }
  }

  /** Asks some server, and again another one when nothing definite comes. */
  private void insist(Command command, int tries, Consumer<Reply> done) {
    if (servers.isEmpty()) {
      again(command, tries, done);
      return;
    }
    boolean[] over = {false};
    servers
        .get(chance.nextInt(servers.size()))
        .ask(
            command,
            reply -> {
              if (!over[0]) {
                over[0] = true;
                if (reply instanceof Reply.Failed) {
                  again(command, tries, done);
                } else {
                  done.accept(reply);
                }
              }
            });
    time.after(
        PATIENCE,
        () -> {
          if (!over[0]) {
            over[0] = true;
            again(command, tries, done);
          }
        });
  }

  private void again(Command command, int tries, Consumer<Reply> done) {
    if (tries > 1) {
      time.after(upTo(2_000), () -> insist(command, tries - 1, done));
    }
  }
}
