package io.dtm4j.crash;

import static java.util.Objects.requireNonNullElse;

import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Services with accounts, protected as by a barrier: a step takes effect once, never after its
 * compensation, and a compensation without its step does nothing. What a step does stands in its
 * payload, see {@link Step}. Thread-safe; all state is guarded by {@code this}.
 */
final class BankParticipants implements AutoCloseable {
  /**
   * The payload of a step.
   *
   * @param change of the account's balance
   * @param refuse which calls of the action are refused
   * @param failures so many calls of the action are answered 503 first
   * @param late milliseconds: above 0 the effect comes so late, below 0 the answer
   */
  record Step(String account, long change, Refuse refuse, int failures, int late) {
    static Step of(String account, long change) {
      return new Step(account, change, Refuse.NEVER, 0, 0);
    }

    Step refusing() {
      return new Step(account, change, Refuse.ALWAYS, failures, late);
    }

    Step refusingRepeats() {
      return new Step(account, change, Refuse.REPEATS, failures, late);
    }

    Step failing(int calls) {
      return new Step(account, change, refuse, calls, late);
    }

    Step late(int millis) {
      return new Step(account, change, refuse, failures, millis);
    }

    String payload() {
      return new JsonObject()
          .put("account", account)
          .put("change", change)
          .put("refuse", refuse.name())
          .put("failures", failures)
          .put("late", late)
          .encode();
    }

    private static Step read(JsonObject json) {
      return new Step(
          json.getString("account"),
          json.getLong("change"),
          Refuse.valueOf(json.getString("refuse")),
          json.getInteger("failures"),
          json.getInteger("late"));
    }
  }

  /** Which calls of an action are refused. */
  enum Refuse {
    NEVER,
    /** All but the first, which takes effect: no barrier does so, but a bad participant may. */
    REPEATS,
    ALWAYS
  }

  /** A call that came. */
  record Seen(String branch, String op, Instant at) {
    boolean isRepeatOf(Seen earlier) {
      return branch.equals(earlier.branch) && op.equals(earlier.op);
    }
  }

  /** What became of a step here. */
  enum Effect {
    NONE,
    /** The first of two phases is done: the amount is kept, the balance unchanged. */
    HELD,
    DONE,
    UNDONE
  }

  /** Runs the workflow of a gid that does these steps. */
  interface Application {
    /** Whether it has ended. */
    boolean run(String gid, List<Step> steps);
  }

  /** What is known of one transaction. */
  private static final class Case {
    final List<Seen> seen = new ArrayList<>();

    /** Calls that are not answered yet. */
    final List<Seen> unanswered = new ArrayList<>();

    /** Calls that came while another one of the same branch and op was not answered. */
    final List<Seen> overlapping = new ArrayList<>();

    final Map<String, Effect> effects = new HashMap<>();

    /** What is held or done. */
    final Map<String, Step> steps = new HashMap<>();

    /** By how much each branch has changed balances, less what was taken back. */
    final Map<String, Long> moved = new HashMap<>();

    /** The local transaction of a message: done, or UNDONE when a check-back was answered no. */
    Effect local = Effect.NONE;
  }

  /** Stands for the local transaction of a message, where others have the id of a branch. */
  static final String LOCALLY = "local";

  static final Set<String> BACKWARD = Set.of("compensate", "cancel", "rollback");
  static final Set<String> SECOND_PHASE = Set.of("confirm", "commit");
  static final String ACTION = "action";
  static final String CHECK_BACK = "msg";
  private static final int OK = 200;
  private static final int CONFLICT = 409;
  private static final int TOO_EARLY = 425;
  private static final int UNAVAILABLE = 503;

  /** Before each message: whether it is compressed, and its length. */
  private static final int GRPC_PREFIX = 5;

