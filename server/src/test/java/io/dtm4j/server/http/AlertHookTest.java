package io.dtm4j.server.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.dtm4j.coordinator.Observer;
import io.dtm4j.engine.Trouble;
import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** docs/spec/transactions.md 3.1. */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Timeout(30)
class AlertHookTest {
  private final Vertx vertx = Vertx.vertx();
  private final Loops loops = Loops.start(1);

  /** Alerts that the receiver has not answered yet. */
  private final BlockingQueue<HttpServerRequest> unanswered = new LinkedBlockingQueue<>();

  private volatile Consumer<HttpServerRequest> answer = request -> request.response().end();

  private final Participant receiver =
      new Participant(
          vertx,
          new HttpServerOptions(),
          "127.0.0.1",
          Map.of("/alert", request -> answer.accept(request)));

  private final AlertHook hook =
      AlertHook.open(Observer.NONE, loops, receiver.url("/alert?token=t"), 3, false);

  @AfterEach
  void close() {
    hook.close();
    loops.close();
    receiver.close();
    vertx.close().await();
  }

  private static Trouble trouble(String gid, String error, int retries) {
    return new Trouble(
        new Gid(gid),
        GlobalStatus.SUBMITTED,
        new BranchKey("01", Op.ACTION),
        "http://stock/deduct",
        error,
        retries);
  }

  private String next() throws InterruptedException {
    return receiver.calls.take().body();
  }

  @Test
  void the_third_doubling_is_told() throws Exception {
    hook.troubled(trouble("g", "one", 1));
    hook.troubled(trouble("g", "two", 2));
    hook.troubled(trouble("g", "say \"no\"", 3));

    Participant.Called called = receiver.calls.take();
    assertThat(called.method()).isEqualTo("POST");
    assertThat(called.query()).isEqualTo("token=t");
    assertThat(called.headers()).containsEntry("content-type", "application/json");
    assertThat(called.body())
        .isEqualTo(
            "{\"gid\":\"g\",\"status\":\"submitted\",\"branch\":\"http://stock/deduct\","
                + "\"op\":\"action\",\"error\":\"say \\\"no\\\"\",\"retry_count\":3}");
  }

  @Test
  void what_waits_is_told_once_with_its_latest_error() throws Exception {
    answer = unanswered::add;
    hook.troubled(trouble("first", "e", 3));
    assertThat(next()).contains("first");
    hook.troubled(trouble("second", "old", 3));
    hook.troubled(trouble("third", "e", 3));
    hook.troubled(trouble("second", "new", 4));
    HttpServerRequest first = unanswered.take();
    answer = request -> request.response().end();

    first.response().end();

    assertThat(next()).contains("second").contains("new");
    assertThat(next()).contains("third");
  }

