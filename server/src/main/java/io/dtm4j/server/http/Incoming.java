package io.dtm4j.server.http;

import io.dtm4j.coordinator.Command;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.JsonRpcRequest;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.RequestReader;
import io.dtm4j.protocol.TraceContext;
import io.dtm4j.protocol.TransactionRequest;
import io.dtm4j.protocol.UnreadableRequestException;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClosedException;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.HttpVersion;
import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One request, from its head to its answer. Belongs to its listener's loop; the next request of a
 * connection begins when this one is answered.
 */
final class Incoming {
  private static final Logger log = LoggerFactory.getLogger(Incoming.class);

  /** How much of a body that is refused is read, in body limits, before the connection is cut. */
  private static final int MAX_WASTE = 4;

  /** What a client expects that holds its body back until it is asked for. */
  private static final String CONTINUE = "100-continue";

  private static final int OK = 200;
  private static final int MOVED_PERMANENTLY = 301;
  private static final int TEMPORARY_REDIRECT = 307;
  private static final int BAD_REQUEST = 400;
  private static final int NOT_FOUND = 404;
  private static final int REQUEST_TIMEOUT = 408;
  private static final int CONTENT_TOO_LARGE = 413;
  private static final int SERVICE_UNAVAILABLE = 503;

  private final HttpDoor.Listener listener;
  private final HttpServerRequest request;
  private final long since = System.nanoTime();

  /** What has come so far; null: nothing is to come, or it has been read or refused. */
  private @Nullable Body body;

  /** Bytes of the room for bodies that it has taken, until it is answered. */
  private int held;

  /** Null: none, or it is not known yet. */
  private @Nullable Route route;

  /** Null: it does not speak JSON-RPC, or it is not known yet. */
  private @Nullable JsonRpcRequest rpc;

  /** Somebody else has it and will call back. */
  private boolean handedOver;

  /** What is answered is an error, whatever its HTTP status. */
  private boolean failed;

  private boolean answered;
  private long answeredAt;
  private long wasted;

  Incoming(HttpDoor.Listener listener, HttpServerRequest request) {
    this.listener = listener;
    this.request = request;
    listener.open.incrementAndGet();
    request.exceptionHandler(this::cut);
  }

  long since() {
    return since;
  }

  boolean hasArrived() {
    return request.isEnded();
  }

  /** Whether the connection waits for the next request. */
  boolean isOver() {
    return answered && hasArrived();
  }

  long answeredAt() {
    return answeredAt;
  }

  void carryOut() {
    try {
      HttpMethod method = request.method();
      String path = RequestUrl.path(request);
      route = Route.of(method, path);
      if (listener.isStopping()) {
        answer(new Reply.Failed(ErrorCode.STOPPING, "the server is stopping, try again"));
      } else if (route != null) {
        carryOut(route);
      } else {
        redirectOrNothing(Route.ofSlashed(method, path));
      }
    } catch (RuntimeException e) {
      defect(e);
    }
  }

  private void carryOut(Route route) {
    switch (route) {
      case SUBMIT -> command(Command.Kind.SUBMIT);
      case PREPARE -> command(Command.Kind.PREPARE);
      case ABORT -> command(Command.Kind.ABORT);
      case FORCE_STOP -> command(Command.Kind.FORCE_STOP);
      case RESET_NEXT_CRON_TIME -> command(Command.Kind.RESET_NEXT_CRON_TIME);
      case REGISTER_BRANCH, REGISTER_XA_BRANCH, REGISTER_TCC_BRANCH ->
          gather(RequestReader::readBranch, read -> registerBranch(Requests.withCleanGid(read)));
      case PREPARE_WORKFLOW ->
          this.<TransactionRequest>gather(RequestReader::read, this::prepareWorkflow);
      case NEW_GID ->
          answer(Answer.of("{\"dtm_result\":\"SUCCESS\",\"gid\":\"" + Gid.random() + "\"}"));
      case JSON_RPC -> gather(this::jsonRpc, Runnable::run);
      case QUERY -> query();
      case VERSION -> answer(Answer.of("{\"version\":\"" + listener.service.version() + "\"}"));
      case METRICS -> elsewhere(listener.service.metrics()::text, HttpTexts.METRICS);
      case OPEN_API ->
          elsewhere(() -> OpenApi.text(listener.service.version()), HttpTexts.PLAIN_JSON);
      case PING -> answer(Answer.PONG);
      case READY -> ready();
      case ALL,
          RESET_CRON_TIME,
          SUBSCRIBE,
          UNSUBSCRIBE,
          DELETE_TOPIC,
          SCAN_KV,
          QUERY_KV,
          SERVERS -> {
        handedOver = true;
        listener.service.administration().carryOut(route, request, listener.loop, this::answer);
      }
    }
  }