  private final Vertx vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1));
  private final int port = ServerProcess.freePort();
  private final Map<String, Case> cases = new HashMap<>();
  private volatile Set<String> postponed = Set.of();
  private @Nullable HttpServer listener;
  private volatile @Nullable Application application;

  /** Opens them on the loopback interface. */
  BankParticipants() {
    up();
  }

  String url() {
    return "http://127.0.0.1:" + port;
  }

  /** They listen, on the port they always have. */
  void up() {
    HttpServer opened = vertx.createHttpServer().requestHandler(this::receive);
    opened.listen(port, "127.0.0.1").await();
    listener = opened;
  }

  /**
   * Calls of these ops come to nothing from now on, as long as they are among them: by the gid they
   * are told to come again, are answered 503, or get no answer at all.
   */
  void postpone(Set<String> ops) {
    postponed = Set.copyOf(ops);
  }

  /** Connections are refused, until {@link #up}. */
  void down() {
    if (listener != null) {
      listener.close().await();
      listener = null;
    }
  }

  /**
   * The local transaction of a message: withdraws, unless a check-back was told that it never will.
   *
   * @return whether it was done
   */
  synchronized boolean withdrawLocally(String gid, Step step) {
    Case known = caseOf(gid);
    if (known.local != Effect.NONE) {
      return false;
    }
    known.local = Effect.DONE;
    known.moved.merge(LOCALLY, step.change(), Long::sum);
    return true;
  }

  /** From now on that is run when the server calls a workflow back. */
  void resumeWith(Application workflows) {
    application = workflows;
  }

  /**
   * A try, or an XA branch up to its prepare: keeps the amount, unless it refuses or has been
   * undone before.
   *
   * @return whether it was done
   */
  synchronized boolean hold(String gid, String branch, Step step) {
    Case known = caseOf(gid);
    if (step.refuse() == Refuse.ALWAYS || known.effects.containsKey(branch)) {
      return false;
    }
    known.effects.put(branch, Effect.HELD);
    known.steps.put(branch, step);
    return true;
  }

  synchronized boolean isLocalDone(String gid) {
    return caseOf(gid).local == Effect.DONE;
  }

  synchronized Effect effect(String gid, String branch) {
    return caseOf(gid).effects.getOrDefault(branch, Effect.NONE);
  }

  /** Whether the first phase of some branch is done and the second never came. */
  synchronized boolean holds(String gid) {
    return caseOf(gid).effects.containsValue(Effect.HELD);
  }

  /** The calls that came for a transaction, in their order. */
  synchronized List<Seen> seen(String gid) {
    return List.copyOf(caseOf(gid).seen);
  }

  /** Those of them that came before an earlier one of the same branch and op was answered. */
  synchronized List<Seen> overlapping(String gid) {
    return List.copyOf(caseOf(gid).overlapping);
  }

  /**
   * By how much balances are changed for a transaction, by its branches; {@link #LOCALLY} is its
   * local transaction. What was undone is left out.
   */
  synchronized Map<String, Long> moved(String gid) {
    Map<String, Long> moved = new TreeMap<>(caseOf(gid).moved);
    moved.values().removeIf(amount -> amount == 0);
    return moved;
  }

  private Case caseOf(String gid) {
    return cases.computeIfAbsent(gid, _ -> new Case());
  }

  private void receive(HttpServerRequest request) {
    String gid = given(request, "gid");
    String branch = given(request, "branch_id");
    String op = given(request, "op");
    var call = new Seen(branch, op, Instant.now());
    int before = note(gid, call);
    IntConsumer answer =
        status -> {
          isAnswered(gid, call);
          answer(request, status);
        };
    if (postponed.contains(op)) {
      putOff(answer, gid);
      return;
    }
    if (op.equals(CHECK_BACK)) {
      answer.accept(checkBack(gid));
      return;
    }
    request
        .body()
        .map(body -> isGrpc(request) ? body.slice(GRPC_PREFIX, body.length()) : body)
        .onSuccess(
            body -> {
              if ("/resume".equals(request.path())) {
                resume(answer, gid, body.toJsonArray());
                return;
              }
              Step step =
                  body.length() == 0 ? heldStep(gid, branch) : Step.read(body.toJsonObject());
              if (BACKWARD.contains(op)) {
                undo(gid, branch);
                answer.accept(OK);
              } else if (before < step.failures()) {
                answer.accept(UNAVAILABLE);
              } else if (step.refuse() == Refuse.ALWAYS
                  || (step.refuse() == Refuse.REPEATS && before > 0)) {
                answer.accept(CONFLICT);
              } else {
                act(answer, step, () -> settle(gid, branch, op, step));
              }
            });
  }

  /** Nothing else comes by HTTP/2. */
  private static boolean isGrpc(HttpServerRequest request) {
    return request.version() == HttpVersion.HTTP_2;
  }

  /** What a call says of itself. */
  private static String given(HttpServerRequest request, String name) {
    return isGrpc(request)
        ? requireNonNullElse(request.getHeader("dtm-" + name), "")
        : request.getParam(name, "");
  }

  private static void putOff(IntConsumer answer, String gid) {
    switch (Math.floorMod(gid.hashCode(), 3)) {
      case 0 -> answer.accept(TOO_EARLY);
      case 1 -> answer.accept(UNAVAILABLE);
      default -> {
        // who asked waits until its time is over
      }
    }
  }

  private void resume(IntConsumer answer, String gid, JsonArray input) {
    List<Step> steps = new ArrayList<>();
    input.forEach(step -> steps.add(Step.read(new JsonObject((String) step))));
    vertx
        .executeBlocking(() -> application != null && application.run(gid, steps), false)
        .onComplete(ended -> answer.accept(ended.succeeded() && ended.result() ? OK : TOO_EARLY));
  }

  /** What the first phase of an XA branch kept: its second one comes without a body. */
  private synchronized Step heldStep(String gid, String branch) {
    return caseOf(gid).steps.getOrDefault(branch, Step.of("nobody", 0));
  }

  /** Keeps the call; how many of its kind came before. */
  private synchronized int note(String gid, Seen call) {
    List<Seen> seen = caseOf(gid).seen;
    int before = 0;
    for (Seen earlier : seen) {
      if (call.isRepeatOf(earlier)) {
        before++;
      }
    }
    seen.add(call);
    Case known = caseOf(gid);
    if (known.unanswered.stream().anyMatch(call::isRepeatOf)) {
      known.overlapping.add(call);
    }
    known.unanswered.add(call);
    return before;
  }

  private synchronized void isAnswered(String gid, Seen call) {
    caseOf(gid).unanswered.remove(call);
  }

  private void act(IntConsumer answer, Step step, Runnable effect) {
    if (step.late() > 0) {
      vertx.setTimer(
          step.late(),
          _ -> {
            effect.run();
            answer.accept(OK);
          });
    } else {
      effect.run();
      if (step.late() < 0) {
        vertx.setTimer(-step.late(), _ -> answer.accept(OK));
      } else {
        answer.accept(OK);
      }
    }
  }

  /** An action takes effect from nothing, a second phase only after its first. */
  private synchronized void settle(String gid, String branch, String op, Step step) {
    Case known = caseOf(gid);
    Effect before = op.equals(ACTION) ? Effect.NONE : Effect.HELD;
    if (known.effects.getOrDefault(branch, Effect.NONE) == before) {
      known.effects.put(branch, Effect.DONE);
      known.steps.put(branch, step);
      known.moved.merge(branch, step.change(), Long::sum);
    }
  }

  /**
   * An action.
   *
   * @return false: it is refused
   */
  synchronized boolean take(String gid, String branch, Step step) {
    if (step.refuse() == Refuse.ALWAYS) {
      return false;
    }
    settle(gid, branch, ACTION, step);
    return true;
  }

  /** A compensation, and the like: does nothing when there is nothing to undo. */
  synchronized void undo(String gid, String branch) {
    Case known = caseOf(gid);
    Effect before = known.effects.put(branch, Effect.UNDONE);
    Step done = known.steps.get(branch);
    if (before == Effect.DONE && done != null) {
      known.moved.merge(branch, -done.change(), Long::sum);
    }
  }

  private synchronized int checkBack(String gid) {
    Case known = caseOf(gid);
    if (known.local == Effect.DONE) {
      return OK;
    }
    known.local = Effect.UNDONE;
    return CONFLICT;
  }

  private static void answer(HttpServerRequest request, int status) {
    if (request.response().closed()) {
      return; // the server that asked may be dead
    }
    String text = status == CONFLICT ? "FAILURE" : status == TOO_EARLY ? "ONGOING" : "{}";
    if (isGrpc(request)) {
      request
          .response()
          .putHeader("content-type", "application/grpc")
          .putTrailer("grpc-status", Integer.toString(grpcStatus(status)))
          .putTrailer("grpc-message", text)
          .end(Buffer.buffer(new byte[GRPC_PREFIX])); // an empty message
    } else {
      request.response().setStatusCode(status).end(text);
    }
  }

  private static int grpcStatus(int status) {
    return switch (status) {
      case OK -> 0;
      case CONFLICT -> 10; // ABORTED
      case TOO_EARLY -> 9; // FAILED_PRECONDITION
      default -> 14; // UNAVAILABLE
    };
  }

  @Override
  public void close() {
    vertx.close().await();
  }
}
