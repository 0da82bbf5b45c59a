package io.dtm4j.bench;

import static java.util.Objects.requireNonNull;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClientAgent;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.PoolOptions;
import io.vertx.core.json.JsonObject;
import java.io.PrintWriter;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.stream.Stream;

/**
 * What happens with a hundred thousand transactions and more in the store: {@code due} lets them
 * all come due at once, {@code delayed} stores them for a day, {@code late} looks how exactly
 * delays are kept. All of it through the server's API, so any DTM-compatible server will do.
 *
 * <p>Its methods block: they are for the thread of the command.
 */
final class Scale implements AutoCloseable {
  static final String DUE = "due";
  static final List<String> NAMES = List.of(DUE, "delayed", "late");

  /** How a participant is dead. */
  enum Dying {
    /** It takes calls and never answers. */
    SILENT,
    /** It takes no connections. */
    REFUSING;

    static final List<String> WORDS = Stream.of(values()).map(Dying::word).toList();

    /** The one of {@link #WORDS}. */
    static Dying of(String word) {
      return valueOf(word.toUpperCase(Locale.ROOT));
    }

    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * What came of a round of {@code due}.
   *
   * @param reset seconds until all had been made due
   * @param done seconds until the last healthy one was called
   * @param first how late the first calls of those came that arrived meanwhile
   * @param delayed how late those came that were due meanwhile
   * @param succeeded whether the server says that the healthy ones have
   */
  record Due(
      int dead,
      int healthy,
      double reset,
      double done,
      Arrivals.Late first,
      Arrivals.Late delayed,
      boolean succeeded) {}

  private static final String HOST = "127.0.0.1";
  private static final Duration PATIENCE = Duration.ofMinutes(10);
  private static final Duration REST = Duration.ofSeconds(3);

  /** A retry that does not come by itself while this runs. */
  private static final int NEVER_SECONDS = 100_000;

  private static final int CALL_SECONDS = 3;

  /** Those that answer do so in time even when this process gets little of the machine. */
  private static final int LONG_CALL_SECONDS = 60;

  private static final int A_DAY_SECONDS = 86_400;
  private static final int RESET_PAGE = 10_000;
  private static final int DELAY_SECONDS = 3;
  private static final long PAUSE_NANOS = 2_000_000;

  /** Ten seconds of messages, in which this process and a server just started get going. */
  private static final int WARM_UP = 5_000;

  private static final int TENTHS = 10;
  private static final int SAMPLES = 200;

  private final List<Target> targets;
  private final int clients;
  private final PrintWriter out;
  private final Progress progress;
  private final HttpClientAgent http;
  private final HttpServer participants;
  private final HttpServer deadOnes;
  private final Arrivals arrivals = new Arrivals(this::arrive);
  private final String prefix =
      Long.toString(new SecureRandom().nextLong(Long.MAX_VALUE), Character.MAX_RADIX) + "-";

  /** When each transaction's participant was called last, by the monotonic clock; 0: never. */
  private final AtomicLongArray called;

  private final AtomicInteger calls = new AtomicInteger();
  private final AtomicInteger submits = new AtomicInteger();
  private volatile boolean open;
  private volatile int deadOfHundred;

  /**
   * @param targets one server, or several that share a store: requests go to them in turns
   */
  Scale(
      Vertx vertx,
      List<Target> targets,
      int clients,
      int count,
      PrintWriter out,
      Progress progress) {
    this.targets = List.copyOf(targets);
    this.clients = clients;
    this.out = out;
    this.progress = progress;
    called = new AtomicLongArray(count);
    http =
        vertx
            .httpClientBuilder()
            .with(new HttpClientOptions().setKeepAliveTimeout(0))
            .with(new PoolOptions().setHttp1MaxSize(clients + 1))
            .withConnectHandler(connection -> connection.exceptionHandler(_ -> {}))
            .build();
    participants = listen(vertx, this::answer);
    deadOnes = listen(vertx, this::answerNoMore);
  }

  private static HttpServer listen(Vertx vertx, Consumer<HttpServerRequest> answer) {
    HttpServer server =
        vertx
            .createHttpServer()
            .connectionHandler(connection -> connection.exceptionHandler(_ -> {}))
            .requestHandler(request -> request.endHandler(_ -> answer.accept(request)));
    server.listen(0, HOST).await();
    return server;
  }

  /** Runs one of {@link #NAMES}, but {@link #DUE}; whether all came as it must. */
  boolean run(String name) throws InterruptedException {
    return switch (name) {
      case "delayed" -> delayed();
      case "late" -> late();
      default -> throw new IllegalArgumentException(name);
    };
  }

