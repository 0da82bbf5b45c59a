package io.dtm4j.crash;

import com.fasterxml.jackson.databind.JsonNode;
import io.dtm4j.crash.Api.Known;
import io.dtm4j.crash.BankParticipants.Effect;
import io.dtm4j.crash.BankParticipants.Seen;
import io.dtm4j.crash.Load.Submission;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Compares what clients were told, what the server has stored, and what the participants saw. */
final class Verdict {
  private static final int MOST_TOLD = 3;
  private static final Duration ENDS_WITHIN = Duration.ofSeconds(30);

  private final Api api;
  private final BankParticipants bank;
  private final Duration endsWithin;
  private final boolean besideOriginal;
  private final Set<String> judged = new HashSet<>();
  private final List<String> wrong = new ArrayList<>();

  Verdict(Api api, BankParticipants bank) {
    this(api, bank, ENDS_WITHIN, false);
  }

  private Verdict(Api api, BankParticipants bank, Duration endsWithin, boolean besideOriginal) {
    this.api = api;
    this.bank = bank;
    this.endsWithin = endsWithin;
    this.besideOriginal = besideOriginal;
  }

  /** As {@link #pass}, of all at once. */
  static void passOn(List<Submission> submissions, Api api, BankParticipants bank) {
    new Verdict(api, bank).pass(submissions);
  }

  /**
   * The same of transactions on which DTM in Go has worked, too, and which may take longer to their
   * end than others.
   */
  static void passOnBesideOriginal(
      List<Submission> submissions, Api api, BankParticipants bank, Duration endsWithin) {
    new Verdict(api, bank, endsWithin, true).pass(submissions);
  }

  /** Waits until each is at its end, then checks those that were not checked before. */
  void pass(List<Submission> submissions) {
    Map<String, Submission> open = new TreeMap<>();
    for (Submission one : submissions) {
      if (judged.add(one.gid)) {
        open.put(one.gid, one);
      }
    }
    List<Submission> ended = List.copyOf(open.values());
    Await.nowAndThenUntil(
        () -> "all transactions end; still open are " + told(open.values()),
        endsWithin,
        () -> {
          open.keySet().removeIf(gid -> isEnd(api.status(gid)));
          return open.isEmpty();
        });
    ended.forEach(one -> check(one, api.query(one.gid)));
    if (!wrong.isEmpty()) {
      throw new AssertionError(String.join("\n", wrong));
    }
  }

  /** What is known of them, of some of them when there are many. */
  private String told(Collection<Submission> some) {
    return some.size()
        + some.stream()
            .limit(MOST_TOLD)
            .map(one -> "\n" + one + "\n" + api.query(one.gid) + "\n" + bank.seen(one.gid))
            .collect(Collectors.joining());
  }

  private static String statusIn(JsonNode stored) {
    return stored.path("transaction").path("status").asText("");
  }

  /** Whether there is nothing to wait for: it has ended, or is not there. */
  private static boolean isEnd(String status) {
    return status.isEmpty() || status.equals("succeed") || status.equals("failed");
  }

  private void check(Submission one, JsonNode stored) {
    String status = statusIn(stored);
    List<Seen> seen = bank.seen(one.gid);
    Map<String, Long> moved = bank.moved(one.gid);
    Map<String, Long> due = status.equals("succeed") ? one.amounts : Map.of();
    expect(moved.equals(due), one, "has moved " + moved + ", expected " + due);
    if (status.isEmpty()) {
      expect(!one.mustBeStored(), one, "is lost");
      expect(seen.isEmpty(), one, "is not stored, but participants were called: " + seen);
      return;
    }
    expect(!one.mustNotBeStored(), one, "is stored, though its answer said that it is not");
    Set<String> ends = one.ends(bank.isLocalDone(one.gid));
    expect(ends.contains(status), one, "is " + status + ", expected " + ends);
    expect(!bank.holds(one.gid), one, "is over, and an amount is still held");
    if (one.waited && one.known() == Known.ROLLED_BACK) {
      expect(status.equals("failed"), one, "was reported as rolled back and is " + status);
    }
    if (one.waited && one.kind.mode() == Kind.Mode.SAGA && one.known() == Known.ACCEPTED) {
      expect(status.equals("succeed"), one, "was reported as done and is " + status);
    }
    if (one.kind == Kind.SAGA_REPEAT_REFUSED && status.equals("failed")) {
      expect(hasRepeated(seen), one, "rolled back, and no action was repeated: " + seen);
    }
    checkBranches(one, status, stored.path("branches"));
    checkOrder(one, seen);
  }