  @Test
  void a_hook_that_fails_is_called_again_with_the_next_alert() throws Exception {
    answer = request -> request.response().setStatusCode(500).end("no");
    hook.troubled(trouble("a", "e", 3));
    assertThat(next()).contains("\"a\"");
    answer = request -> request.connection().close();
    hook.troubled(trouble("b", "e", 3));
    assertThat(next()).contains("\"b\"");
    answer = request -> request.response().end();
    hook.troubled(trouble("c", "e", 3));
    assertThat(next()).contains("\"c\"");
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "localhost", "::1"})
  void a_hook_is_reached_at(String host) throws Exception {
    try (var there = new Participant(vertx, new HttpServerOptions(), host, Map.of());
        AlertHook itsHook = AlertHook.open(Observer.NONE, loops, there.url("/alert"), 3, false)) {
      itsHook.troubled(trouble("g", "e", 3));

      Participant.Called called = there.calls.take();
      assertThat(called.path()).isEqualTo("/alert");
      assertThat("http://" + called.headers().get("host")).isEqualTo(there.url(""));
    }
  }

  @Test
  void a_redirect_is_not_followed_and_told_once_in_the_log() throws Exception {
    var logged = new ListAppender<ILoggingEvent>();
    var log = (Logger) LoggerFactory.getLogger(AlertHook.class);
    logged.start();
    log.addAppender(logged);
    answer =
        request -> request.response().setStatusCode(307).putHeader("Location", "/elsewhere").end();

    for (String gid : List.of("first", "second", "third")) {
      hook.troubled(trouble(gid, "e", 3));
      assertThat(next()).contains(gid);
    }
    log.detachAppender(logged);

    assertThat(receiver.calls).isEmpty();
    assertThat(logged.list)
        .extracting(ILoggingEvent::getMessage)
        .containsExactly("the alert hook answered 307");
  }

  @Test
  void an_answer_without_end_does_not_hold_up_the_next_alert() throws Exception {
    answer =
        request -> {
          HttpServerResponse endless = request.response().setChunked(true);
          vertx.setPeriodic(
              200,
              timer -> {
                if (endless.closed()) {
                  vertx.cancelTimer(timer);
                } else {
                  endless.write(".");
                }
              });
        };
    hook.troubled(trouble("first", "e", 3));
    assertThat(next()).contains("first");
    hook.troubled(trouble("second", "e", 3));

    assertThat(next()).contains("second");
  }

  @Test
  void an_answer_that_floods_is_cut_off() throws Exception {
    var written = new AtomicLong();
    var cut = new CountDownLatch(1);
    Buffer piece = Buffer.buffer(new byte[64 << 10]);
    answer =
        request -> {
          HttpServerResponse flood = request.response().setChunked(true);
          flood.closeHandler(_ -> cut.countDown());
          writeOn(flood, piece, written);
        };

    hook.troubled(trouble("first", "e", 3));

    cut.await();
    assertThat(written).hasValueLessThan(64 << 20); // buffers of a connection hold less
  }

  private void writeOn(HttpServerResponse flood, Buffer piece, AtomicLong written) {
    flood
        .write(piece)
        .onSuccess(
            _ -> {
              written.addAndGet(piece.length());
              vertx.runOnContext(_ -> writeOn(flood, piece, written));
            });
  }

  /** Sends an alert, with this answer to it, and waits until that is counted. */
  private void counted(Consumer<HttpServerRequest> answered, long sent, long failed) {
    answer = answered;
    hook.troubled(trouble("g", "e", 3));
    long until = System.nanoTime() + Duration.ofSeconds(10).toNanos();
    while (!hook.counts().equals(Map.of("sent", sent, "failed", failed, "dropped", 0L))) {
      assertThat(System.nanoTime()).as("time until " + hook.counts()).isLessThan(until);
      Thread.onSpinWait();
    }
  }

  @Test
  void alerts_are_counted_by_what_became_of_them() throws Exception {
    counted(request -> request.response().setStatusCode(500).end("no"), 0, 1);
    counted(request -> request.connection().close(), 0, 2);
    counted(request -> request.response().end(), 1, 2);
    receiver.calls.clear();
    answer = unanswered::add;
    hook.troubled(trouble("unanswered", "e", 3));
    next();

    for (int i = 0; i < AlertHook.MAX_WAITING + 7; i++) {
      hook.troubled(trouble("g" + i, "e", 3));
    }

    assertThat(hook.counts()).isEqualTo(Map.of("sent", 1L, "failed", 2L, "dropped", 7L));
  }

  @Test
  void no_more_than_a_thousand_wait() throws Exception {
    answer = unanswered::add;
    hook.troubled(trouble("first", "e", 3));
    assertThat(next()).contains("first");

    for (int i = 0; i < 2 * AlertHook.MAX_WAITING; i++) {
      hook.troubled(trouble("g" + i, "e", 3));
    }

    assertThat(hook.waiting()).isEqualTo(AlertHook.MAX_WAITING);
  }

  @Test
  void a_url_that_cannot_be_called_is_refused_at_once() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> AlertHook.open(Observer.NONE, loops, "http://x:y/", 3, false))
        .withMessage("the url has no port from 1 to 65535");
  }
}
