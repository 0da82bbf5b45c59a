package io.dtm4j.engine;

import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.Step;
import io.dtm4j.protocol.TransType;
import io.dtm4j.protocol.TransactionRequest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a client asks for. The urls are named after what they do: {@code a1} is the action of the
 * first step, {@code c1} its compensation; {@code k1} confirms and {@code x1} cancels the first
 * branch of a TCC, {@code b1} is that of an XA; {@code q} is the check-back of a message and the
 * resume of a workflow.
 */
final class Given {
  static final String GID = "g";
  static final String HOST = "http://service/";
  static final String WORKFLOW_DATA = "{\"name\":\"buy\",\"data\":\"aGk=\"}";

  private final TransType type;
  private final int steps;
  private Set<String> withoutUrl = Set.of();
  private String customData = "";
  private boolean waitResult;
  private boolean concurrent;
  private long timeoutToFail;
  private long requestTimeout;
  private long retryInterval;
  private long retryLimit;

  private Given(TransType type, int steps) {
    this.type = type;
    this.steps = steps;
  }

  static Given saga(int steps) {
    return new Given(TransType.SAGA, steps);
  }

  static Given msg(int steps) {
    return new Given(TransType.MSG, steps);
  }

  static Given tcc() {
    return new Given(TransType.TCC, 0);
  }

  static Given xa() {
    return new Given(TransType.XA, 0);
  }

  /** The workflow {@code buy} with the input {@code hi}. */
  static Given workflow() {
    return new Given(TransType.WORKFLOW, 0).customData(WORKFLOW_DATA);
  }

  TransType type() {
    return type;
  }

  Given waiting() {
    waitResult = true;
    return this;
  }

  Given without(String... urls) {
    withoutUrl = Set.of(urls);
    return this;
  }

  Given customData(String json) {
    customData = json;
    return this;
  }

  /** All steps that may run do; a saga says so in its custom data, a message in its options. */
  Given concurrent() {
    concurrent = type == TransType.MSG;
    return type == TransType.SAGA ? customData("{\"concurrent\":true}") : this;
  }

  /** A concurrent saga of which some steps (from 0) wait for others. */
  Given orders(String json) {
    return customData("{\"concurrent\":true,\"orders\":" + json + "}");
  }

  Given delay(long seconds) {
    return customData("{\"delay\":" + seconds + "}");
  }

  Given timeoutToFail(long seconds) {
    timeoutToFail = seconds;
    return this;
  }

  Given requestTimeout(long seconds) {
    requestTimeout = seconds;
    return this;
  }

  Given retryInterval(long seconds) {
    retryInterval = seconds;
    return this;
  }

  Given retryLimit(long repeats) {
    retryLimit = repeats;
    return this;
  }

  TransactionRequest request() {
    List<Step> urls = new ArrayList<>();
    List<Payload> payloads = new ArrayList<>();
    for (int step = 1; step <= steps; step++) {
      String compensate = type == TransType.SAGA ? url("c" + step) : "";
      urls.add(new Step(url("a" + step), compensate, ""));
      payloads.add(Payload.of("{\"step\":" + step + "}"));
    }
    return new TransactionRequest(
        GID,
        type.wireName(),
        urls,
        payloads,
        type == TransType.MSG || type == TransType.WORKFLOW ? url("q") : "",
        "http",
        customData,
        new Options(
            waitResult,
            timeoutToFail,
            requestTimeout,
            retryInterval,
            Map.of(),
            concurrent,
            retryLimit),
        "",
        Map.of(),
        null);
  }

  /** Registers a branch of a TCC or XA. */
  BranchRequest branch(int number) {
    return new BranchRequest(
        GID,
        type.wireName(),
        "0" + number,
        Payload.of("{\"branch\":" + number + "}"),
        url("k" + number),
        url("x" + number),
        url("b" + number),
        "",
        "");
  }

  /** Registers a step of a workflow. */
  static BranchRequest step(int number, String op, String status) {
    return new BranchRequest(
        GID, "workflow", "0" + number, Payload.of("step " + number), "", "", "", op, status);
  }

  Transaction transaction(Instant now) {
    return transaction(request(), now);
  }

  static Transaction transaction(TransactionRequest request, Instant now) {
    try {
      return Creation.of(request, Topics.NONE, now);
    } catch (RefusedException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  private String url(String name) {
    return withoutUrl.contains(name) ? "" : HOST + name;
  }
}
