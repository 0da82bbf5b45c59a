package io.dtm4j.server.http;

import io.dtm4j.coordinator.Caller;
import io.dtm4j.engine.Call;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.HttpAnswers;
import io.dtm4j.protocol.JsonRpcCalls;
import io.dtm4j.protocol.TransType;
import io.dtm4j.protocol.UnreadableRequestException;
import io.netty.buffer.Unpooled;
import io.vertx.core.Future;
import io.vertx.core.MultiMap;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.internal.buffer.BufferInternal;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One call of a participant, from its url to its answer, over redirects and the repeat on a fresh
 * connection. Belongs to its caller's loop. Whatever happens it ends once.
 */
final class Outgoing extends Deadlines.Entry {
  private static final Logger log = LoggerFactory.getLogger(Outgoing.class);

  private static final String JSON_RPC = "json-rpc";
  private static final int MAX_REDIRECTS = 10;
  private static final int SHORT_REQUEST = 4 << 10;
  private static final int SHOWN_OF_LONG_ANSWERS = 1_024;

  /** The most characters that are kept of an answer once it is understood. */
  private static final int LONGEST_TEXT = 16 << 10;

  private static final RequestOptions NOTHING_SPECIAL = new RequestOptions();

  private static final String TIMEOUT = "timeout=";
  private static final int MAX_DIGITS = 9;
  private static final long MAX_KEPT_SECONDS = 60;
  private static final Address NOWHERE = Address.of("http://nowhere", false);

  private static final int MOVED_PERMANENTLY = 301;
  private static final int FOUND = 302;
  private static final int SEE_OTHER = 303;
  private static final int TEMPORARY_REDIRECT = 307;
  private static final int PERMANENT_REDIRECT = 308;

  private final HttpCaller.LoopCaller caller;
  private final Call call;
  private final Caller.Ended ended;

  private HttpMethod method;
  private byte[] content;
  private boolean hasBody;
  private boolean speaksJsonRpc;
  private int redirects;

  /** A redirect led to another host, which must not see the client's secrets. */
  private boolean abroad;

  /** The host of the first url. */
  private String home = "";

  private Address address = NOWHERE;
  private String target = "";

  /** Where it waits for a connection; null: it does not. */
  private @Nullable Destination waitsAt;

  private Destination.@Nullable Connection connection;
  private boolean onKeptConnection;
  private @Nullable Future<Void> sent;

  /** Bytes of the room for answers that it has taken. */
  private int held;

  private boolean starting = true;
  private boolean over;

  Outgoing(HttpCaller.LoopCaller caller, Call call, Caller.Ended ended) {
    this.caller = caller;
    this.call = call;
    this.ended = ended;
    content = call.payload().bytes();
    hasBody = content.length > 0;
    // XA sends no body; a workflow may have no input, but nobody serves its resume by GET.
    boolean isPost = hasBody || call.type() == TransType.XA || call.type() == TransType.WORKFLOW;
    method = isPost ? HttpMethod.POST : HttpMethod.GET;
  }

  void start() {
    try {
      if (BranchHeaders.areLegal(call.headers())) {
        go(call.url());
      } else {
        failed("branch_headers: a name or value that no HTTP header can have");
      }
    } catch (RuntimeException e) {
      defect(e);
    }
    starting = false;
  }

  /** Whatever happens it ends. */
  private void defect(RuntimeException e) {
    log.atError().setCause(e).addKeyValue("gid", call.gid()).log("a call failed by a defect");
    failed("a defect of the server, its log has the cause");
  }

  boolean isOver() {
    return over;
  }

  /** Calls a url: the first one, or one that a redirect names. */
  private void go(String url) {
    if (!caller.policy.allows(url)) {
      failed("the address may not be called");
      return;
    }
    try {
      address = caller.addressOf(url);
    } catch (IllegalArgumentException e) {
      failed(textOf(e));
      return;
    }
    if (redirects == 0) {
      home = address.origin().host();
      String procedure = call.protocol().equals(JSON_RPC) ? address.parameter("method") : null;
      if (procedure == null) {
        target =
            address.targetWith(
                call.key().branchId(),
                call.gid().value(),
                call.key().op().wireName(),
                call.type().wireName());
      } else if (!becomesJsonRpc(procedure)) {
        return;
      }
    } else {
      abroad |= !isHome(address.origin().host());
      target = address.target();
    }
    connect();
  }

