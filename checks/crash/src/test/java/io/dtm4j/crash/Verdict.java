package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.dtm4j.crash.Api.Known;
import io.dtm4j.crash.BankParticipants.Effect;
import io.dtm4j.crash.BankParticipants.Seen;
import io.dtm4j.crash.Load.Submission;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Compares what clients were told, what the server has stored, and what the participants saw. */
final class Verdict {
  private static final Duration ENDS_WITHIN = Duration.ofSeconds(30);

  private final Api api;
  private final BankParticipants bank;
  private final List<String> wrong = new ArrayList<>();

  private Verdict(Api api, BankParticipants bank) {
    this.api = api;
    this.bank = bank;
  }

  /** Waits until every stored transaction is at its end, then checks each of them. */
  static void passOn(List<Submission> submissions, Api api, BankParticipants bank) {
    var verdict = new Verdict(api, bank);
    List<String> open = new ArrayList<>();
    for (Submission one : submissions) {
      open.add(one.gid);
    }
    Await.until(
        "all transactions end; still open are " + open,
        ENDS_WITHIN,
        () -> {
          open.removeIf(verdict::isAtRest);
          return open.isEmpty();
        });
    submissions.forEach(verdict::check);
    assertThat(verdict.wrong).isEmpty();
    assertThat(bank.sum()).as("sum of all accounts").isZero();
  }

  private boolean isAtRest(String gid) {
    String status = api.status(gid);
    return status.isEmpty() || status.equals("succeed") || status.equals("failed");
  }

  private void check(Submission one) {
    JsonNode stored = api.query(one.gid);
    String status = stored.path("transaction").path("status").asText("");
    List<Seen> seen = bank.seen(one.gid);
    if (status.isEmpty()) {
      expect(!one.mustBeStored(), one, "is lost");
      expect(seen.isEmpty(), one, "is not stored, but participants were called: " + seen);
      return;
    }
    expect(!one.mustNotBeStored(), one, "is stored, though its answer said that it is not");
    String end = one.kind.end(bank.isLocalDone(one.gid));
    expect(status.equals(end), one, "is " + status + ", expected " + end);
    if (one.waited && one.known() == Known.ROLLED_BACK) {
      expect(status.equals("failed"), one, "was reported as rolled back and is " + status);
    }
    checkBranches(one, status, stored.path("branches"));
    checkOrder(one, seen);
  }

  private void checkBranches(Submission one, String status, JsonNode rows) {
    Map<String, String> action = new HashMap<>();
    Map<String, String> compensation = new HashMap<>();
    for (JsonNode row : rows) {
      (row.path("op").asText().equals("action") ? action : compensation)
          .put(row.path("branch_id").asText(), row.path("status").asText());
    }
    int steps = one.kind.isSaga() || one.kind == Kind.MESSAGE ? 3 : 2;
    expect(action.size() == steps, one, "has " + action.size() + " actions, expected " + steps);
    if (one.kind.isSaga()) {
      expect(compensation.size() == steps, one, "has " + compensation.size() + " compensations");
    }
    action.forEach(
        (branch, of) -> {
          Effect effect = bank.effect(one.gid, branch);
          String undo = compensation.getOrDefault(branch, "");
          String told =
              "branch " + branch + ": " + of + ", compensation " + undo + ", is " + effect;
          if (status.equals("succeed")) {
            expect(of.equals("succeed") && effect == Effect.DONE, one, told);
          } else {
            expect(effect != Effect.DONE, one, told + " although rolled back");
            expect(!undo.equals("succeed") || effect == Effect.UNDONE, one, told);
            expect(effect != Effect.UNDONE || undo.equals("succeed"), one, told);
          }
        });
  }

  /** An action that is compensated is called no more. */
  private void checkOrder(Submission one, List<Seen> seen) {
    Set<String> compensated = new HashSet<>();
    for (Seen call : seen) {
      if (call.op().equals("compensate")) {
        compensated.add(call.branch());
      } else {
        expect(
            !compensated.contains(call.branch()),
            one,
            "was called after its compensation: " + seen);
      }
    }
  }

  private void expect(boolean holds, Submission one, String otherwise) {
    if (!holds) {
      wrong.add(one + " " + otherwise);
    }
  }
}
