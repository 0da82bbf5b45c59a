package io.dtm4j.crash;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.Http2Settings;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.http.PoolOptions;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Sagas that come at a steady rate whatever becomes of the earlier ones, over HTTP and gRPC in
 * turns, and the participants that they name: quick ones, and slow ones at an address of their own.
 * Thread-safe.
 */
final class Flood implements AutoCloseable {
  /** All that a server under too much load may answer: taken, or refused with a code. */
  static final Set<String> CLEAR =
      Set.of("HTTP 200", "HTTP 503 OVERLOADED, Retry-After: 1", "gRPC 0", "gRPC 8 OVERLOADED");

  private static final String HOST = "127.0.0.1";
  private static final int MOST_CONNECTIONS = 1_000;

  /** A pool looks through all its connections for each request. */
  private static final int POOLS = 64;

  private static final int FRAME_PREFIX = 5;
  private static final int LENGTH_BITS = 7;
  private static final int GID = 1;
  private static final int TRANS_TYPE = 2;
  private static final int STEPS = 7;
  private static final int PAYLOADS = 5;
  private static final double NANOS_PER_SECOND = 1e9;
  private static final double NANOS_PER_MILLI = 1e6;
  private static final long PAUSE_NANOS = 1_000_000;
  private static final long MILLIS_APART = 2;
  private static final Duration LAST_ANSWERS_WITHIN = Duration.ofSeconds(30);

  private final Vertx vertx = Vertx.vertx();
  private final Context loop = vertx.getOrCreateContext();
  private final List<HttpClient> http = Stream.generate(this::pool).limit(POOLS).toList();
  private final HttpClient http2 =
      vertx
          .httpClientBuilder()
          .with(
              new HttpClientOptions()
                  .setProtocolVersion(HttpVersion.HTTP_2)
                  .setHttp2ClearTextUpgrade(false))
          .with(new PoolOptions().setHttp2MaxSize(1))
          .build();
  private final int httpPort;
  private final int grpcPort;
  private final int quick;
  private final int slow;

  /**
   * @param slowness after so long the slow participants answer
   */
  Flood(int httpPort, int grpcPort, Duration slowness) {
    this.httpPort = httpPort;
    this.grpcPort = grpcPort;
    quick = participants(Flood::answer);
    slow = participants(request -> vertx.setTimer(slowness.toMillis(), _ -> answer(request)));
  }

  /** What lets each batch take so long in a server's store. */
  static String slowStore(int microsPerBatch) {
    return "-Ddtm4j.test.batchDelayMicros=" + microsPerBatch;
  }

  private HttpClient pool() {
    return vertx
        .httpClientBuilder()
        .with(new PoolOptions().setHttp1MaxSize(MOST_CONNECTIONS))
        .build();
  }

  private int participants(Consumer<HttpServerRequest> as) {
    return vertx
        .createHttpServer(
            new HttpServerOptions()
                .setAcceptBacklog(4_096)
                .setInitialSettings(new Http2Settings().setMaxConcurrentStreams(1 << 20)))
        .connectionHandler(connection -> connection.exceptionHandler(_ -> {}))
        .requestHandler(request -> request.endHandler(_ -> as.accept(request)))
        .listen(0, HOST)
        .await()
        .actualPort();
  }

  private static void answer(HttpServerRequest request) {
    if (request.version() == HttpVersion.HTTP_2) {
      request
          .response()
          .putHeader("content-type", "application/grpc")
          .putTrailer("grpc-status", "0")
          .end(Buffer.buffer(new byte[FRAME_PREFIX]));
    } else {
      request.response().end();
    }
  }

  /** What was answered to a run of submits, and how fast. Thread-safe. */
  static final class Told {
    private final Map<String, AtomicInteger> answers = new ConcurrentHashMap<>();
    private final Queue<String> accepted = new ConcurrentLinkedQueue<>();
    private final Queue<Long> nanos = new ConcurrentLinkedQueue<>();
    private final AtomicInteger open = new AtomicInteger();

