package io.dtm4j.bench;

import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.http.HttpClientAgent;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.http.PoolOptions;
import io.vertx.core.net.HostAndPort;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The clients of one server and the participants that they name, all on one event loop: a wake-up
 * then serves many of them, and nothing needs a lock. Each client has one transaction at a time and
 * begins the next as soon as the last has ended, so the load is what the server can take.
 *
 * <p>Its methods block: they are for the thread of the command.
 */
final class Load implements AutoCloseable {
  private static final Duration READY_LIMIT = Duration.ofSeconds(5);
  private static final Duration ANSWER_LIMIT = Duration.ofSeconds(60);
  private static final Duration LAST_ANSWERS_LIMIT = Duration.ofSeconds(5);
  private static final Duration BACKLOG_LIMIT = Duration.ofSeconds(60);
  private static final long PAUSE_AFTER_ERROR_MILLIS = 10;
  private static final long SWEEP_MILLIS = 1000;

  /**
   * From here on all gids have one length: DTM's embedded store, whose keys are a gid and a number,
   * loses branches of a gid that another one begins with.
   */
  private static final long FIRST_GID = 60_466_176; // 100000 to the base of 36

  /** So busy a loop keeps finished answers waiting: its speed is measured, not the server's. */
  private static final double BUSY = 0.9;

  private final Vertx vertx;
  private final Context loop;
  private final Work work;
  private final Target target;
  private final CpuMeter cpu;
  private final Participants participants;
  private final HttpClientAgent http;
  private final HttpClientAgent http2;
  private final Work.Site site;
  private final String gidPrefix =
      Long.toString(new SecureRandom().nextLong(Long.MAX_VALUE), Character.MAX_RADIX) + "-";

  // Touched on the loop only:
  private final List<Client> clients = new ArrayList<>();
  private boolean running;
  private int waiting;
  private long lastGid = FIRST_GID;
  private long ended; // as they must, since the load was opened
  private Tally tally = new Tally(System.nanoTime(), Duration.ZERO);

  Load(Vertx vertx, Work work, Target target, int clients, CpuMeter cpu) {
    this.vertx = vertx;
    this.loop = vertx.getOrCreateContext();
    this.work = work;
    this.target = target;
    this.cpu = cpu;
    this.participants = Participants.open(vertx);
    this.http =
        vertx
            .httpClientBuilder()
            .with(new HttpClientOptions().setKeepAliveTimeout(0)) // a pair's idle turn may be long
            // Twice as many: a transaction that was given up still holds its connection.
            .with(new PoolOptions().setHttp1MaxSize(2 * clients))
            .withConnectHandler(connection -> connection.exceptionHandler(_ -> {}))
            .build();
    this.http2 =
        vertx
            .httpClientBuilder()
            .with(
                new HttpClientOptions()
                    .setProtocolVersion(HttpVersion.HTTP_2)
                    .setHttp2ClearTextUpgrade(false)
                    .setHttp2KeepAliveTimeout(0))
            .with(new PoolOptions().setHttp2MaxSize(1))
            .withConnectHandler(connection -> connection.exceptionHandler(_ -> {}))
            .build();
    var grpc = new GrpcCalls(http2, target.grpc());
    this.site = new Work.Site(http, grpc, target, participants.port());
    for (int i = 0; i < clients; i++) {
      this.clients.add(new Client());
    }
    vertx.setPeriodic(SWEEP_MILLIS, _ -> giveUp(ANSWER_LIMIT));
  }

  /** One event loop, and nothing beside it that would use the processor. */
  static Vertx eventLoop() {
    return Vertx.vertx(
        new VertxOptions()
            .setPreferNativeTransport(true)
            .setEventLoopPoolSize(1)
            .setWorkerPoolSize(1)
            .setInternalBlockingPoolSize(1)
            .setDisableTCCL(true)
            .setBlockedThreadCheckInterval(1)
            .setBlockedThreadCheckIntervalUnit(TimeUnit.HOURS)
            .setFileSystemOptions(
                new FileSystemOptions()
                    .setFileCachingEnabled(false)
                    .setClassPathResolvingEnabled(false)));
  }