  private void ready() {
    Reply refusal = listener.service.notReady().get();
    answer(refusal == null ? Answer.READY : Answer.of(refusal));
  }

  /** Makes an answer elsewhere than on the loop, as it may take its time. */
  private void elsewhere(Callable<byte[]> text, CharSequence type) {
    handedOver = true;
    listener
        .loop
        .context()
        .executeBlocking(text, false)
        .onComplete(
            bytes -> send(OK, type, Buffer.buffer(bytes), listener.isStopping()), this::defect);
  }

  /** Understands a body. */
  private interface Reading<T> {
    T read(byte[] bytes, int offset, int length) throws UnreadableRequestException;
  }

  private void command(Command.Kind kind) {
    this.<TransactionRequest>gather(
        RequestReader::read, read -> command(kind, Requests.withCleanGid(read)));
  }

  private <T> void gather(Reading<T> reading, Consumer<T> then) {
    int limit = listener.config.bodyBytes();
    long length = lengthOf(request.getHeader(HttpHeaders.CONTENT_LENGTH));
    if (length > limit) {
      tooLong();
      return;
    }
    // Not by Vert.x, which would ask for a body that is refused.
    if (request.version() == HttpVersion.HTTP_1_1
        && CONTINUE.equalsIgnoreCase(request.getHeader(HttpHeaders.EXPECT))) {
      request.response().writeContinue();
    }
    body = new Body(limit);
    body.announce((int) length);
    request.handler(this::add);
    request.endHandler(
        _ -> {
          if (body != null) {
            arrived(body, reading, then);
          }
        });
  }

  private void add(Buffer piece) {
    if (body == null) {
      return; // it is refused already
    }
    int memory = body.memoryWith(piece.length());
    if (!listener.service.bodies().take(memory - held, memory)) {
      noRoom();
      return;
    }
    held = memory;
    if (!body.add(piece)) {
      tooLong();
    }
  }