    private void answered(String gid, String what, boolean taken, long took) {
      answers.computeIfAbsent(what, _ -> new AtomicInteger()).incrementAndGet();
      if (taken) {
        accepted.add(gid);
        nanos.add(took);
      }
      open.decrementAndGet();
    }

    /** How often each kind of answer came: protocol, status, code, and what else it must have. */
    Map<String, AtomicInteger> answers() {
      return answers;
    }

    /** How often one of these came. */
    int count(Set<String> kinds) {
      return answers.entrySet().stream()
          .filter(answer -> kinds.contains(answer.getKey()))
          .mapToInt(answer -> answer.getValue().get())
          .sum();
    }

    Collection<String> accepted() {
      return accepted;
    }

    /** Of those that were taken, in milliseconds. */
    double percentile(double percent) {
      long[] sorted = nanos.stream().mapToLong(Long::longValue).sorted().toArray();
      return sorted.length == 0
          ? Double.NaN
          : sorted[(int) Math.min(sorted.length - 1, sorted.length * percent / 100)]
              / NANOS_PER_MILLI;
    }

    void awaitAnswers() {
      Await.until("all are answered", LAST_ANSWERS_WITHIN, () -> open.get() == 0);
    }
  }

  /** How a run of submits looks. */
  record Shape(String name, boolean waited, boolean overGrpcToo, boolean slowly) {
    private int steps() {
      return slowly ? 1 : 2;
    }
  }

  /** Sends so many a second for so long; some may not be answered yet when it returns. */
  Told pour(Shape shape, double perSecond, Duration length) {
    var told = new Told();
    long began = System.nanoTime();
    int sent = 0;
    for (long now = began; now - began < length.toNanos(); now = System.nanoTime()) {
      int due = (int) ((now - began) / NANOS_PER_SECOND * perSecond);
      if (due > sent) {
        int from = sent;
        sent = due;
        told.open.addAndGet(due - from);
        loop.runOnContext(
            _ -> {
              for (int i = from; i < due; i++) {
                submit(shape, i, told, () -> {});
              }
            });
      }
      LockSupport.parkNanos(PAUSE_NANOS);
    }
    return told;
  }

  /** Sends one and waits for its answer. */
  Told ask(Shape shape) {
    var told = new Told();
    told.open.incrementAndGet();
    loop.runOnContext(_ -> submit(shape, 0, told, () -> {}));
    told.awaitAnswers();
    return told;
  }

  /** Clients that each begin the next transaction when the last one has ended. */
  final class Clients implements AutoCloseable {
    private final Shape shape;
    private final Told told = new Told();
    private final AtomicInteger count = new AtomicInteger();
    private volatile boolean stopped;

    Clients(Shape shape, int clients) {
      this.shape = shape;
      loop.runOnContext(
          _ -> {
            for (int i = 1; i <= clients; i++) { // not in step, as they would stay
              vertx.setTimer(MILLIS_APART * i, _ -> next());
            }
          });
    }

    private void next() {
      if (!stopped) {
        told.open.incrementAndGet();
        submit(shape, count.getAndIncrement(), told, this::next);
      }
    }

    /** Those that have ended so far. */
    int ended() {
      return told.accepted.size();
    }

    @Override
    public void close() {
      stopped = true;
      told.awaitAnswers();
    }
  }

  // What follows runs on the loop.

  private void submit(Shape shape, int number, Told told, Runnable then) {
    String gid = shape.name() + "-" + number;
    long began = System.nanoTime();
    Answered answered =
        (what, taken) -> {
          told.answered(gid, what, taken, System.nanoTime() - began);
          then.run();
        };
    int port = shape.slowly() ? slow : quick;
    if (shape.overGrpcToo() && number % 2 == 1) {
      overGrpc(gid, port, shape, answered);
    } else {
      overHttp(number, gid, port, shape, answered);
    }
  }