  @Override
  public void close() {
    http.close().await();
    participants.close().await();
    deadOnes.close().await();
  }

  private void answer(HttpServerRequest request) {
    String path = requireNonNull(request.path());
    int number = Integer.parseInt(path.substring(path.lastIndexOf('/') + 1));
    if (path.startsWith("/new")) {
      arrivals.called(number);
      request.response().end("{\"dtm_result\":\"SUCCESS\"}");
      return;
    }
    called.set(number, System.nanoTime());
    calls.incrementAndGet();
    request
        .response()
        .setStatusCode(open ? 200 : 425)
        .end(open ? "{\"dtm_result\":\"SUCCESS\"}" : "{\"dtm_result\":\"ONGOING\"}");
  }

  private void answerNoMore(HttpServerRequest request) {
    if (!open) {
      answer(request);
    }
  }

  private void arrive(int number) {
    Future<Integer> _ =
        submit(
            Arrivals.isDelayed(number)
                ? message("m" + number, Arrivals.DELAY_SECONDS, "/new/" + number)
                : saga("s" + number, own(), "/new/" + number, LONG_CALL_SECONDS));
  }

  /**
   * All are due at the same moment, and others arrive while they are worked off.
   *
   * @param dead how many of a hundred go to a dead participant
   */
  Due due(int dead, Dying dying) throws InterruptedException {
    int count = called.length();
    deadOfHundred = dead;
    submitAll(
        number ->
            isDead(number)
                ? saga("" + number, deadOwn(), "/due/" + number, CALL_SECONDS)
                : saga("" + number, own(), "/due/" + number, LONG_CALL_SECONDS),
        _ -> {});
    await("first calls", () -> calls.get() >= count);
    Thread.sleep(REST); // until all rest in the store
    if (dying == Dying.REFUSING) {
      deadOnes.close().await();
    }
    open = true;
    calls.set(0);
    arrivals.start();
    Thread.sleep(REST); // until they come in both kinds
    int healthy = 0;
    for (int number = 0; number < count; number++) {
      healthy += isDead(number) ? 0 : 1;
    }
    int expected = healthy;
    long began = System.nanoTime();
    boolean more = true;
    while (more) {
      JsonObject answer =
          get("/resetCronTime?timeout=" + NEVER_SECONDS / 2 + "&limit=" + RESET_PAGE);
      more = answer.getBoolean("has_remaining") && answer.getInteger("succeed_count") > 0;
    }
    double reset = (System.nanoTime() - began) / 1e9;
    await("those whose participant answers", () -> calls.get() >= expected);
    long last = began;
    for (int number = 0; number < count; number++) {
      if (!isDead(number)) {
        last = Math.max(last, called.get(number));
      }
    }
    Thread.sleep(REST);
    arrivals.stop();
    await("those that arrived meanwhile", arrivals::isComplete);
    return new Due(
        count - healthy,
        healthy,
        reset,
        (last - began) / 1e9,
        arrivals.between(began, last, false),
        arrivals.between(began, last, true),
        areSucceeded());
  }

  private boolean isDead(int number) {
    return number % 100 < deadOfHundred;
  }

  /** Messages that are due in a day. */
  private boolean delayed() throws InterruptedException {
    int count = called.length();
    long[] tenths = new long[TENTHS + 1];
    tenths[0] = System.nanoTime();
    submitAll(
        number -> message("" + number, A_DAY_SECONDS, "/due/" + number),
        done -> {
          if (done % (count / TENTHS) == 0 && done / (count / TENTHS) <= TENTHS) {
            tenths[done / (count / TENTHS)] = System.nanoTime();
          }
        });
    for (int tenth = 1; tenth <= TENTHS; tenth++) {
      double seconds = (tenths[tenth] - tenths[tenth - 1]) / 1e9;
      out.printf(
          "delayed: up to %,d stored: %,.0f per s%n",
          (long) count * tenth / TENTHS, (double) count / TENTHS / seconds);
    }
    return true;
  }

  /** How much later than its delay a message is sent, at a steady rate; never before. */
  private boolean late() throws InterruptedException {
    int count = called.length();
    open = true;
    long[] sent = new long[count];
    long began = System.nanoTime();
    for (int number = 0; number < count; number++) {
      LockSupport.parkNanos(began + number * PAUSE_NANOS - System.nanoTime());
      sent[number] = System.nanoTime();
      Future<Integer> _ = submit(message("" + number, DELAY_SECONDS, "/due/" + number));
    }
    await("delayed messages", () -> calls.get() >= count);
    double[] late = new double[count];
    for (int number = 0; number < count; number++) {
      late[number] = (called.get(number) - sent[number]) / 1e6 - DELAY_SECONDS * 1e3;
    }
    out.printf(
        "late: messages delayed by %d s, from before the submit to the call%n", DELAY_SECONDS);
    int warm = Math.min(WARM_UP, count / 2);
    double first = showLate("while all gets going", Arrays.copyOf(late, warm));
    return Math.min(first, showLate("then", Arrays.copyOfRange(late, warm, count))) >= 0;
  }

