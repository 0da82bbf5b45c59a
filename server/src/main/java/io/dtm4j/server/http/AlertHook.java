package io.dtm4j.server.http;

import io.dtm4j.coordinator.Observer;
import io.dtm4j.engine.Trouble;
import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.TransType;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClientAgent;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.PoolOptions;
import io.vertx.core.http.RequestOptions;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells a web hook about calls that fail again and again: docs/spec/transactions.md 3.1. Whatever
 * the hook does, no transaction waits for it.
 *
 * <p>One alert is on its way at a time, and the next leaves no sooner than {@link #PAUSE} after it:
 * when thousands of transactions fail at once, a branch is told once with its latest error, and
 * what exceeds {@link #MAX_WAITING} is dropped. The next failure of the branch alerts again, so a
 * hook that was away misses nothing that lasts. Any thread.
 */
public final class AlertHook implements Observer, AutoCloseable {
  /** The most alerts that wait. */
  static final int MAX_WAITING = 1_000;

  /** Between two alerts: at most twenty in a second. */
  static final Duration PAUSE = Duration.ofMillis(50);

  private static final Logger log = LoggerFactory.getLogger(AlertHook.class);

  private static final Duration TIMEOUT = Duration.ofSeconds(3);

  /** How long after a line in the log about a failing hook the next one may come. */
  private static final Duration SILENCE = Duration.ofMinutes(1);

  /** A redirect is not followed, so nobody has been told. */
  private static final int FIRST_FAILURE = 300;

  /** Of an answer, which nobody looks at, in bytes; what floods costs the loop of passes time. */
  private static final long MAX_ANSWER = 64 << 10;

  private final Observer next;
  private final Loop loop;
  private final HttpClientAgent client;
  private final Address address;
  private final int retryLimit;

  /** What waits, the oldest first. Guarded by itself. */
  private final SequencedMap<Waiting, Trouble> waiting = new LinkedHashMap<>();

  /** Whether an alert is on its way or the pause after it lasts. Guarded by {@code waiting}. */
  private boolean busy;

  /** Since the log was told; guarded by {@code waiting}, as what follows. */
  private long dropped;

  private long droppedInAll;
  private long sent;
  private long failed;

  /** When the log was last told; null: never. Only on the loop. */
  private @Nullable Long toldAt;

  private record Waiting(Gid gid, BranchKey branch) {}

  private AlertHook(Observer next, Loops loops, Address address, int retryLimit) {
    this.next = next;
    this.address = address;
    this.retryLimit = retryLimit;
    loop = loops.withContexts().getFirst();
    client =
        loops
            .vertx()
            .createHttpClient(
                new HttpClientOptions().setConnectTimeout((int) TIMEOUT.toMillis()),
                new PoolOptions().setHttp1MaxSize(1));
  }

  /**
   * A hook that is told what the coordinator tells, and tells it on.
   *
   * @param next told everything, too
   * @param url called by POST
   * @param retryLimit the fewest doublings of the interval that are worth an alert
   * @param insideDocker see {@link CallerConfig}
   * @throws IllegalArgumentException when the url cannot be called
   */
  public static AlertHook open(
      Observer next, Loops loops, String url, int retryLimit, boolean insideDocker) {
    return new AlertHook(next, loops, Address.of(url, insideDocker), retryLimit);
  }

  @Override
  public void passEnded(TransType type, boolean ok, Duration age) {
    next.passEnded(type, ok, age);
  }

  @Override
  public void branchCalled(TransType type, BranchKey branch, boolean ok) {
    next.branchCalled(type, branch, ok);
  }

  @Override
  public void troubled(Trouble trouble) {
    next.troubled(trouble);
    if (trouble.retries() < retryLimit) {
      return;
    }
    var key = new Waiting(trouble.gid(), trouble.branch());
    synchronized (waiting) {
      if (waiting.size() == MAX_WAITING && !waiting.containsKey(key)) {
        dropped++;
        droppedInAll++;
        return;
      }
      waiting.put(key, trouble);
      if (busy) {
        return;
      }
      busy = true;
    }
    loop.execute(this::sendNext);
  }

  @Override
  public void passDropped() {
    next.passDropped();
  }

  @Override
  public void timerFired(Duration late) {
    next.timerFired(late);
  }

  @Override
  public Destination destination(String address) {
    return next.destination(address);
  }

  /** Alerts so far, by what became of them: {@code sent}, {@code failed} or {@code dropped}. */
  public Map<String, Long> counts() {
    synchronized (waiting) {
      return Map.of("sent", sent, "failed", failed, "dropped", droppedInAll);
    }
  }

  /** How many alerts wait. */
  public int waiting() {
    synchronized (waiting) {
      return waiting.size();
    }
  }

  private void sendNext() {
    Trouble trouble;
    long lost;
    synchronized (waiting) {
      var oldest = waiting.pollFirstEntry();
      if (oldest == null) {
        busy = false;
        return;
      }
      trouble = oldest.getValue();
      lost = dropped;
      dropped = 0;
    }
    if (lost > 0) {
      tell(lost + " alerts were dropped, as too many waited");
    }
    Future.succeededFuture()
        .compose(_ -> send(trouble)) // so that what it throws is a failure, too
        .onSuccess(this::answered)
        .onFailure(
            e -> {
              count(false);
              tell("the alert hook was not reached: " + Outgoing.textOf(e));
            })
        .eventually(() -> loop.context().owner().timer(PAUSE.toMillis(), TimeUnit.MILLISECONDS))
        .onComplete(_ -> loop.execute(this::sendNext));
  }

  private Future<Integer> send(Trouble trouble) {
    var options =
        new RequestOptions()
            .setMethod(HttpMethod.POST)
            .setSsl(address.origin().tls())
            .setHost(address.host())
            .setPort(address.origin().port())
            .setURI(address.target())
            .putHeader(HttpHeaders.CONTENT_TYPE, HttpTexts.PLAIN_JSON)
            .putHeader(HttpHeaders.USER_AGENT, HttpTexts.USER_AGENT)
            .setConnectTimeout(TIMEOUT.toMillis());
    String authorization = address.basicAuthorization();
    if (authorization != null) {
      options.putHeader(HttpHeaders.AUTHORIZATION, authorization);
    }
    return client
        .request(options)
        .compose(
            request ->
                request
                    .send(body(trouble))
                    .compose(this::read)
                    .timeout(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)
                    // The next alert needs the connection, even if this answer has no end.
                    .onFailure(_ -> request.reset()));
  }

  /** Reads the answer to its end; its status. */
  private Future<Integer> read(HttpClientResponse response) {
    response.exceptionHandler(_ -> {}); // the future says it, too; without this Vert.x logs it
    Promise<Integer> whole = Promise.promise();
    var length = new AtomicLong();
    response.handler(
        piece -> {
          if (length.addAndGet(piece.length()) > MAX_ANSWER) {
            whole.tryFail("its answer is longer than " + MAX_ANSWER + " bytes");
          }
        });
    response
        .end()
        .onSuccess(_ -> whole.tryComplete(response.statusCode()))
        .onFailure(whole::tryFail);
    return whole.future();
  }

  private void answered(int status) {
    count(status < FIRST_FAILURE);
    if (status >= FIRST_FAILURE) {
      tell("the alert hook answered " + status);
    }
  }

  private void count(boolean arrived) {
    synchronized (waiting) {
      if (arrived) {
        sent++;
      } else {
        failed++;
      }
    }
  }

  /** Warns, but not again and again. */
  private void tell(String what) {
    long now = System.nanoTime();
    if (toldAt == null || now - toldAt >= SILENCE.toNanos()) {
      toldAt = now;
      log.warn(what);
    }
  }

  private static Buffer body(Trouble trouble) {
    return JsonObject.of(
        json -> {
          json.writeStringField("gid", trouble.gid().value());
          json.writeStringField("status", trouble.status().wireName());
          json.writeStringField("branch", trouble.url());
          json.writeStringField("op", trouble.branch().op().wireName());
          json.writeStringField("error", trouble.error());
          json.writeNumberField("retry_count", trouble.retries());
        });
  }

  @Override
  public void close() {
    client.close().await();
  }
}