  private interface Answered {
    void tell(String what, boolean taken);
  }

  private void overHttp(int number, String gid, int port, Shape shape, Answered answered) {
    JsonObject saga =
        new JsonObject().put("gid", gid).put("trans_type", "saga").put("retry_interval", 1);
    saga.put("wait_result", shape.waited()).put("request_timeout", 10);
    saga.put("steps", steps("http://" + HOST + ":" + port + "/", shape.steps()));
    saga.put("payloads", new JsonArray(payloads(shape.steps())));
    http.get(number / 2 % POOLS)
        .request(HttpMethod.POST, httpPort, HOST, "/api/dtmsvr/submit")
        .compose(request -> request.send(saga.toBuffer()))
        .compose(response -> response.body().map(body -> told(response, body)))
        .onComplete(
            (what, failure) ->
                answered.tell(failure == null ? what : "HTTP " + failure, "HTTP 200".equals(what)));
  }

  private static String told(HttpClientResponse response, Buffer body) {
    String what = "HTTP " + response.statusCode();
    if (response.statusCode() == 200) {
      return what;
    }
    String retryAfter = response.getHeader("retry-after");
    return what
        + " "
        + body.toJsonObject().getString("code")
        + (retryAfter == null ? "" : ", Retry-After: " + retryAfter);
  }

  private void overGrpc(String gid, int port, Shape shape, Answered answered) {
    Buffer framed = Buffer.buffer(new byte[FRAME_PREFIX]);
    append(framed, GID, gid);
    append(framed, TRANS_TYPE, "saga");
    payloads(shape.steps()).forEach(payload -> append(framed, PAYLOADS, payload));
    append(framed, STEPS, steps(HOST + ":" + port + "/flood.Bank/", shape.steps()).encode());
    framed.setInt(1, framed.length() - FRAME_PREFIX);
    http2
        .request(HttpMethod.POST, grpcPort, HOST, "/dtmgimp.Dtm/Submit")
        .compose(
            request ->
                request
                    .putHeader("content-type", "application/grpc")
                    .putHeader("te", "trailers")
                    .send(framed))
        .compose(response -> response.end().map(_ -> told(response)))
        .onComplete(
            (what, failure) ->
                answered.tell(failure == null ? what : "gRPC " + failure, "gRPC 0".equals(what)));
  }

  private static String told(HttpClientResponse response) {
    String code = trailer(response, "dtm-error-code");
    return "gRPC " + trailer(response, "grpc-status") + (code == null ? "" : " " + code);
  }

  /** Of an answer without a message, which is a refusal, they are among the headers. */
  private static @Nullable String trailer(HttpClientResponse response, String name) {
    String value = response.getTrailer(name);
    return value == null ? response.getHeader(name) : value;
  }

  private static JsonArray steps(String at, int number) {
    var steps = new JsonArray();
    for (int i = 0; i < number; i++) {
      steps.add(new JsonObject().put("action", at + "act").put("compensate", at + "undo"));
    }
    return steps;
  }

  private static List<String> payloads(int number) {
    var payloads = new String[number];
    Arrays.fill(payloads, "{\"amount\":30}");
    return new ArrayList<>(Arrays.asList(payloads));
  }

  /** Appends a field of protobuf that is a text: its number and kind, its length, itself. */
  private static void append(Buffer message, int field, String text) {
    byte[] value = text.getBytes(UTF_8);
    message.appendByte((byte) ((field << 3) | 2));
    int length = value.length;
    while (length >> LENGTH_BITS != 0) { // seven bits a byte, the lowest first
      message.appendByte((byte) ((length & 0x7f) | 0x80));
      length >>>= LENGTH_BITS;
    }
    message.appendByte((byte) length).appendBytes(value);
  }

  @Override
  public void close() {
    vertx.close().await();
  }
}
