package io.dtm4j.engine;

import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.CustomData;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.Step;
import io.dtm4j.protocol.TransType;
import io.dtm4j.protocol.TransactionRequest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes a transaction with its branch rows out of a request (docs/spec/http-api.md 3,
 * docs/spec/transactions.md 1.2 and 1.3), or says why it cannot be one.
 */
public final class Creation {
  /** The longest time an option may name, in seconds: what fits the int columns of SQL stores. */
  private static final long MAX_SECONDS = Integer.MAX_VALUE;

  private static final String TOPIC = "topic://";

  private static final int BRANCH_IDS = 100;
  private static final String[] BRANCH_ID = new String[BRANCH_IDS];

  static {
    for (int i = 0; i < BRANCH_IDS; i++) {
      BRANCH_ID[i] = String.format(Locale.ROOT, "%02d", i);
    }
  }

  private Creation() {}

  /**
   * The gid of a request.
   *
   * @throws RefusedException when it can be none
   */
  public static Gid gidOf(TransactionRequest request) throws RefusedException {
    return Bounds.gidOf(request.gid());
  }

  /**
   * The transaction that a request describes, in status {@code prepared}, without a schedule.
   *
   * @param topics who receives what a message sends to topics
   * @throws RefusedException when it describes none
   */
  public static Transaction of(TransactionRequest request, Topics topics, Instant now)
      throws RefusedException {
    Gid gid = gidOf(request);
    TransType type = typeOf(request);
    checkOptions(request.options());
    checkProtocol(request.protocol());
    List<Branch> branches =
        switch (type) {
          case SAGA -> sagaRows(request, now);
          case MSG -> msgRows(request, topics, now);
          case TCC, XA -> List.of(); // registered later
          case WORKFLOW -> {
            checkWorkflow(request);
            yield List.of();
          }
        };
    var definition =
        new Definition(
            type,
            request.protocol(),
            request.queryPrepared(),
            request.customData(),
            request.options(),
            now);
    Bounds.checkPlain(definition);
    Bounds.checkSize(definition, branches, !topicsOf(request).isEmpty());
    if (Bounds.isGrpc(definition, definition.queryPrepared())
        || branches.stream().anyMatch(branch -> Bounds.isGrpc(definition, branch.url()))) {
      Bounds.checkMetadata(gid, definition);
    }
    Extra extra = request.trace() == null ? Extra.NONE : Extra.NONE.withTrace(request.trace());
    var state =
        new State(
            GlobalStatus.PREPARED, "", "", now, null, new Schedule(Duration.ZERO, now), extra);
    return new Transaction(gid, definition, state, branches);
  }

  /**
   * The workflow that a request describes.
   *
   * @throws RefusedException when it describes none
   */
  public static Transaction workflow(TransactionRequest request, Instant now)
      throws RefusedException {
    TransType type = typeOf(request);
    if (type != TransType.WORKFLOW) {
      throw new RefusedException(
          ErrorCode.BAD_REQUEST, "trans_type: " + type.wireName() + " (expected: workflow)");
    }
    return of(request, Topics.NONE, now);
  }

  private static TransType typeOf(TransactionRequest request) throws RefusedException {
    return Bounds.typeOf(request.transType());
  }

  private static void checkProtocol(String protocol) throws RefusedException {
    switch (protocol) {
      case "http", "grpc", "json-rpc" -> {}
      default ->
          throw new RefusedException(
              ErrorCode.BAD_REQUEST, "unknown protocol (expected: http, grpc or json-rpc)");
    }
  }

  private static void checkOptions(Options options) throws RefusedException {
    checkRange("timeout_to_fail", options.timeoutToFail());
    checkRange("request_timeout", options.requestTimeout());
    checkRange("retry_interval", options.retryInterval());
    checkRange("retry_limit", options.retryLimit());
  }

  private static void checkRange(String name, long value) throws RefusedException {
    if (value < 0 || value > MAX_SECONDS) {
      throw new RefusedException(
          ErrorCode.BAD_REQUEST, name + ": " + value + " (expected: 0 to " + MAX_SECONDS + ")");
    }
  }