  private static boolean hasRepeated(List<Seen> seen) {
    Set<String> called = new HashSet<>();
    return seen.stream()
        .filter(call -> call.op().equals(BankParticipants.ACTION))
        .anyMatch(call -> !called.add(call.branch()));
  }

  private void checkBranches(Submission one, String status, JsonNode rows) {
    Map<String, String> forward = new HashMap<>();
    Map<String, String> backward = new HashMap<>();
    for (JsonNode row : rows) {
      (BankParticipants.BACKWARD.contains(row.path("op").asText()) ? backward : forward)
          .put(row.path("branch_id").asText(), row.path("status").asText());
    }
    boolean all = one.kind.mode() == Kind.Mode.SAGA || one.kind.mode() == Kind.Mode.MESSAGE;
    expect(
        forward.size() == one.kind.branches() || (!all && status.equals("failed")),
        one,
        "has the branches " + forward + ", expected " + one.kind.branches());
    expect(forward.keySet().containsAll(one.registered), one, "has only " + forward);
    if (one.kind.mode() == Kind.Mode.SAGA || one.kind.mode() == Kind.Mode.TWO_PHASES) {
      expect(backward.keySet().equals(forward.keySet()), one, "can undo only " + backward);
    }
    boolean undoesAll = one.kind.mode() == Kind.Mode.TWO_PHASES;
    forward.forEach(
        (branch, of) -> {
          Effect effect = bank.effect(one.gid, branch);
          String undo = backward.getOrDefault(branch, "");
          String told = "branch " + branch + ": " + of + ", undone " + undo + ", is " + effect;
          if (status.equals("succeed")) {
            expect(of.equals("succeed") && effect == Effect.DONE, one, told);
          } else {
            expect(effect != Effect.DONE, one, told + " although rolled back");
            expect(undo.equals("succeed") || !undoesAll, one, told);
            expect(!undo.equals("succeed") || effect == Effect.UNDONE, one, told);
            expect(effect != Effect.UNDONE || undo.equals("succeed"), one, told);
          }
        });
  }

  /** What is undone is called forward no more; a second phase goes one way only. */
  private void checkOrder(Submission one, List<Seen> seen) {
    Set<String> undone = new HashSet<>();
    Set<String> settled = new HashSet<>();
    for (Seen call : seen) {
      if (BankParticipants.BACKWARD.contains(call.op())) {
        undone.add(call.branch());
        expect(!settled.contains(call.branch()), one, "was called both ways: " + seen);
      } else {
        if (BankParticipants.SECOND_PHASE.contains(call.op())) {
          settled.add(call.branch());
        }
        expect(
            !undone.contains(call.branch()) || mayOvertake(one),
            one,
            "was called after it was undone: " + seen);
      }
    }
  }

  /**
   * When an action of a concurrent saga is refused DTM in Go calls compensations at once, those of
   * actions that it has just called as well (the loop of its dtmsvr/trans_type_saga.go ends while
   * some are running), so that the one may come in before the other. A barrier makes up for it.
   */
  private boolean mayOvertake(Submission one) {
    return besideOriginal && one.kind == Kind.SAGA_CONCURRENT_REFUSED;
  }

  private void expect(boolean holds, Submission one, String otherwise) {
    if (!holds) {
      wrong.add(one + " " + otherwise);
    }
  }
}