  /** What a header announces; 0: nothing that could be known. */
  private static long lengthOf(@Nullable String header) {
    try {
      return header == null ? 0 : Long.parseLong(header);
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  private <T> void arrived(Body whole, Reading<T> reading, Consumer<T> then) {
    body = null;
    if (whole.size() <= Room.SMALL) {
      try {
        then.accept(reading.read(whole.bytes(), 0, whole.size()));
      } catch (UnreadableRequestException | RuntimeException e) {
        notRead(e);
      }
      return;
    }
    handedOver = true;
    listener
        .service
        .largeBodies()
        .executeBlocking(() -> reading.read(whole.bytes(), 0, whole.size()))
        .onSuccess(
            read -> {
              try {
                then.accept(read);
              } catch (RuntimeException e) {
                defect(e);
              }
            })
        .onFailure(this::notRead);
  }

  private void notRead(Throwable trouble) {
    if (!(trouble instanceof UnreadableRequestException e)) {
      defect(trouble);
    } else if (route != null && route.isRegistration()) {
      // The one operation that answers 400 to what it cannot read (docs/spec/http-api.md 1.3).
      answer(Answer.failed(BAD_REQUEST, e.code(), String.valueOf(e.getMessage())));
    } else {
      answer(new Reply.Failed(e.code(), String.valueOf(e.getMessage())));
    }
  }

  private void command(Command.Kind kind, TransactionRequest asked) {
    TransactionRequest read = withTrace(asked);
    if (!isRefused(Requests.refusal(read, listener.service.policy()))) {
      handedOver = true;
      listener.service.doors().handle(new Command(kind, read), listener.loop, this::answer);
    }
  }

  private void prepareWorkflow(TransactionRequest asked) {
    TransactionRequest read = withTrace(Requests.withCleanGid(asked));
    if (!isRefused(Requests.refusal(read, listener.service.policy()))) {
      handedOver = true;
      listener
          .service
          .doors()
          .prepareWorkflow(
              read,
              listener.loop,
              stored -> answer(listener.service.json().workflow(stored)),
              this::answer);
    }
  }

  private TransactionRequest withTrace(TransactionRequest read) {
    return listener.config.traces()
        ? read.withTrace(
            TraceContext.of(
                request.headers().getAll(TraceContext.PARENT),
                request.headers().getAll(TraceContext.STATE)))
        : read;
  }

  private void registerBranch(BranchRequest read) {
    if (!isRefused(Requests.refusal(read, listener.service.policy()))) {
      handedOver = true;
      listener.service.doors().registerBranch(read, listener.loop, this::answer);
    }
  }

  /**
   * Reads what comes in an envelope; from then on it goes the way of all others, and only its
   * answer is in one, too.
   *
   * @return what is to be done with it on the loop
   */
  private Runnable jsonRpc(byte[] bytes, int offset, int length) {
    JsonRpcRequest read;
    try {
      read = JsonRpcRequest.read(bytes, offset, length);
    } catch (UnreadableRequestException e) {
      return () -> answer(RpcAnswer.unreadable(e));
    }
    if (!read.isValid()) {
      return () -> answer(RpcAnswer.invalid(read));
    }
    Runnable then;
    try {
      then = procedure(read, bytes);
    } catch (UnreadableRequestException e) {
      then = () -> notRead(e);
    }
    Runnable procedure = then;
    return () -> {
      rpc = read;
      procedure.run();
    };
  }

  private Runnable procedure(JsonRpcRequest read, byte[] bytes) throws UnreadableRequestException {
    return switch (read.method()) {
      case "newGid" -> () -> answer(RpcAnswer.newGid(read, Gid.random()));
      case "prepare" -> command(Command.Kind.PREPARE, read, bytes);
      case "submit" -> command(Command.Kind.SUBMIT, read, bytes);
      case "abort" -> command(Command.Kind.ABORT, read, bytes);
      case "registerBranch" -> {
        BranchRequest params =
            RequestReader.readBranch(bytes, read.paramsOffset(), read.paramsLength());
        yield () -> registerBranch(params);
      }
      default -> () -> answer(RpcAnswer.unknownMethod(read));
    };
  }

  private Runnable command(Command.Kind kind, JsonRpcRequest read, byte[] bytes)
      throws UnreadableRequestException {
    TransactionRequest params = RequestReader.read(bytes, read.paramsOffset(), read.paramsLength());
    return () -> command(kind, params);
  }

  private boolean isRefused(@Nullable Reply refusal) {
    if (refusal != null) {
      answer(refusal);
    }
    return refusal != null;
  }

  private void query() {
    String gid = gidParameter();
    if (gid == null || gid.isEmpty()) {
      answer(new Reply.Failed(ErrorCode.BAD_REQUEST, "gid is missing"));
    } else if (gid.length() > Gid.MAX_LENGTH) {
      answer(Answer.of(RecordJson.NONE)); // Nobody can have it.
    } else {
      handedOver = true;
      listener
          .service
          .doors()
          .query(new Gid(gid), this::shown, listener.loop, this::answer, this::answer);
    }
  }

  private @Nullable String gidParameter() {
    try {
      return RequestUrl.parameters(request).get("gid");
    } catch (IllegalArgumentException e) {
      return null; // The query is no query, so there is no gid in it.
    }
  }

  /** On a thread of the store's readers: how many long answers are made at a time is theirs. */
  private Answer shown(@Nullable Stored stored) {
    try {
      return stored == null
          ? Answer.of(RecordJson.NONE)
          : listener.service.json().query(stored, listener.service.waitingFor().apply(stored));
    } catch (RuntimeException e) {
      return Answer.of(replyTo(e));
    }
  }

  /** Answers a path that is not ours, unless only a slash at its end makes it so. */
  private void redirectOrNothing(@Nullable Route meant) {
    if (meant == null) {
      send(NOT_FOUND, HttpTexts.PLAIN_TEXT, HttpTexts.NOT_FOUND, false);
      return;
    }
    String query = request.query();
    request
        .response()
        .putHeader(HttpHeaders.LOCATION, query == null ? meant.path() : meant.path() + "?" + query);
    // After a 301 clients may turn a POST into a GET; 307 forbids it.
    int status = HttpMethod.GET.equals(request.method()) ? MOVED_PERMANENTLY : TEMPORARY_REDIRECT;
    send(status, HttpTexts.PLAIN_TEXT, Buffer.buffer(), false);
  }

  private void tooLong() {
    body = null;
    refuse(
        CONTENT_TOO_LARGE,
        ErrorCode.LIMIT_EXCEEDED,
        "body too long (limit: " + listener.config.bodyBytes() + " bytes)");
  }

  private void noRoom() {
    body = null;
    refuse(
        SERVICE_UNAVAILABLE,
        ErrorCode.OVERLOADED,
        "too many long requests are on their way; nothing was stored, try again later");
  }

  /** The request has not arrived in time. */
  void giveUp() {
    body = null;
    if (!answered) {
      refuse(
          REQUEST_TIMEOUT,
          ErrorCode.BAD_REQUEST,
          "the body did not arrive within " + listener.config.bodyTimeout().toMillis() + " ms");
    }
    request.connection().close();
  }

  private void defect(Throwable e) {
    answer(replyTo(e));
  }

  private Reply replyTo(Throwable defect) {
    log.atError().setCause(defect).addKeyValue("path", request.path()).log("a request failed");
    return new Reply.Failed(ErrorCode.INTERNAL, "a defect of the server, its log has the cause");
  }

  /** The connection broke, or what came on it is no HTTP. It is closed after this. */
  private void cut(Throwable trouble) {
    log.debug("a request was cut", trouble);
    body = null;
    if (handedOver) {
      return;
    }
    if (trouble instanceof HttpClosedException || trouble instanceof IOException) {
      finish(); // nobody is left to answer to
    } else {
      refuse(BAD_REQUEST, ErrorCode.BAD_REQUEST, "the body is not sent as HTTP wants it");
    }
  }

  private void answer(Reply reply) {
    answer(rpc == null ? Answer.of(reply) : RpcAnswer.of(rpc, reply));
  }

  private void answer(Answer answer) {
    failed = answer.isFailure();
    Future<Void> sent = send(answer, listener.isStopping());
    if (answer.taken() > 0) {
      sent.onComplete(_ -> listener.service.answers().give(answer.taken()));
    }
  }

  /** Answers with a status of the door's own, and takes nothing more on this connection. */
  void refuse(int status, ErrorCode code, String message) {
    send(Answer.failed(status, code, message), true);
  }

  private Future<Void> send(Answer answer, boolean closes) {
    if (answer.retryAfter()) {
      request.response().putHeader(HttpTexts.RETRY_AFTER, HttpTexts.ONE_SECOND);
    }
    return send(answer.status(), HttpTexts.JSON, answer.body(), closes);
  }

  /** The future completes when nothing of the content is needed any more. */
  private Future<Void> send(int status, CharSequence type, Buffer content, boolean closes) {
    if (!finish()) {
      return Future.succeededFuture();
    }
    listener.service.counts().answered(route, !failed && status < BAD_REQUEST, answeredAt - since);
    HttpServerResponse response = request.response();
    if (response.ended() || response.closed()) {
      return Future.succeededFuture(); // The client has gone.
    }
    response.setStatusCode(status).putHeader(HttpHeaders.CONTENT_TYPE, type);
    if (!closes) {
      return response.end(content);
    }
    Future<Void> sent = response.putHeader(HttpHeaders.CONNECTION, HttpTexts.CLOSE).end(content);
    if (hasArrived()) {
      sent.onComplete(_ -> request.connection().close());
    } else {
      // Closing on a client that still sends would reset the connection, and the answer with it.
      request.handler(waste());
      request.endHandler(_ -> request.connection().close());
    }
    return sent;
  }

  private Handler<Buffer> waste() {
    long limit = (long) MAX_WASTE * listener.config.bodyBytes();
    return piece -> {
      wasted += piece.length();
      if (wasted > limit) {
        request.connection().close();
      }
    };
  }

  /** Ends the request, once; false: it has ended before. */
  private boolean finish() {
    if (answered) {
      return false;
    }
    answered = true;
    answeredAt = System.nanoTime();
    listener.open.decrementAndGet();
    if (held > 0) {
      listener.service.bodies().give(held);
    }
    return true;
  }
}