  /**
   * Lets this process compile its hot path before it disturbs a server: a rate of some hundred per
   * second would take minutes for it. The participants answer a submit as well as a branch.
   */
  static void warmUp(Vertx vertx, Work work, int clients, Duration length, Progress progress)
      throws InterruptedException {
    String host = Work.Site.PARTICIPANT_HOST;
    int port = Participants.open(vertx).port();
    Target itself =
        new Target(host, port, "", HostAndPort.create(host, port), 0, "bench itself", "");
    CpuMeter cpu = new CpuMeter(0, List.of());
    try (Load load = new Load(vertx, Works.itself(work), itself, clients, cpu)) {
      Measurement _ = load.run(Duration.ZERO, length, progress);
    }
  }

  private static Future<String> statusAndBody(HttpClientResponse response) {
    return response.body().map(body -> response.statusCode() + " " + body);
  }

  /**
   * Asks the server for a gid, which stores nothing, and reads its CPU time, before a load begins
   * that could only fail.
   *
   * @throws BenchException with what is not as it must be
   */
  void checkReady() {
    CpuMeter.Reading _ = cpu.read();
    String newGid = target.address() + "/newGid";
    String answer =
        answered(
            newGid,
            http.request(HttpMethod.GET, target.port(), target.host(), target.path() + "/newGid")
                // On the loop of the request, where nothing of the answer is missed.
                .compose(request -> request.send().compose(Load::statusAndBody)));
    if (!answer.startsWith("200 ") || !answer.contains("\"gid\"")) {
      throw new BenchException(
          "%s: %s (expected: 200 with a gid; an address ends in /api/dtmsvr)"
              .formatted(newGid, answer.lines().findFirst().orElse("")));
    }
    if (work.overGrpc()) {
      Promise<String> answeredOverGrpc = Promise.promise();
      loop.runOnContext(
          _ ->
              site.grpc()
                  .call(
                      "NewGid",
                      GrpcCalls.EMPTY,
                      error -> answeredOverGrpc.complete(error == null ? "" : error)));
      String error = answered("NewGid at " + target.grpc(), answeredOverGrpc.future());
      if (!error.isEmpty()) {
        throw new BenchException(error + " (--grpc names another address)");
      }
    }
  }

  /** An answer, or the text of the failure. */
  private static String answered(String what, Future<String> answer) {
    try {
      return answer.otherwise(failure -> String.valueOf(failure.getMessage())).await(READY_LIMIT);
    } catch (TimeoutException e) {
      throw new BenchException(
          "%s: no answer within %d s".formatted(what, READY_LIMIT.toSeconds()), e);
    }
  }

  /**
   * Lets the clients work, measures, and returns when they have come to rest.
   *
   * @param warmup time before {@code measured} that counts for nothing
   * @throws BenchException when nothing was completed in the warm-up but errors came, or the server
   *     or its store has ended
   */
  Measurement run(Duration warmup, Duration measured, Progress progress)
      throws InterruptedException {
    doOnLoop(() -> start(warmup));
    CpuMeter.Reading before;
    CpuMeter.Reading after;
    try {
      progress.during(target.label() + ": warm-up", warmup, () -> onLoop(() -> tally.done()));
      checkWarm(onLoop(() -> tally));

      before = cpu.read();
      doOnLoop(() -> tally = new Tally(System.nanoTime(), measured));
      progress.during(target.label() + ": measuring", measured, () -> onLoop(() -> tally.done()));
      after = cpu.read();
    } finally {
      doOnLoop(() -> running = false);
    }
    String note = awaitRest(progress);
    return onLoop(() -> measurement(before, after, note));
  }

  private void checkWarm(Tally warm) {
    if (warm.done() == 0 && warm.errors() > 0) {
      throw new BenchException(
          "%s: nothing completed in the warm-up, %d errors; the first: %s"
              .formatted(target.label(), warm.errors(), warm.firstError()));
    }
  }

  @Override
  public void close() {
    http.close().await();
    http2.close().await();
  }

