package io.dtm4j.coordinator;

import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.Step;
import io.dtm4j.protocol.TransactionRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Makes requests as clients send them. */
final class Requests {
  private final String gid;
  private final String type;
  private final List<Step> steps = new ArrayList<>();
  private final List<Payload> payloads = new ArrayList<>();
  private String queryPrepared = "";
  private String customData = "";
  private boolean waitResult;
  private long timeoutToFail;
  private long requestTimeout;
  private long retryInterval;
  private boolean concurrent;
  private long retryLimit;
  private String reason = "";
  private Map<String, String> reqExtra = Map.of();
  private Map<String, String> headers = Map.of();

  private Requests(String gid, String type) {
    this.gid = gid;
    this.type = type;
  }

  static Requests saga(String gid) {
    return new Requests(gid, "saga");
  }

  /** Steps {@code http://bank/a1} with {@code http://bank/c1}, and so on. */
  static Requests saga(String gid, int steps) {
    Requests saga = saga(gid);
    for (int step = 1; step <= steps; step++) {
      saga.step("http://bank/a" + step, "http://bank/c" + step);
    }
    return saga;
  }

  /** Without branches; checked back at {@code http://shop/query}. */
  static Requests message(String gid) {
    return new Requests(gid, "msg").queryPrepared("http://shop/query");
  }

  /** Branches {@code http://bank/m1} and so on; checked back at {@code http://shop/query}. */
  static Requests message(String gid, int branches) {
    Requests message = message(gid);
    for (int branch = 1; branch <= branches; branch++) {
      message.step("http://bank/m" + branch, "");
    }
    return message;
  }

  /** Confirmed at {@code http://bank/k1}, cancelled at {@code http://bank/x1}, and so on. */
  static Requests tcc(String gid) {
    return new Requests(gid, "tcc");
  }

  /** Committed and rolled back at {@code http://bank/b1}, and so on. */
  static Requests xa(String gid) {
    return new Requests(gid, "xa");
  }

  /** Called back at {@code http://shop/resume}. */
  static Requests workflow(String gid) {
    return new Requests(gid, "workflow")
        .queryPrepared("http://shop/resume")
        .customData("{\"name\":\"buy\",\"data\":\"aGk=\"}");
  }

  Requests step(String action, String compensate) {
    return step(action, compensate, Payload.of("{}"));
  }

  Requests step(String action, String compensate, Payload payload) {
    steps.add(new Step(action, compensate, ""));
    payloads.add(payload);
    return this;
  }

  Requests waiting() {
    waitResult = true;
    return this;
  }

  Requests queryPrepared(String url) {
    queryPrepared = url;
    return this;
  }

  /**
   * A saga of two steps that is concurrent, and whose second one waits for the first all the same.
   */
  Requests oneByOne() {
    return customData("{\"concurrent\":true,\"orders\":{\"1\":[0]}}");
  }

  Requests customData(String json) {
    customData = json;
    return this;
  }

  Requests concurrent() {
    concurrent = true;
    return type.equals("saga") ? customData("{\"concurrent\":true}") : this;
  }

  Requests headers(Map<String, String> branchHeaders) {
    headers = branchHeaders;
    return this;
  }

  Requests timeoutToFail(long seconds) {
    timeoutToFail = seconds;
    return this;
  }

  Requests requestTimeout(long seconds) {
    requestTimeout = seconds;
    return this;
  }

  Requests retryInterval(long seconds) {
    retryInterval = seconds;
    return this;
  }

  Requests retryLimit(long limit) {
    retryLimit = limit;
    return this;
  }

  TransactionRequest request() {
    var options =
        new Options(
            waitResult,
            timeoutToFail,
            requestTimeout,
            retryInterval,
            headers,
            concurrent,
            retryLimit);
    return new TransactionRequest(
        gid,
        type,
        steps,
        payloads,
        queryPrepared,
        "http",
        customData,
        options,
        reason,
        reqExtra,
        null);
  }

  /** Registers a branch of a tcc or xa. */
  BranchRequest branch(int number) {
    return new BranchRequest(
        gid,
        type,
        "0" + number,
        Payload.of("{}"),
        "http://bank/k" + number,
        "http://bank/x" + number,
        "http://bank/b" + number,
        "",
        "");
  }

  /** Registers a step of a workflow. */
  BranchRequest step(int number, String op) {
    return new BranchRequest(
        gid, type, "0" + number, Payload.of("result"), "", "", "", op, "succeed");
  }

  /** Ends a workflow. */
  Command end(String status) {
    reqExtra = Map.of("status", status);
    return submit();
  }

  Command abort(String because) {
    reason = because;
    return abort();
  }

  Command reset() {
    return command(Command.Kind.RESET_NEXT_CRON_TIME);
  }

  Command command(Command.Kind kind) {
    return new Command(kind, request());
  }

  Command submit() {
    return command(Command.Kind.SUBMIT);
  }

  Command prepare() {
    return command(Command.Kind.PREPARE);
  }

  Command abort() {
    return command(Command.Kind.ABORT);
  }

  Command forceStop() {
    return command(Command.Kind.FORCE_STOP);
  }
}
