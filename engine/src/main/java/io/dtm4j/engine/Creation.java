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
import io.dtm4j.protocol.GrpcAddress;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.Step;
import io.dtm4j.protocol.TransType;
import io.dtm4j.protocol.TransactionRequest;
import io.dtm4j.protocol.Transport;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes a transaction with its branch rows out of a request (docs/spec/http-api.md 3,
 * docs/spec/transactions.md 1.2 and 1.3), or says why it cannot be one. Whatever could make it
 * stick for ever is refused here.
 */
public final class Creation {
  /** The most branch rows a transaction may have. */
  public static final int MAX_BRANCHES = 10_000;

  /** The most bytes of text and payloads a transaction may have in all. */
  public static final int MAX_BYTES = 4 << 20;

  /** The longest time an option may name, in seconds: what fits the int columns of SQL stores. */
  private static final long MAX_SECONDS = Integer.MAX_VALUE;

  /** What stands for characters that could not be read. */
  private static final char REPLACEMENT = '\uFFFD';

  private static final String TOPIC = "topic://";

  /** What stands between the number of a step and that of a subscriber in a branch id. */
  private static final char SUBSCRIBER = '-';

  private static final int BRANCH_IDS = 100;
  private static final String[] BRANCH_ID = new String[BRANCH_IDS];

  static {
    for (int i = 0; i < BRANCH_IDS; i++) {
      BRANCH_ID[i] = String.format(Locale.ROOT, "%02d", i);
    }
  }

  private Creation() {}

  /** A request that makes no transaction. */
  public static final class RefusedException extends Exception {
    private static final long serialVersionUID = 1L;
    private final transient Reply reply;
    private final boolean byTopics;

    RefusedException(ErrorCode code, String message) {
      this(code, message, false);
    }

    RefusedException(ErrorCode code, String message, boolean byTopics) {
      super(message, null, false, false);
      reply = new Reply.Failed(code, message);
      this.byTopics = byTopics;
    }

    /** What the client is told. */
    public Reply reply() {
      return reply;
    }

    /**
     * Whether it is refused because of the topics as they are now. A message that is stored already
     * has its rows, so then this is no reason to refuse it.
     */
    public boolean isByTopics() {
      return byTopics;
    }
  }

  /**
   * The gid of a request.
   *
   * @throws RefusedException when it is missing, too long, or was not Unicode: what stands for
   *     broken characters is the same for all of them, so other gids would become this one
   */
  public static Gid gidOf(TransactionRequest request) throws RefusedException {
    return gidOf(request.gid());
  }

  /**
   * Refuses names that are too long, and those with broken characters: names that differ in these
   * only would be one.
   *
   * @param limit in characters
   */
  public static void checkName(String what, String name, int limit) throws RefusedException {
    checkLength(what, name, limit);
    if (name.indexOf(REPLACEMENT) >= 0) {
      throw new RefusedException(
          ErrorCode.BAD_REQUEST, what + " has characters that are not Unicode (U+FFFD or worse)");
    }
  }

  /** Refuses texts of more characters than that. */
  public static void checkLength(String what, String text, int limit) throws RefusedException {
    if (text.length() > limit) {
      throw new RefusedException(
          ErrorCode.LIMIT_EXCEEDED,
          what + " of " + text.length() + " characters (limit: " + limit + ")");
    }
  }