  /**
   * Waits for the last answers, and for the calls of accepted transactions: a server that outlives
   * its participants would repeat these for hours.
   *
   * @return what a reader of the figures must know; null: nothing
   */
  private @Nullable String awaitRest(Progress progress) throws InterruptedException {
    progress.until(
        target.label() + ": last answers", LAST_ANSWERS_LIMIT, () -> onLoop(() -> waiting == 0));
    doOnLoop(() -> giveUp(Duration.ZERO));
    if (work.waited()) {
      doOnLoop(this::checkCalls);
      return null;
    }
    long began = System.nanoTime();
    progress.until(
        target.label() + ": branches of accepted transactions",
        BACKLOG_LIMIT,
        () -> onLoop(() -> missingCalls() <= 0));
    long missing = onLoop(this::missingCalls);
    double seconds = (System.nanoTime() - began) / 1e9;
    return missing <= 0
        ? "all branches called %.1f s after the end".formatted(seconds)
        : "%,d branch calls still missing %.0f s after the end".formatted(missing, seconds);
  }

  /** Runs a step on the loop and waits for its result. */
  private <T extends @Nullable Object> T onLoop(Supplier<T> step) {
    Promise<T> result = Promise.promise();
    loop.runOnContext(
        _ -> {
          try {
            result.complete(step.get());
          } catch (RuntimeException e) {
            result.fail(e);
          }
        });
    return result.future().await();
  }

  private void doOnLoop(Runnable step) {
    boolean _ =
        onLoop(
            () -> {
              step.run();
              return true;
            });
  }

  // What follows runs on the loop.

  private void start(Duration warmup) {
    tally = new Tally(System.nanoTime(), warmup);
    running = true;
    clients.forEach(Client::next);
  }

  private long missingCalls() {
    return ended * work.branchCalls() - participants.calls();
  }

  /** An answer that came before the branches were called is no completed transaction. */
  private void checkCalls() {
    long missing = missingCalls();
    if (missing > 0) {
      tally.fail(
          missing,
          "the server answered before it had called the branches: %,d calls, expected at least %,d"
              .formatted(participants.calls(), ended * work.branchCalls()));
    }
  }

  private void giveUp(Duration after) {
    long now = System.nanoTime();
    for (int i = 0; i < clients.size(); i++) {
      Client client = clients.get(i);
      if (client.waits && now - client.began >= after.toNanos()) {
        client.abandoned = true;
        waiting--;
        tally.fail(1, "no answer within %.0f s".formatted(Math.ceil((now - client.began) / 1e9)));
        Client successor = new Client();
        clients.set(i, successor);
        successor.next();
      }
    }
  }

  private Measurement measurement(
      CpuMeter.Reading before, CpuMeter.Reading after, @Nullable String note) {
    Measurement.Cpu micros = Measurement.Cpu.between(before, after, tally.done());
    double busy = (after.generator() - before.generator()) / (tally.seconds() * 1e6);
    if (busy > BUSY) {
      String limit =
          "the generator used %.0f %% of its one core and may be the limit".formatted(busy * 100);
      note = note == null ? limit : note + "; " + limit;
    }
    return new Measurement(
        target.label(),
        work.name(),
        work.waited() ? "completed" : "accepted",
        clients.size(),
        tally.seconds(),
        tally.done(),
        tally.errors(),
        tally.firstError(),
        tally.perSecond(),
        new Measurement.Latency(
            tally.milliseconds(50), tally.milliseconds(99), tally.milliseconds(99.9)),
        micros,
        tally.thirdsPerSecond(),
        target.durability(),
        note);
  }

  private final class Client implements Consumer<@Nullable String> {
    private final Work.Performer performer = work.performers().apply(site);
    private long began;
    private boolean waits;
    private boolean abandoned;

    void next() {
      if (running && !waits) {
        waits = true;
        waiting++;
        began = System.nanoTime();
        performer.perform(gidPrefix + Long.toString(++lastGid, Character.MAX_RADIX), this);
      }
    }

    @Override
    public void accept(@Nullable String error) {
      if (abandoned) {
        return;
      }
      waits = false;
      waiting--;
      if (error == null) {
        ended++;
        tally.completed(began, System.nanoTime());
        next();
      } else {
        tally.failed(error, System.nanoTime());
        vertx.setTimer(PAUSE_AFTER_ERROR_MILLIS, _ -> next());
      }
    }
  }
}