  /** Puts the transaction into the body (docs/spec/branch-calls.md 4); false: it has failed. */
  private boolean becomesJsonRpc(String procedure) {
    Map<String, String> transaction =
        Map.of(
            "gid", call.gid().value(),
            "trans_type", call.type().wireName(),
            "branch_id", call.key().branchId(),
            "op", call.key().op().wireName());
    try {
      content =
          JsonRpcCalls.body(Gid.random().value(), procedure, call.payload().bytes(), transaction);
    } catch (UnreadableRequestException e) {
      failed("a payload that is no JSON object cannot be sent by JSON-RPC");
      return false;
    }
    target = address.target();
    method = HttpMethod.POST;
    hasBody = true;
    speaksJsonRpc = true;
    return true;
  }

  private boolean isHome(String host) {
    return host.equals(home) || host.endsWith("." + home);
  }

  private void connect() {
    Destination destination = caller.destination(address.origin());
    waitsAt = destination;
    destination.connect(this);
  }

  /**
   * It has a connection for itself now.
   *
   * @param kept it has been used before, so the participant may just be closing it
   */
  void connected(Destination.Connection free, boolean kept) {
    waitsAt = null;
    connection = free;
    onKeptConnection = kept;
    free.use();
    sent = null;
    free.http
        .request(NOTHING_SPECIAL)
        .onComplete(
            (request, trouble) -> {
              if (connection != free) {
                return; // Its time was over meanwhile, and the connection is closed.
              }
              if (trouble != null) {
                broken(trouble);
              } else {
                write(request, free);
              }
            });
  }

  private void write(HttpClientRequest request, Destination.Connection used) {
    if (!ended.mayLeave()) {
      abandon();
      failed("not called: the server has no right to it any more");
      return;
    }
    request.setMethod(method).setURI(target);
    writeHeaders(request.headers());
    request
        .response()
        .onComplete(
            (response, trouble) -> {
              if (connection != used) {
                return;
              }
              if (trouble != null) {
                broken(trouble);
              } else {
                receive(response, used);
              }
            });
    sent = hasBody ? request.end(shared(content)) : request.end();
  }

  /** Not a copy: as many large ones may wait for slow participants as there are passes. */
  private static Buffer shared(byte[] content) {
    return BufferInternal.buffer(Unpooled.wrappedBuffer(content));
  }

  private void writeHeaders(MultiMap headers) {
    headers.set(HttpHeaders.HOST, address.authority());
    boolean ownType = false;
    for (Map.Entry<String, String> header : call.headers().entrySet()) {
      String name = header.getKey();
      if (!BranchHeaders.isOurs(name) && !(abroad && BranchHeaders.isSecret(name))) {
        headers.set(name, BranchHeaders.encoded(header.getValue()));
        ownType |= name.equalsIgnoreCase("content-type");
      }
    }
    if (!ownType) {
      headers.set(HttpHeaders.CONTENT_TYPE, HttpTexts.PLAIN_JSON);
      if (!headers.contains(HttpHeaders.ACCEPT)) {
        headers.set(HttpHeaders.ACCEPT, HttpTexts.PLAIN_JSON);
      }
    }
    if (!headers.contains(HttpHeaders.USER_AGENT)) {
      headers.set(HttpHeaders.USER_AGENT, HttpTexts.USER_AGENT);
    }
    if (!hasBody && HttpMethod.POST.equals(method)) {
      headers.set(HttpHeaders.CONTENT_LENGTH, HttpTexts.ZERO);
    }
    String authorization = address.basicAuthorization();
    if (authorization != null && !headers.contains(HttpHeaders.AUTHORIZATION)) {
      headers.set(HttpHeaders.AUTHORIZATION, authorization);
    }
  }

