package io.dtm4j.coordinator;

import static java.util.Objects.requireNonNull;

import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * The client of one TCC or XA together with the services that it calls: each branch is registered,
 * then tried, and a service may have branches of its own in between (docs/spec/transactions.md 5
 * and 6). It submits only when all have been tried.
 */
final class TwoPhaseClient {
  private final Clients clients;
  private final TransType type;
  private final Gid gid;
  private final SplittableRandom chance;
  private final Requests transaction;
  private final List<Runnable> work = new ArrayList<>();
  private final List<String> branches = new ArrayList<>();
  private final Map<String, Long> amounts = new HashMap<>();
  private boolean decided;

  TwoPhaseClient(Clients clients, TransType type, String gid, SplittableRandom chance) {
    this.clients = clients;
    this.type = type;
    this.gid = new Gid(gid);
    this.chance = chance;
    transaction = type == TransType.TCC ? Requests.tcc(gid) : Requests.xa(gid);
  }

  private boolean percent(int limit) {
    return chance.nextInt(100) < limit;
  }

  private void after(long millis, Runnable action) {
    clients.time.after(Duration.ofMillis(chance.nextLong(millis + 1)), action);
  }

  void begin() {
    clients.options(transaction);
    transaction.timeoutToFail(1 + chance.nextInt(20));
    int count = chance.nextInt(4);
    for (int branch = 1; branch <= count; branch++) {
      plan("0" + branch);
    }
    List<Long> all = clients.amounts(branches.size());
    for (int i = 0; i < all.size(); i++) {
      amounts.put(branches.get(i), all.get(i));
    }
    clients.maybeInterfere(transaction);
    clients.insist(
        transaction.prepare(),
        3,
        reply -> {
          if (reply instanceof Reply.Success) {
            if (percent(10)) {
              after(5_000, this::abort); // whatever its services still do
            }
            goOn();
          }
        });
  }

  /** Registers a branch, then those of the service that is called, then tries it. */
  private void plan(String id) {
    branches.add(id);
    work.add(() -> register(id));
    for (int child = 1; id.length() < 4 && percent(25); child++) {
      plan(id + "0" + child);
    }
    work.add(() -> attempt(id));
  }

  private void goOn() {
    if (clients.dies()) {
      return;
    }
    if (work.isEmpty()) {
      after(percent(20) ? 15_000 : 50, this::submit);
    } else {
      after(percent(10) ? 8_000 : 50, work.removeFirst());
    }
  }

  private void register(String id) {
    String bank = "http://bank" + chance.nextInt(3);
    var branch =
        new BranchRequest(
            gid.value(),
            type.wireName(),
            id,
            Bank.payload(requireNonNull(amounts.get(id))),
            bank + "/confirm",
            bank + "/cancel",
            bank + "/branch",
            "",
            "");
    clients.insist(
        (server, heard) -> server.register(branch, heard),
        3,
        reply -> {
          if (reply instanceof Reply.Success) {
            goOn();
          } else {
            abort(); // its service must not be called
          }
        });
  }

  private void attempt(String id) {
    clients.bank.call(
        type,
        gid,
        id,
        Bank.firstOf(type),
        0,
        clients.patiently(
            Bank.UNHEARD,
            answer -> {
              if (answer instanceof BranchAnswer.Success) {
                goOn();
              } else {
                abort();
              }
            }));
  }

  private void submit() {
    if (decided) {
      return;
    }
    decided = true;
    clients.insist(transaction.submit(), 3, _ -> {});
    if (percent(20)) {
      after(20_000, () -> clients.insist(transaction.submit(), 1, _ -> {}));
    }
    if (percent(10)) { // somebody else is of another opinion
      after(20, () -> clients.insist(transaction.abort("too late"), 3, _ -> {}));
    }
  }

  private void abort() {
    if (decided || clients.dies()) {
      return;
    }
    decided = true;
    clients.insist(transaction.abort("given up"), 3, _ -> {});
    if (percent(20)) {
      after(20_000, () -> clients.insist(transaction.abort("again"), 1, _ -> {}));
    }
  }
}
