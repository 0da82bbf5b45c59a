package io.dtm4j.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.engine.Call;
import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import io.dtm4j.store.EventLoop;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.random.RandomGenerator;
import java.util.random.RandomGenerator.SplittableGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/**
 * Connections meet participants that close idle ones, in real time. A trickle on one connection
 * would take hours for 10,000 calls. So many participants get a handful of calls at once, each on a
 * connection of its own, and the next handful after a pause around the critical times.
 */
@DisplayNameGeneration(ReplaceUnderscores.class)
class KeptConnectionsTest {
  private static final int PARTICIPANTS = 48;
  private static final int HANDFUL = 36;
  private static final int ROUNDS = 6;
  private static final int CLOSED_AFTER_MILLIS = 2_000;
  private static final int SHORTEST_PAUSE_MILLIS = 1_000;
  private static final int LONGEST_PAUSE_MILLIS = 2_050;

  private final Map<BranchAnswer, AtomicInteger> answers = new ConcurrentHashMap<>();
  private final AtomicInteger connections = new AtomicInteger();

  /**
   * A participant that stands still for longer than this closes connections on calls that are there
   * already, whatever the caller does.
   */
  private static final Duration LONGEST_STALL = Duration.ofMillis(250);

  private static final int ATTEMPTS = 4;

  @Test
  void no_call_meets_a_connection_that_its_participant_closes() throws Exception {
    Duration stall = LONGEST_STALL;
    for (int attempt = 1; attempt == 1 || stall.compareTo(LONGEST_STALL) > 0; attempt++) {
      assertThat(attempt).as("the machine stood still for %s", stall).isLessThanOrEqualTo(ATTEMPTS);
      answers.clear();
      connections.set(0);
      try (var watch = new Stalls()) {
        callAll();
        stall = watch.longest();
      }
    }

    int calls = PARTICIPANTS * HANDFUL * ROUNDS;
    assertThat(answers).containsOnlyKeys(BranchAnswer.Success.INSTANCE);
    assertThat(answers.get(BranchAnswer.Success.INSTANCE)).hasValue(calls);
    assertThat(connections.get()).as("some are kept").isLessThan(calls);
  }

  private void callAll() throws InterruptedException {
    var random =
        (SplittableGenerator) RandomGeneratorFactory.of("L64X128MixRandom").create(20_261_124);
    Vertx vertx = Vertx.vertx();
    try (Loops loops = Loops.start(2);
        HttpCaller caller = HttpCaller.open(loops, CallerConfig.DEFAULTS, AddressPolicy.ALL)) {
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < PARTICIPANTS; i++) {
        String url = participant(vertx);
        EventLoop loop = loops.all().get(i % 2);
        RandomGenerator pauses = random.split();
        threads.add(Thread.ofVirtual().start(() -> callInRounds(caller, loop, url, pauses)));
      }
      for (Thread thread : threads) {
        thread.join();
      }
    } finally {
      vertx.close().await();
    }
  }

  /** Notices when this process gets no processor. */
  private static final class Stalls implements AutoCloseable {
    private final AtomicLong longest = new AtomicLong();
    private final Thread watch = Thread.ofPlatform().daemon().start(this::watch);

    private void watch() {
      long last = System.nanoTime();
      while (!Thread.currentThread().isInterrupted()) {
        LockSupport.parkNanos(Duration.ofMillis(5).toNanos());
        long now = System.nanoTime();
        longest.accumulateAndGet(now - last, Math::max);
        last = now;
      }
    }

    Duration longest() {
      return Duration.ofNanos(longest.get());
    }

    @Override
    public void close() {
      watch.interrupt();
    }
  }

  private void callInRounds(HttpCaller caller, EventLoop loop, String url, RandomGenerator pauses) {
    for (int round = 0; round < ROUNDS; round++) {
      LockSupport.parkNanos(
          Duration.ofMillis(pauses.nextInt(SHORTEST_PAUSE_MILLIS, LONGEST_PAUSE_MILLIS)).toNanos());
      var open = new CountDownLatch(HANDFUL);
      loop.execute(
          () -> {
            for (int i = 0; i < HANDFUL; i++) {
              caller.send(
                  call(url),
                  (answer, _) -> {
                    answers.computeIfAbsent(answer, _ -> new AtomicInteger()).incrementAndGet();
                    open.countDown();
                  });
            }
          });
      try {
        assertThat(open.await(20, TimeUnit.SECONDS)).isTrue();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }

  private String participant(Vertx vertx) {
    int port =
        vertx
            .createHttpServer(
                new HttpServerOptions()
                    .setIdleTimeout(CLOSED_AFTER_MILLIS)
                    .setIdleTimeoutUnit(TimeUnit.MILLISECONDS))
            .connectionHandler(_ -> connections.incrementAndGet())
            .requestHandler(request -> request.response().end())
            .listen(0, "127.0.0.1")
            .await()
            .actualPort();
    return "http://127.0.0.1:" + port + "/a";
  }

  private static Call call(String url) {
    return new Call(
        new Gid("g"),
        TransType.SAGA,
        1,
        new BranchKey("01", Op.ACTION),
        "http",
        url,
        Payload.of("{}"),
        Duration.ofSeconds(15),
        Map.of(),
        null);
  }
}