  private void receive(HttpClientResponse response, Destination.Connection used) {
    var body = new Body(caller.maxAnswer);
    response.handler(
        piece -> {
          if (connection == used) {
            add(piece, body, response.statusCode());
          }
        });
    response.exceptionHandler(
        trouble -> {
          if (connection == used) {
            broken(trouble);
          }
        });
    response.endHandler(
        _ -> {
          if (connection == used) {
            connection = null;
            used.release(keptFor(response));
            try {
              received(response, body);
            } catch (RuntimeException e) {
              defect(e);
            }
          }
        });
  }

  private void add(Buffer piece, Body body, int status) {
    int memory = body.memoryWith(piece.length());
    if (!caller.answers.take(memory - held, memory)) {
      abandon();
      failed("status " + status + ", and no memory for one more long answer");
      return;
    }
    held = memory;
    if (!body.add(piece)) {
      tooLong(status, body);
    }
  }

  /** What was received is not needed any more. */
  private void letGo() {
    caller.answers.give(held);
    held = 0;
  }

  private void received(HttpClientResponse response, Body body) {
    String location = redirectOf(response);
    if (location == null) {
      answer(response, body);
    } else if (redirects == MAX_REDIRECTS) {
      failed("more than " + MAX_REDIRECTS + " redirects");
    } else {
      redirect(response.statusCode(), location);
    }
  }

  /** How long the connection may be kept for another call, in nanoseconds. */
  private long keptFor(HttpClientResponse response) {
    String wish = response.getHeader(HttpHeaders.CONNECTION);
    boolean ends =
        response.version() == HttpVersion.HTTP_1_0
            ? wish == null || !wish.equalsIgnoreCase("keep-alive")
            : wish != null && wish.toLowerCase(Locale.ROOT).contains("close");
    if (ends || sent == null || !sent.succeeded()) {
      return 0;
    }
    String promise = response.getHeader(HttpTexts.KEEP_ALIVE);
    return promise == null
        ? caller.idleNanos
        : promised(promise.toLowerCase(Locale.ROOT), caller.idleNanos);
  }

  /** What {@code Keep-Alive: timeout=5} leaves when a second is taken off for safety. */
  private static long promised(String header, long otherwise) {
    int from = header.indexOf(TIMEOUT) + TIMEOUT.length();
    int end = from;
    while (end < header.length() && Character.digit(header.charAt(end), 10) >= 0) {
      end++;
    }
    if (from < TIMEOUT.length() || end == from || end > from + MAX_DIGITS) {
      return otherwise;
    }
    long seconds = Math.min(Integer.parseInt(header, from, end, 10) - 1, MAX_KEPT_SECONDS);
    return TimeUnit.SECONDS.toNanos(seconds);
  }

  private static @Nullable String redirectOf(HttpClientResponse response) {
    if (!isRedirect(response.statusCode())) {
      return null;
    }
    String location = response.getHeader(HttpHeaders.LOCATION);
    return location == null || location.isEmpty() ? null : location;
  }

  private static boolean isRedirect(int status) {
    return switch (status) {
      case MOVED_PERMANENTLY, FOUND, SEE_OTHER, TEMPORARY_REDIRECT, PERMANENT_REDIRECT -> true;
      default -> false;
    };
  }

  /** Follows a redirect by the rules of Go's client. */
  private void redirect(int status, String location) {
    letGo();
    redirects++;
    if (status < TEMPORARY_REDIRECT) {
      method = HttpMethod.GET;
      hasBody = false;
    }
    String url;
    try {
      url = address.resolve(location);
    } catch (RuntimeException e) { // a stranger's text must not break the way to an answer
      failed("a redirect to what is no url");
      return;
    }
    go(url);
  }

