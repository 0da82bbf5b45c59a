package io.dtm4j.server.demo;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** The three transfers, told while they happen, and checked. */
final class Story {
  private static final Duration OUTAGE = Duration.ofSeconds(3);
  private static final Duration LONGEST = Duration.ofSeconds(12);
  private static final Duration PAUSE = Duration.ofMillis(20);
  private static final int OK = 200;
  private static final int CONFLICT = 409;

  private final Screen screen;
  private final Client client;
  private final List<Bank.Visit> visits = new CopyOnWriteArrayList<>();
  private final List<String> wrong = new ArrayList<>();

  Story(Screen screen, Client client) {
    this.screen = screen;
    this.client = client;
  }

  /** To be told of each call that a bank gets. */
  void saw(Bank.Visit visit) {
    visits.add(visit);
    screen.visit(visit);
  }

  /** Plays all three; what did not come as it should, empty when all is well. */
  List<String> play(Bank east, Bank west) throws InterruptedException {
    long before = east.balance() + west.balance();
    // The first request of a JVM loads classes; that is another story.
    var _ = client.query("nobody");

    screen.chapter("1  Alice sends Bob 30");
    ObjectNode first = client.transfer("transfer-1", east, west, 30).put("wait_result", true);
    submit(first, OK);
    expectEnd("transfer-1", "succeed", 2);
    expectBalances(east, 70, west, 130);

    screen.chapter("2  Alice sends Bob 30, but his account takes nothing");
    west.closeAccount();
    ObjectNode second = client.transfer("transfer-2", east, west, 30).put("wait_result", true);
    submit(second, CONFLICT);
    expectEnd("transfer-2", "failed", 4);
    expectBalances(east, 70, west, 130);
    west.openAccount();

    screen.chapter("3  Alice sends Bob 20 while his bank is down for 3 seconds");
    west.goDown(OUTAGE, () -> screen.event("west", "is up again"));
    ObjectNode third = client.transfer("transfer-3", east, west, 20).put("retry_interval", 1);
    submit(third, OK);
    // Asked again after 2 s, twice the interval, in vain, and 4 s later.
    expectEnd("transfer-3", "succeed", 4);
    expectBalances(east, 50, west, 150);

    long after = east.balance() + west.balance();
    expect(before == after, "the sum was " + before + " and is " + after);
    screen.say("");
    screen.say(
        "Alice has %d, Bob has %d: together %d, as before."
            .formatted(east.balance(), west.balance(), after));
    return wrong;
  }

  private void submit(ObjectNode transaction, int expected) {
    int status = client.post("submit", transaction);
    String gid = transaction.path("gid").asText();
    expect(status == expected, gid + ": submit answered " + status + ", expected " + expected);
  }

  private void expectEnd(String gid, String expected, int calls) throws InterruptedException {
    long deadline = System.nanoTime() + LONGEST.toNanos();
    String status = status(gid);
    while (!status.equals(expected) && System.nanoTime() < deadline) {
      Thread.sleep(PAUSE);
      status = status(gid);
    }
    long seen = visits.stream().filter(visit -> visit.gid().equals(gid)).count();
    expect(status.equals(expected), gid + ": is " + status + ", expected " + expected);
    expect(seen == calls, gid + ": " + seen + " calls, expected " + calls);
    screen.say(
        "  => "
            + gid
            + (status.equals("failed") ? " was rolled back: failed" : " has committed: " + status));
    screen.say("     " + client.queryUrl(gid));
  }

  private String status(String gid) {
    return client.query(gid).path("transaction").path("status").asText("unknown");
  }

  private void expectBalances(Bank one, long balance, Bank other, long otherBalance) {
    expectBalance(one, balance);
    expectBalance(other, otherBalance);
  }

  private void expectBalance(Bank bank, long expected) {
    expect(
        bank.balance() == expected,
        bank.holder() + " has " + bank.balance() + ", expected " + expected);
  }

  private void expect(boolean came, String otherwise) {
    if (!came) {
      wrong.add(otherwise);
    }
  }
}
