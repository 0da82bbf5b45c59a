package io.dtm4j.engine;

import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Payload;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.CustomData;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.Step;
import io.dtm4j.protocol.TransType;
import io.dtm4j.protocol.TransactionRequest;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

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

    RefusedException(ErrorCode code, String message) {
      super(message, null, false, false);
      reply = new Reply.Failed(code, message);
    }

    /** What the client is told. */
    public Reply reply() {
      return reply;
    }
  }

  /**
   * The gid of a request.
   *
   * @throws RefusedException when it is missing, too long, or was not Unicode: what stands for
   *     broken characters is the same for all of them, so other gids would become this one
   */
  public static Gid gidOf(TransactionRequest request) throws RefusedException {
    int length = request.gid().length();
    if (length == 0) {
      throw new RefusedException(ErrorCode.BAD_REQUEST, "gid is missing");
    }
    if (length > Gid.MAX_LENGTH) {
      throw new RefusedException(
          ErrorCode.LIMIT_EXCEEDED,
          "gid of " + length + " characters (limit: " + Gid.MAX_LENGTH + ")");
    }
    if (request.gid().indexOf(REPLACEMENT) >= 0) {
      throw new RefusedException(
          ErrorCode.BAD_REQUEST, "gid has characters that are not Unicode (U+FFFD or worse)");
    }
    return new Gid(request.gid());
  }

  /**
   * The transaction that a request describes, in status {@code prepared}, without a schedule.
   *
   * @throws RefusedException when it describes none
   */
  public static Transaction of(TransactionRequest request, Instant now) throws RefusedException {
    Gid gid = gidOf(request);
    TransType type = typeOf(request);
    checkOptions(request.options());
    checkProtocol(request.protocol());
    List<Branch> branches =
        switch (type) {
          case SAGA -> sagaRows(request, now);
          case MSG -> msgRows(request, now);
          case TCC, XA, WORKFLOW -> throw notYet(type.wireName());
        };
    var definition =
        new Definition(
            type,
            request.protocol(),
            request.queryPrepared(),
            request.customData(),
            request.options(),
            now);
    var state =
        new State(
            GlobalStatus.PREPARED, "", "", now, null, new Schedule(Duration.ZERO, now), Extra.NONE);
    return new Transaction(gid, definition, state, branches);
  }

  private static TransType typeOf(TransactionRequest request) throws RefusedException {
    TransType type = TransType.of(request.transType());
    if (type == null) {
      throw new RefusedException(
          ErrorCode.UNKNOWN_TRANS_TYPE,
          "unknown trans_type (expected: saga, tcc, xa, msg or workflow)");
    }
    return type;
  }

  private static RefusedException notYet(String what) {
    return new RefusedException(
        ErrorCode.MODE_NOT_SUPPORTED, what + " is not supported by this version of the server");
  }

  private static void checkProtocol(String protocol) throws RefusedException {
    switch (protocol) {
      case "http" -> {}
      case "grpc", "json-rpc" -> throw notYet("protocol " + protocol);
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
      rows.add(row(id, Op.COMPENSATE, urls.compensate(), payload, now));
      rows.add(row(id, Op.ACTION, urls.action(), payload, now));
    }
    return rows;
  }

  private static List<Branch> msgRows(TransactionRequest request, Instant now)
      throws RefusedException {
    List<Payload> payloads = payloadsOf(request, 1);
    try {
      checkRange("custom_data: delay", CustomData.delay(request.customData()));
    } catch (IllegalArgumentException e) {
      throw refused(e);
    }
    checkUrl("query_prepared", request.queryPrepared());
    List<Branch> rows = new ArrayList<>(payloads.size());
    for (int step = 0; step < payloads.size(); step++) {
      String url = request.steps().get(step).action();
      String id = branchId(step + 1);
      if (url.startsWith(TOPIC)) {
        throw new RefusedException(ErrorCode.TOPIC_NOT_FOUND, "topic not found in step " + id);
      }
      rows.add(row(id, Op.ACTION, url, payloads.get(step), now));
    }
    return rows;
  }

  private static RefusedException refused(IllegalArgumentException e) {
    return new RefusedException(ErrorCode.BAD_REQUEST, String.valueOf(e.getMessage()));
  }

  private static Branch row(String id, Op op, String url, Payload payload, Instant now)
      throws RefusedException {
    checkUrl(op.wireName() + " of step " + id, url);
    return Branch.open(new BranchKey(id, op), url, payload, now);
  }

  /** A url that no transport understands would be tried for ever, so it is refused at once. */
  private static void checkUrl(String what, String url) throws RefusedException {
    if (!url.isEmpty() && !isHttp(url, "http://") && !isHttp(url, "https://")) {
      throw new RefusedException(
          ErrorCode.BAD_REQUEST, what + ": url without http:// or https:// and a host");
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
    if (steps * rowsPerStep > MAX_BRANCHES) {
      throw new RefusedException(
          ErrorCode.LIMIT_EXCEEDED,
          steps * rowsPerStep + " branches (limit: " + MAX_BRANCHES + ")");
    }
    if (request.payloads().size() < steps) {
      throw new RefusedException(
          ErrorCode.BAD_REQUEST,
          request.payloads().size() + " payloads (expected: one for each of " + steps + " steps)");
    }
    List<Payload> payloads = new ArrayList<>(steps);
    long bytes = bytesOfTexts(request);
    for (String text : request.payloads().subList(0, steps)) {
      Payload payload = Payload.of(text);
      bytes += payload.bytes().length;
      payloads.add(payload);
    }
    if (bytes > MAX_BYTES) {
      throw new RefusedException(
          ErrorCode.LIMIT_EXCEEDED,
          "transaction of " + bytes + " bytes (limit: " + MAX_BYTES + ")");
    }
    return payloads;
  }

  private static long bytesOfTexts(TransactionRequest request) {
    long bytes = bytesOf(request.queryPrepared()) + bytesOf(request.customData());
    for (Step step : request.steps()) {
      bytes += bytesOf(step.action()) + bytesOf(step.compensate());
    }
    for (Map.Entry<String, String> header : request.options().branchHeaders().entrySet()) {
      bytes += bytesOf(header.getKey()) + bytesOf(header.getValue());
    }
    return bytes;
  }

  private static long bytesOf(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }

  private static String branchId(int number) {
    return number < BRANCH_IDS ? BRANCH_ID[number] : Integer.toString(number);
  }
}