  private static List<Branch> sagaRows(TransactionRequest request, Instant now)
      throws RefusedException {
    List<Payload> payloads = payloadsOf(request, 2);
    try {
      Plan.of(CustomData.saga(request.customData()), payloads.size());
    } catch (IllegalArgumentException e) {
      throw refused(e);
    }
    List<Branch> rows = new ArrayList<>(2 * payloads.size());
    for (int step = 0; step < payloads.size(); step++) {
      Step urls = request.steps().get(step);
      String id = branchId(step + 1);
      Payload payload = payloads.get(step);
      rows.add(row(id, Op.COMPENSATE, urls.compensate(), request.protocol(), payload, now));
      rows.add(row(id, Op.ACTION, urls.action(), request.protocol(), payload, now));
    }
    return rows;
  }

  private static List<Branch> msgRows(TransactionRequest request, Topics topics, Instant now)
      throws RefusedException {
    List<Payload> payloads = payloadsOf(request, 1);
    try {
      checkRange("custom_data: delay", CustomData.delay(request.customData()));
    } catch (IllegalArgumentException e) {
      throw refused(e);
    }
    Bounds.checkUrl("query_prepared", request.queryPrepared(), request.protocol());
    List<Branch> rows = new ArrayList<>(payloads.size());
    for (int step = 0; step < payloads.size(); step++) {
      String url = request.steps().get(step).action();
      String id = branchId(step + 1);
      if (url.startsWith(TOPIC)) {
        addSubscribers(
            rows,
            id,
            topics.subscribersOf(url.substring(TOPIC.length())),
            request.protocol(),
            payloads.get(step),
            now);
      } else {
        rows.add(row(id, Op.ACTION, url, request.protocol(), payloads.get(step), now));
      }
      Bounds.checkCount(rows.size(), true); // as steps they are few enough
    }
    return rows;
  }

  /** 7.1: each subscriber is a row of its own, with the payload of the step. */
  private static void addSubscribers(
      List<Branch> rows,
      String id,
      @Nullable List<String> subscribers,
      String protocol,
      Payload payload,
      Instant now)
      throws RefusedException {
    if (subscribers == null || subscribers.isEmpty()) {
      throw new RefusedException(ErrorCode.TOPIC_NOT_FOUND, "topic not found in step " + id, true);
    }
    for (int i = 0; i < subscribers.size(); i++) {
      Bounds.checkUrl(
          "subscriber " + (i + 1) + " of step " + id, subscribers.get(i), protocol, true);
    }
    if (subscribers.size() == 1) {
      rows.add(row(id, Op.ACTION, subscribers.getFirst(), protocol, payload, now));
      return;
    }
    for (int i = 0; i < subscribers.size(); i++) {
      String one = id + Bounds.SUBSCRIBER + branchId(i + 1);
      rows.add(row(one, Op.ACTION, subscribers.get(i), protocol, payload, now));
    }
  }

  /** The topics that a message names; whoever creates it has to know their subscribers. */
  public static Set<String> topicsOf(TransactionRequest request) {
    Set<String> topics = Set.of();
    for (Step step : request.steps()) {
      if (step.action().startsWith(TOPIC) && request.transType().equals(TransType.MSG.wireName())) {
        topics = topics.isEmpty() ? new LinkedHashSet<>() : topics;
        topics.add(step.action().substring(TOPIC.length()));
      }
    }
    return topics;
  }

  private static void checkWorkflow(TransactionRequest request) throws RefusedException {
    try {
      CustomData.workflow(request.customData());
    } catch (IllegalArgumentException e) {
      throw refused(e);
    }
    Bounds.checkUrl("query_prepared", request.queryPrepared(), request.protocol());
  }

  private static RefusedException refused(IllegalArgumentException e) {
    return new RefusedException(ErrorCode.BAD_REQUEST, String.valueOf(e.getMessage()));
  }

  private static Branch row(
      String id, Op op, String url, String protocol, Payload payload, Instant now)
      throws RefusedException {
    Bounds.checkUrl(op.wireName() + " of step " + id, url, protocol);
    return Branch.open(new BranchKey(id, op), url, payload, now);
  }

  private static List<Payload> payloadsOf(TransactionRequest request, int rowsPerStep)
      throws RefusedException {
    int steps = request.steps().size();
    Bounds.checkCount((long) steps * rowsPerStep, false);
    if (request.payloads().size() < steps) {
      throw new RefusedException(
          ErrorCode.BAD_REQUEST,
          request.payloads().size() + " payloads (expected: one for each of " + steps + " steps)");
    }
    return request.payloads().subList(0, steps);
  }

  private static String branchId(int number) {
    return number < BRANCH_IDS ? BRANCH_ID[number] : Integer.toString(number);
  }
}
