package io.dtm4j.coordinator;

import static java.util.Objects.requireNonNull;

import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Applications that run workflows (docs/spec/transactions.md 8). A run records each step, dies
 * anywhere, and is started again by the server, sometimes beside one that still lives. Runs are of
 * different opinions which way a workflow goes; what is stored first counts (R2).
 */
final class Workflows {
  /** The branch id of the row by which a run decides, before it carries the decision out. */
  static final String DECISION = "00";

  private final Clients clients;
  private final SplittableRandom chance;
  private final Map<Gid, Workflow> known = new HashMap<>();

  /**
   * What a workflow does.
   *
   * @param amounts of its steps
   * @param commits whether its steps have a second phase; without one its end is its decision
   */
  private record Workflow(Requests request, Gid gid, List<Long> amounts, boolean commits) {
    int steps() {
      return amounts.size();
    }

    /** What a call moves: with a second phase, only that does. */
    long amountOf(int step, Op op) {
      return commits && !op.equals(Op.COMMIT) ? 0 : amounts.get(step - 1);
    }
  }

  /** Told when a run is over. */
  private interface Over {
    void tell(boolean ended);
  }

  Workflows(Clients clients, SplittableRandom chance) {
    this.clients = clients;
    this.chance = chance;
  }

  private boolean percent(int limit) {
    return chance.nextInt(100) < limit;
  }

  private void after(long millis, Runnable action) {
    clients.time.after(Duration.ofMillis(chance.nextLong(millis + 1)), action);
  }

  void begin(String gid) {
    Requests request = Requests.workflow(gid);
    clients.options(request);
    List<Long> amounts = clients.amounts(1 + chance.nextInt(3));
    var workflow = new Workflow(request, new Gid(gid), amounts, percent(50));
    known.put(workflow.gid(), workflow);
    new Run(workflow, _ -> {}).begin();
    if (percent(25)) { // from another door
      after(percent(50) ? 20 : 5_000, new Run(workflow, _ -> {})::begin);
    }
    clients.maybeInterfere(request);
  }

  /** The server calls an application back. */
  void resume(Participants.Received received) {
    Workflow workflow = requireNonNull(known.get(received.call().gid()));
    if (clients.dies()) {
      return;
    }
    if (percent(30)) {
      received.answer(new BranchAnswer.Ongoing("it runs"));
      new Run(workflow, _ -> {}).begin();
    } else {
      new Run(
              workflow,
              ended -> {
                if (ended) {
                  received.succeed();
                } else {
                  received.answer(new BranchAnswer.Unknown("interrupted"));
                }
              })
          .begin();
    }
  }

  private final class Run {
    private final Workflow workflow;
    private final Over over;
    private final Map<BranchKey, BranchStatus> progress = new HashMap<>();
    private @Nullable Stored found;

    Run(Workflow workflow, Over over) {
      this.workflow = workflow;
      this.over = over;
    }

    void begin() {
      clients.insist(
          (server, heard) ->
              server.prepareWorkflow(
                  workflow.request(),
                  stored -> {
                    found = stored;
                    heard.accept(Reply.Success.INSTANCE);
                  },
                  heard),
          3,
          _ -> {
            if (found == null || found.transaction().status().isFinal()) {
              over.tell(found != null);
              return;
            }
            for (Branch branch : found.transaction().branches()) {
              progress.put(branch.key(), branch.status());
            }
            forward(1);
          });
    }

    private void forward(int step) {
      if (step > workflow.steps()) {
        boolean wants = percent(90);
        if (!wants || workflow.commits()) {
          decide(wants ? Op.COMMIT : Op.ROLLBACK);
        } else if (decision() == null) {
          end("succeed");
        } else {
          decide(Op.ROLLBACK);
        }
        return;
      }
      BranchStatus before = progress.get(new BranchKey("0" + step, Op.ACTION));
      if (before == BranchStatus.SUCCEED) {
        forward(step + 1);
      } else if (before == BranchStatus.FAILED) {
        decide(Op.ROLLBACK);
      } else {
        call(
            step,
            Op.ACTION,
            answer -> {
              if (answer instanceof BranchAnswer.Success) {
                record("0" + step, Op.ACTION, "succeed", () -> forward(step + 1));
              } else if (answer instanceof BranchAnswer.Failure) {
                record("0" + step, Op.ACTION, "failed", () -> decide(Op.ROLLBACK));
              } else {
                over.tell(false);
              }
            });
      }
    }

    private @Nullable Op decision() {
      return progress.keySet().stream()
          .filter(key -> key.branchId().equals(DECISION))
          .map(BranchKey::op)
          .findFirst()
          .orElse(null);
    }

    private void decide(Op wanted) {
      Op decided = decision();
      if (decided == null) {
        record(DECISION, wanted, "succeed", () -> carryOut(wanted, workflow.steps()));
      } else {
        carryOut(decided, workflow.steps());
      }
    }

    private void carryOut(Op way, int step) {
      if (step == 0) {
        end(way.equals(Op.COMMIT) ? "succeed" : "failed");
      } else if (progress.containsKey(new BranchKey("0" + step, way))) {
        carryOut(way, step - 1);
      } else {
        call(
            step,
            way,
            answer -> {
              if (answer instanceof BranchAnswer.Success) {
                record("0" + step, way, "succeed", () -> carryOut(way, step - 1));
              } else {
                over.tell(false);
              }
            });
      }
    }

    /** Calls a service; the run ends when it is not answered. */
    private void call(int step, Op op, Consumer<BranchAnswer> done) {
      if (clients.dies()) {
        return;
      }
      after(
          percent(10) ? 8_000 : 50,
          () ->
              clients.bank.call(
                  TransType.WORKFLOW,
                  workflow.gid(),
                  "0" + step,
                  op,
                  workflow.amountOf(step, op),
                  clients.patiently(Bank.UNHEARD, done)));
    }

    /** Registers what has been done; the run ends when that is not taken. */
    private void record(String id, Op op, String status, Runnable then) {
      if (clients.dies()) {
        return;
      }
      var row =
          new BranchRequest(
              workflow.gid().value(),
              TransType.WORKFLOW.wireName(),
              id,
              Payload.EMPTY,
              "",
              "",
              "",
              op.wireName(),
              status);
      clients.insist(
          (server, heard) -> server.register(row, heard),
          3,
          reply -> {
            if (reply instanceof Reply.Success) {
              then.run();
            } else {
              over.tell(false);
            }
          });
    }

    private void end(String status) {
      if (clients.dies()) {
        return;
      }
      clients.insist(
          workflow.request().end(status), 3, reply -> over.tell(reply instanceof Reply.Success));
    }
  }
}
