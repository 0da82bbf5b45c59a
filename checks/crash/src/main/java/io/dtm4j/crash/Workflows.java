package io.dtm4j.crash;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.dtm4j.crash.Api.Answer;
import io.dtm4j.crash.Api.Known;
import io.dtm4j.crash.BankParticipants.Step;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * The application of workflows: it takes one step after another and records each; when one is
 * refused it undoes all of them. It may be run at any time, also twice at a time, and goes on from
 * what is recorded. Thread-safe; blocks.
 */
final class Workflows {
  private final Api api;
  private final BankParticipants bank;
  private final Transactions transactions;
  private final Map<String, Set<String>> recorded = new ConcurrentHashMap<>();
  private final Queue<String> lost = new ConcurrentLinkedQueue<>();

  /** From now on it is what the bank's resume route runs. */
  Workflows(Api api, BankParticipants bank) {
    this.api = api;
    this.bank = bank;
    this.transactions = new Transactions(bank);
    bank.resumeWith(
        (gid, steps) ->
            run(gid, steps, steps.size(), transactions.workflow(gid, steps), new ArrayList<>()));
  }

  /** What was recorded once and was missing later. */
  Collection<String> lost() {
    return lost;
  }

  /**
   * Runs it until it ends, or until a request is not taken.
   *
   * @param diesAfter it dies after so many of its steps; no fewer than it has: it does not die
   * @param start what prepares it
   * @param answers gets those of its requests
   * @return whether it has ended
   */
  boolean run(String gid, List<Step> steps, int diesAfter, ObjectNode start, List<Answer> answers) {
    var before = new HashSet<>(recordsOf(gid));
    Answer found = api.insist("prepareWorkflow", start, answers);
    if (found.known() != Known.ACCEPTED) {
      return false;
    }
    var run = new Run(gid, answers);
    for (JsonNode row : found.body().path("progresses")) {
      run.progress.put(
          row.path("branch_id").asText() + "-" + row.path("op").asText(),
          row.path("status").asText().equals("succeed"));
    }
    before.removeAll(run.progress.keySet());
    before.forEach(record -> lost.add(gid + " " + record));
    String status = found.body().path("transaction").path("status").asText();
    return status.equals("prepared") ? run.goOn(steps, diesAfter) : !status.isEmpty();
  }

  private Set<String> recordsOf(String gid) {
    return recorded.computeIfAbsent(gid, _ -> ConcurrentHashMap.newKeySet());
  }

  private final class Run {
    private final String gid;
    private final List<Answer> answers;

    /** Whether a step has succeeded, by its branch id and op. */
    private final Map<String, Boolean> progress = new HashMap<>();

    Run(String gid, List<Answer> answers) {
      this.gid = gid;
      this.answers = answers;
    }

    boolean goOn(List<Step> steps, int diesAfter) {
      boolean succeeds = true;
      for (int i = 0; succeeds && i < steps.size(); i++) {
        if (i == diesAfter) {
          return false;
        }
        String branch = "0" + (i + 1);
        Boolean before = progress.get(branch + "-action");
        if (before != null) {
          succeeds = before;
        } else {
          succeeds = bank.take(gid, branch, steps.get(i));
          if (!record(branch, "action", succeeds)) {
            return false;
          }
        }
      }
      return (succeeds || undo(steps.size()))
          && api.insist("submit", transactions.end(gid, succeeds), answers).known()
              == Known.ACCEPTED;
    }

    private boolean undo(int steps) {
      for (int i = steps; i > 0; i--) {
        String branch = "0" + i;
        if (!progress.containsKey(branch + "-rollback")) {
          bank.undo(gid, branch);
          if (!record(branch, "rollback", true)) {
            return false;
          }
        }
      }
      return true;
    }

    /** Whether the record was taken. */
    private boolean record(String branch, String op, boolean done) {
      ObjectNode row = transactions.recorded(gid, branch, op, done);
      boolean taken = api.insist("registerBranch", row, answers).known() == Known.ACCEPTED;
      if (taken) {
        recordsOf(gid).add(branch + "-" + op);
      }
      return taken;
    }
  }
}
