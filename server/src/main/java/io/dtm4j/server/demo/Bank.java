package io.dtm4j.server.demo;

import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A service with one account, as somebody may write it who takes part in transactions: it does each
 * step at most once however often it is called, and it keeps an action from happening after its own
 * compensation. A real one keeps balance and steps in one database transaction.
 *
 * <p>Thread-safe; state is guarded by {@code this}.
 */
final class Bank {
  /**
   * A call that came, and what became of it.
   *
   * @param op {@code action} or {@code compensate}
   */
  record Visit(String bank, String gid, String op, String wish, Outcome outcome, String words) {}

  /** How a call ended. */
  enum Outcome {
    DONE,
    REFUSED,
    NO_ANSWER
  }

  private enum Step {
    DONE,
    UNDONE
  }

  private static final int OK = 200;
  private static final int CONFLICT = 409;
  private static final int NOT_FOUND = 404;

  private final Vertx vertx;
  private final String name;
  private final String holder;
  private final int port;
  private final Consumer<Visit> witness;
  private final Map<String, Step> steps = new HashMap<>();
  private long balance;
  private boolean closed;
  private boolean down;

  /**
   * Opens the bank. Blocks until it listens on the loopback interface.
   *
   * @param witness told of each call before it is answered; any thread
   */
  Bank(Vertx vertx, String name, String holder, long balance, int port, Consumer<Visit> witness) {
    this.vertx = vertx;
    this.name = name;
    this.holder = holder;
    this.balance = balance;
    this.port = port;
    this.witness = witness;
    vertx.createHttpServer().requestHandler(this::receive).listen(port, "127.0.0.1").await();
  }

  String url() {
    return "http://127.0.0.1:" + port;
  }

  String holder() {
    return holder;
  }

  synchronized long balance() {
    return balance;
  }

  /** From now on nothing can be paid in. */
  synchronized void closeAccount() {
    closed = true;
  }

  synchronized void openAccount() {
    closed = false;
  }

  /** For a while it hangs up on whoever calls. */
  synchronized void goDown(Duration time, Runnable upAgain) {
    down = true;
    vertx.setTimer(
        time.toMillis(),
        _ -> {
          comeUp();
          upAgain.run();
        });
  }

  private synchronized void comeUp() {
    down = false;
  }

  private void receive(HttpServerRequest request) {
    request.body().onSuccess(body -> answer(request, body));
  }

  private void answer(HttpServerRequest request, Buffer body) {
    String gid = request.getParam("gid", "");
    String branch = gid + " " + request.getParam("branch_id", "");
    String op = request.getParam("op", "");
    long amount = body.length() == 0 ? 0 : body.toJsonObject().getLong("amount", 0L);
    Visit visit;
    switch (request.path()) {
      case "/withdraw" ->
          visit = act(gid, op, branch, "take " + amount + " from " + holder, -amount);
      case "/withdraw/undo" ->
          visit = undo(gid, op, branch, "give " + amount + " back to " + holder, -amount);
      case "/deposit" -> visit = act(gid, op, branch, "give " + amount + " to " + holder, amount);
      case "/deposit/undo" ->
          visit = undo(gid, op, branch, "take " + amount + " back from " + holder, amount);
      case null, default -> {
        request.response().setStatusCode(NOT_FOUND).end();
        return;
      }
    }
    witness.accept(visit);
    switch (visit.outcome()) {
      case DONE -> request.response().setStatusCode(OK).end("{\"dtm_result\":\"SUCCESS\"}");
      case REFUSED -> request.response().setStatusCode(CONFLICT).end(visit.words());
      case NO_ANSWER -> request.connection().close();
    }
  }

  private synchronized Visit act(String gid, String op, String branch, String wish, long change) {
    if (down) {
      return new Visit(name, gid, op, wish, Outcome.NO_ANSWER, "no answer: bank is down");
    }
    Step step = steps.get(branch);
    if (step == Step.DONE) {
      return new Visit(name, gid, op, wish, Outcome.DONE, "done before, " + has());
    }
    if (step == Step.UNDONE) {
      return new Visit(name, gid, op, wish, Outcome.DONE, "too late, undone already");
    }
    if (closed && change > 0) {
      return new Visit(name, gid, op, wish, Outcome.REFUSED, "refused: account closed");
    }
    if (balance + change < 0) {
      return new Visit(name, gid, op, wish, Outcome.REFUSED, "refused: too little money");
    }
    balance += change;
    steps.put(branch, Step.DONE);
    return new Visit(name, gid, op, wish, Outcome.DONE, "done, " + has());
  }

  private synchronized Visit undo(String gid, String op, String branch, String wish, long change) {
    if (down) {
      return new Visit(name, gid, op, wish, Outcome.NO_ANSWER, "no answer: bank is down");
    }
    Step step = steps.put(branch, Step.UNDONE);
    if (step == null) {
      return new Visit(name, gid, op, wish, Outcome.DONE, "nothing to undo");
    }
    if (step == Step.UNDONE) {
      return new Visit(name, gid, op, wish, Outcome.DONE, "undone before");
    }
    balance -= change;
    return new Visit(name, gid, op, wish, Outcome.DONE, "done, " + has());
  }

  private String has() {
    return holder + " has " + balance;
  }
}