  private void answer(HttpClientResponse response, Body body) {
    byte[] bytes = body.bytes();
    int size = body.size();
    String encoding = response.getHeader(HttpHeaders.CONTENT_ENCODING);
    if (size > 0 && encoding != null && encoding.toLowerCase(Locale.ROOT).endsWith("gzip")) {
      try (var gzip = new GZIPInputStream(new ByteArrayInputStream(bytes, 0, size))) {
        bytes = gzip.readNBytes(caller.maxAnswer + 1);
        size = bytes.length;
      } catch (IOException e) {
        failed("status " + response.statusCode() + ": an answer that is not gzip, as it says");
        return;
      }
      if (size > caller.maxAnswer) {
        end(longAnswer(response.statusCode(), bytes));
        return;
      }
    }
    String text = new String(bytes, 0, size, StandardCharsets.UTF_8);
    end(
        shortened(
            speaksJsonRpc
                ? JsonRpcCalls.classify(response.statusCode(), text)
                : HttpAnswers.classify(response.statusCode(), text)));
  }

  /** Passes keep what was answered for those who wait, and there may be thousands of them. */
  private static BranchAnswer shortened(BranchAnswer answer) {
    return switch (answer) {
      case BranchAnswer.Success success -> success;
      case BranchAnswer.Failure(String text) -> new BranchAnswer.Failure(beginOf(text));
      case BranchAnswer.Ongoing(String text) -> new BranchAnswer.Ongoing(beginOf(text));
      case BranchAnswer.Unknown(String text) -> new BranchAnswer.Unknown(beginOf(text));
    };
  }

  private static String beginOf(String text) {
    return text.length() <= LONGEST_TEXT ? text : text.substring(0, LONGEST_TEXT);
  }

  private void tooLong(int status, Body body) {
    BranchAnswer answer = longAnswer(status, Arrays.copyOf(body.bytes(), body.size()));
    abandon();
    end(answer);
  }

  private BranchAnswer longAnswer(int status, byte[] bytes) {
    int shown = Math.min(bytes.length, SHOWN_OF_LONG_ANSWERS);
    return new BranchAnswer.Unknown(
        "status "
            + status
            + ", an answer of more than "
            + caller.maxAnswer
            + " bytes: "
            + new String(bytes, 0, shown, StandardCharsets.UTF_8));
  }

  /** The connection is lost. */
  private void broken(Throwable trouble) {
    // A short request into the empty buffer of a kept connection is written as a whole or not at
    // all.
    boolean nothingSent = sent == null || (sent.failed() && content.length <= SHORT_REQUEST);
    abandon();
    if (onKeptConnection && nothingSent) {
      letGo();
      connect();
    } else {
      failed("no answer: " + textOf(trouble));
    }
  }

  @Override
  void expired() {
    long millis = call.timeout().toMillis();
    if (waitsAt != null) {
      over = true;
      boolean nothingUp = waitsAt.isOnlyConnecting();
      waitsAt.leave();
      end(new BranchAnswer.Unknown("no connection within " + millis + " ms"), nothingUp);
    } else {
      abandon();
      end(new BranchAnswer.Unknown("no answer within " + millis + " ms"));
    }
  }

  /** Ends it as unknown. */
  void failed(String why) {
    waitsAt = null;
    end(new BranchAnswer.Unknown(why));
  }

  /** Ends it as unknown because a connection did not come up. */
  void notConnected(String why) {
    boolean nothingUp = waitsAt != null && waitsAt.isOnlyConnecting();
    waitsAt = null;
    end(new BranchAnswer.Unknown(why), nothingUp);
  }

  private void abandon() {
    Destination.Connection used = connection;
    connection = null;
    if (used != null) {
      used.release(0);
    }
  }

  private void end(BranchAnswer answer) {
    end(answer, false);
  }

  /**
   * The end.
   *
   * @param nothingUp no connection to where the call went last
   */
  private void end(BranchAnswer answer, boolean nothingUp) {
    over = true;
    letGo();
    boolean unreachable = nothingUp && redirects == 0;
    caller.deadlines.remove(this);
    if (starting) {
      // Whoever sends does not expect the answer before its own method has returned.
      caller.loop.execute(() -> ended.ended(answer, unreachable));
    } else {
      ended.ended(answer, unreachable);
    }
  }

  static String textOf(Throwable trouble) {
    String text = trouble.getMessage();
    if (text == null || text.isEmpty()) {
      return trouble.getClass().getSimpleName();
    }
    return text.contains("io.netty") ? "what came is no HTTP" : text; // no class names for people
  }
}