  /** The earliest of them. */
  private double showLate(String when, double[] late) {
    Arrays.sort(late);
    out.printf(
        "late: %,d %s: earliest %.1f ms, p50 %.1f ms, p99 %.1f ms, latest %.1f ms%n",
        late.length,
        when,
        late[0],
        late[late.length / 2],
        late[(int) (late.length * 0.99)],
        late[late.length - 1]);
    return late[0];
  }

  private String saga(String name, String host, String path, int requestTimeout) {
    return """
    {"gid":"%s","trans_type":"saga","retry_interval":%d,"request_timeout":%d,\
    "steps":[{"action":"%s%s","compensate":""}],"payloads":["{}"]}"""
        .formatted(prefix + name, NEVER_SECONDS, requestTimeout, host, path);
  }

  private String message(String name, int delay, String path) {
    return """
    {"gid":"%s","trans_type":"msg","custom_data":"{\\"delay\\":%d}",\
    "steps":[{"action":"%s%s"}],"payloads":["{}"]}"""
        .formatted(prefix + name, delay, own(), path);
  }

  private String own() {
    return addressOf(participants);
  }

  private String deadOwn() {
    return addressOf(deadOnes);
  }

  private static String addressOf(HttpServer server) {
    return "http://" + HOST + ":" + server.actualPort();
  }

  /** Told how many submits have been answered. */
  private interface Submitted {
    void answered(int count);
  }

  private void submitAll(IntFunction<String> body, Submitted submitted)
      throws InterruptedException {
    var next = new AtomicInteger();
    var done = new AtomicInteger();
    var wrong = new AtomicInteger();
    for (int client = 0; client < clients; client++) {
      submitNext(next, done, wrong, body, submitted);
    }
    await("submits", () -> done.get() >= called.length());
    if (wrong.get() > 0) {
      throw new BenchException(
          "%,d of %,d submits were refused".formatted(wrong.get(), called.length()));
    }
  }

  private void submitNext(
      AtomicInteger next,
      AtomicInteger done,
      AtomicInteger wrong,
      IntFunction<String> body,
      Submitted submitted) {
    int number = next.getAndIncrement();
    if (number >= called.length()) {
      return;
    }
    submit(body.apply(number))
        .onComplete(
            (status, failure) -> {
              if (failure != null || status != 200) {
                wrong.incrementAndGet();
              }
              submitted.answered(done.incrementAndGet());
              submitNext(next, done, wrong, body, submitted);
            });
  }

  private Future<Integer> submit(String body) {
    Target target = targets.get(Math.floorMod(submits.getAndIncrement(), targets.size()));
    return http.request(HttpMethod.POST, target.port(), target.host(), target.path() + "/submit")
        .compose(
            request ->
                request
                    .putHeader(HttpHeaders.CONTENT_TYPE, "application/json")
                    .send(Buffer.buffer(body)))
        .compose(response -> response.end().map(response.statusCode()));
  }

  private void await(String what, BooleanSupplier reached) throws InterruptedException {
    progress.until(targets.getFirst().label() + ": " + what, PATIENCE, reached);
    if (!reached.getAsBoolean()) {
      throw new BenchException("%s did not come within %d s".formatted(what, PATIENCE.toSeconds()));
    }
  }

  /** Some of those whose participant answers, as the server shows them. */
  private boolean areSucceeded() {
    int step = Math.max(1, called.length() / SAMPLES);
    for (int number = 1; number < called.length(); number += step) {
      if (!isDead(number)) {
        JsonObject transaction = get("/query?gid=" + prefix + number).getJsonObject("transaction");
        if (!"succeed".equals(transaction.getString("status"))) {
          out.println("not succeeded: " + transaction);
          return false;
        }
      }
    }
    return true;
  }

  private JsonObject get(String path) {
    Target target = targets.getFirst();
    return http.request(HttpMethod.GET, target.port(), target.host(), target.path() + path)
        // Asked for its body where it arrives: a moment later that has been thrown away.
        .compose(
            request ->
                request
                    .send()
                    .compose(response -> response.body().map(body -> read(path, response, body))))
        .await();
  }

  private static JsonObject read(String path, HttpClientResponse response, Buffer body) {
    if (response.statusCode() != 200) {
      throw new BenchException(path + ": " + body);
    }
    return body.toJsonObject();
  }
}
