package io.dtm4j.engine;

import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.Options;
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
 * first step, {@code c1} its compensation, {@code q} the check-back.
 */
final class Given {
  static final String GID = "g";
  static final String HOST = "http://service/";

  private final TransType type;
  private final int steps;
  private Set<String> withoutUrl = Set.of();
  private String customData = "";
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
    List<String> payloads = new ArrayList<>();
    for (int step = 1; step <= steps; step++) {
      String compensate = type == TransType.SAGA ? url("c" + step) : "";
      urls.add(new Step(url("a" + step), compensate, ""));
      payloads.add("{\"step\":" + step + "}");
    }
    return new TransactionRequest(
        GID,
        type.wireName(),
        urls,
        payloads,
        type == TransType.MSG ? url("q") : "",
        "http",
        customData,
        new Options(
            false, timeoutToFail, requestTimeout, retryInterval, Map.of(), concurrent, retryLimit),
        "",
        Map.of());
  }

  Transaction transaction(Instant now) {
    return transaction(request(), now);
  }

  static Transaction transaction(TransactionRequest request, Instant now) {
    try {
      return Creation.of(request, now);
    } catch (Creation.RefusedException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  private String url(String name) {
    return withoutUrl.contains(name) ? "" : HOST + name;
  }
}