  static Gid gidOf(String gid) throws RefusedException {
    if (gid.isEmpty()) {
      throw new RefusedException(ErrorCode.BAD_REQUEST, "gid is missing");
    }
    checkName("gid", gid, Gid.MAX_LENGTH);
    return new Gid(gid);
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
    checkSize(definition, branches, !topicsOf(request).isEmpty());
    if (isGrpc(definition, definition.queryPrepared())
        || branches.stream().anyMatch(branch -> isGrpc(definition, branch.url()))) {
      checkMetadata(gid, definition);
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
    return typeOf(request.transType());
  }

  static TransType typeOf(String transType) throws RefusedException {
    TransType type = TransType.of(transType);
    if (type == null) {
      throw new RefusedException(
          ErrorCode.UNKNOWN_TRANS_TYPE,
          "unknown trans_type (expected: saga, tcc, xa, msg or workflow)");
    }
    return type;
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
    checkUrl("query_prepared", request.queryPrepared(), request.protocol());
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
    checkCount((long) rows.size() + subscribers.size(), true);
    for (int i = 0; i < subscribers.size(); i++) {
      checkUrl("subscriber " + (i + 1) + " of step " + id, subscribers.get(i), protocol, true);
    }
    if (subscribers.size() == 1) {
      rows.add(row(id, Op.ACTION, subscribers.getFirst(), protocol, payload, now));
      return;
    }
    for (int i = 0; i < subscribers.size(); i++) {
      String one = id + SUBSCRIBER + branchId(i + 1);
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
    checkUrl("query_prepared", request.queryPrepared(), request.protocol());
  }

  private static RefusedException refused(IllegalArgumentException e) {
    return new RefusedException(ErrorCode.BAD_REQUEST, String.valueOf(e.getMessage()));
  }

  private static Branch row(
      String id, Op op, String url, String protocol, Payload payload, Instant now)
      throws RefusedException {
    checkUrl(op.wireName() + " of step " + id, url, protocol);
    return Branch.open(new BranchKey(id, op), url, payload, now);
  }

  /**
   * A url that no transport understands would be tried for ever, so it is refused at once.
   *
   * @param protocol of the transaction
   */
  static void checkUrl(String what, String url, String protocol) throws RefusedException {
    checkUrl(what, url, protocol, false);
  }

  private static void checkUrl(String what, String url, String protocol, boolean byTopics)
      throws RefusedException {
    if (url.isEmpty()) {
      return;
    }
    switch (Transport.of(protocol, url)) {
      case HTTP -> {
        if (!isHttp(url, "http://") && !isHttp(url, "https://")) {
          throw new RefusedException(
              ErrorCode.BAD_REQUEST,
              what + ": url without http:// or https:// and a host",
              byTopics);
        }
      }
      case GRPC -> {
        try {
          GrpcAddress.of(url);
        } catch (IllegalArgumentException e) {
          throw new RefusedException(ErrorCode.BAD_REQUEST, what + ": " + e.getMessage(), byTopics);
        }
      }
    }
  }

  /**
   * Whether rows that a client registers can be called at all.
   *
   * @throws RefusedException when they cannot
   */
  static void checkCallable(Transaction transaction, List<Branch> rows) throws RefusedException {
    Definition definition = transaction.definition();
    for (Branch row : rows) {
      checkUrl(row.key().op().wireName(), row.url(), definition.protocol());
      if (isGrpc(definition, row.url())) {
        checkMetadata(transaction.gid(), definition);
        checkMetadata("branch_id", row.key().branchId());
      }
    }
  }

  private static boolean isGrpc(Definition definition, String url) {
    return !url.isEmpty() && Transport.of(definition.protocol(), url) == Transport.GRPC;
  }

  /** What goes along as metadata of gRPC must be such that it can. */
  private static void checkMetadata(Gid gid, Definition definition) throws RefusedException {
    checkMetadata("gid", gid.value());
    for (Map.Entry<String, String> header : definition.options().branchHeaders().entrySet()) {
      if (!GrpcAddress.isMetadataKey(header.getKey())) {
        throw new RefusedException(
            ErrorCode.BAD_REQUEST, "branch_headers: a name that gRPC cannot send");
      }
      checkMetadata("branch_headers", header.getValue());
    }
    if (definition.type() == TransType.WORKFLOW) {
      checkMetadata("custom_data: name", CustomData.workflow(definition.customData()).name());
    }
  }

  private static void checkMetadata(String what, String value) throws RefusedException {
    if (!GrpcAddress.isMetadata(value)) {
      throw new RefusedException(
          ErrorCode.BAD_REQUEST, what + " has characters that gRPC cannot send (expected: ASCII)");
    }
  }

  private static boolean isHttp(String url, String scheme) {
    return url.regionMatches(true, 0, scheme, 0, scheme.length())
        && url.length() > scheme.length()
        && "/?#:".indexOf(url.charAt(scheme.length())) < 0;
  }

  private static List<Payload> payloadsOf(TransactionRequest request, int rowsPerStep)
      throws RefusedException {
    int steps = request.steps().size();
    checkCount((long) steps * rowsPerStep, false);
    if (request.payloads().size() < steps) {
      throw new RefusedException(
          ErrorCode.BAD_REQUEST,
          request.payloads().size() + " payloads (expected: one for each of " + steps + " steps)");
    }
    return request.payloads().subList(0, steps);
  }

  // ---- limits

  private static void checkCount(long branches, boolean byTopics) throws RefusedException {
    if (branches > MAX_BRANCHES) {
      throw new RefusedException(
          ErrorCode.LIMIT_EXCEEDED, branches + " branches (limit: " + MAX_BRANCHES + ")", byTopics);
    }
  }

  private static void checkSize(Definition definition, List<Branch> branches, boolean byTopics)
      throws RefusedException {
    checkBytes(sizeOf(definition, branches), byTopics);
  }

  private static void checkBytes(long bytes, boolean byTopics) throws RefusedException {
    if (bytes > MAX_BYTES) {
      throw new RefusedException(
          ErrorCode.LIMIT_EXCEEDED,
          "transaction of " + bytes + " bytes (limit: " + MAX_BYTES + ")",
          byTopics);
    }
  }

  /**
   * Whether rows still fit.
   *
   * @throws RefusedException when they do not
   */
  static void checkGrowth(Transaction transaction, List<Branch> more) throws RefusedException {
    List<Branch> all = new ArrayList<>(transaction.branches());
    for (Branch branch : more) {
      if (transaction.branches().stream().noneMatch(one -> one.key().equals(branch.key()))) {
        all.add(branch);
      }
    }
    if (all.size() > transaction.branches().size()) {
      checkCount(all.size(), false);
      checkSize(transaction.definition(), all, false);
    }
  }

  /**
   * Whether a text still fits.
   *
   * @throws RefusedException when it does not
   */
  static void checkGrowth(Transaction transaction, String more) throws RefusedException {
    checkBytes(sizeOf(transaction.definition(), transaction.branches()) + bytesOf(more), false);
  }

  /** The texts, and the payload of each step once. */
  private static long sizeOf(Definition definition, List<Branch> branches) {
    long bytes = bytesOf(definition.queryPrepared()) + bytesOf(definition.customData());
    for (Map.Entry<String, String> header : definition.options().branchHeaders().entrySet()) {
      bytes += bytesOf(header.getKey()) + bytesOf(header.getValue());
    }
    Branch last = null;
    for (Branch branch : branches) {
      bytes += bytesOf(branch.url());
      if (last == null || !isOfSameStep(last, branch)) {
        bytes += branch.payload().bytes().length;
      }
      last = branch;
    }
    return bytes;
  }

  private static boolean isOfSameStep(Branch one, Branch other) {
    return stepOf(one.key().branchId()).equals(stepOf(other.key().branchId()))
        && one.payload().equals(other.payload());
  }

  private static String stepOf(String branchId) {
    int end = branchId.indexOf(SUBSCRIBER);
    return end < 0 ? branchId : branchId.substring(0, end);
  }

  private static long bytesOf(String text) {
    long bytes = text.length();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c >= 0x80) {
        bytes += c < 0x800 || Character.isSurrogate(c) ? 1 : 2; // a pair has four bytes
      }
    }
    return bytes;
  }

  private static String branchId(int number) {
    return number < BRANCH_IDS ? BRANCH_ID[number] : Integer.toString(number);
  }
}
