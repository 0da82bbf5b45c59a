package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.dtm4j.crash.Api.Known;
import io.dtm4j.crash.ServerProcess.Setup;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Many participants at a time that read slowly what is large, or answer so: more than fits into the
 * memory of a server. It lives, serves others meanwhile, and ends all once they recover.
 */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Execution(ExecutionMode.CONCURRENT)
class SlowParticipantsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int SUBSCRIBERS = 150;
  private static final int LARGE_PAYLOAD = 3_000_000;
  private static final int SAGAS = 400;

  /** Enough destinations for all sagas to be called at the same time. */
  private static final int SLOW_DESTINATIONS = 8;

  private static final int PIECES = 12;
  private static final Buffer PIECE = Buffer.buffer("x".repeat(1_000_000 / PIECES));
  private static final Duration BETWEEN_PIECES = Duration.ofMillis(500);
  private static final Duration ANSWER_TAKES = BETWEEN_PIECES.multipliedBy(PIECES);

  /** All pieces of an answer come in this time, and a call without an answer is over twice. */
  private static final Duration WHILE_SLOW = Duration.ofSeconds(8);

  private static final Duration ENDS_WITHIN = Duration.ofMinutes(2);
  private static final int RECEIVE_BUFFER = 64 << 10;

  @TempDir Path folder;

  private final Vertx vertx = Vertx.vertx();
  private final AtomicInteger slow = new AtomicInteger();
  private volatile boolean recovered;

  @AfterEach
  void close() {
    vertx.close().await();
  }

  @Test
  void a_large_message_to_many_that_do_not_read_it_takes_only_the_memory_there_is() {
    List<String> subscribers = participants(SUBSCRIBERS, this::doNotRead);
    String healthy = healthy();
    Setup setup = Setup.in(folder);
    try (ServerProcess server = setup.serve()) {
      var api = new Api(setup.url());
      subscribers.forEach(url -> api.subscribe("wide", url + "?method=take"));
      ObjectNode message = transaction("large", "msg", "topic://wide");
      message.put("protocol", "json-rpc").put("concurrent", true).put("request_timeout", 3);
      message
          .putArray("payloads")
          .add(JSON.createObjectNode().put("x", "x".repeat(LARGE_PAYLOAD)).toString());

      assertThat(api.post("submit", message).known()).isEqualTo(Known.ACCEPTED);

      Await.pass(WHILE_SLOW);
      assertServes(server, api, healthy, "beside-it");
      recovered = true;
      Await.until("all have it", ENDS_WITHIN, () -> api.listedStatus("large").equals("succeed"));
    }
  }

  @Test
  void large_answers_that_arrive_slowly_take_only_the_memory_there_is_also_after_a_restart() {
    List<String> participants = participants(SLOW_DESTINATIONS, this::answerSlowly);
    String healthy = healthy();
    Setup setup = Setup.in(folder);
    List<String> gids = new ArrayList<>();
    try (ServerProcess server = setup.serve()) {
      var api = new Api(setup.url());
      for (int i = 0; i < SAGAS; i++) {
        String gid = "slow-" + i;
        ObjectNode saga = transaction(gid, "saga", participants.get(i % SLOW_DESTINATIONS));
        saga.put("request_timeout", 2 * ANSWER_TAKES.toSeconds());
        if (api.post("submit", saga).known() == Known.ACCEPTED) {
          gids.add(gid);
        }
      }
      assertThat(gids).isNotEmpty();
      Await.pass(WHILE_SLOW);
      assertServes(server, api, healthy, "beside-them");
    }

    try (ServerProcess server = setup.serve()) {
      var api = new Api(setup.url());
      Await.pass(WHILE_SLOW);
      assertServes(server, api, healthy, "after-the-restart");
      recovered = true;
      for (String gid : gids) {
        Await.until(gid + " ends", ENDS_WITHIN, () -> api.status(gid).equals("succeed"));
      }
    }
  }

  private void assertServes(ServerProcess server, Api api, String healthy, String gid) {
    assertThat(slow.get()).as("calls of slow participants").isPositive();
    Api.Answer answer = api.post("submit", transaction(gid, "saga", healthy));
    assertThat(answer.known()).as("%s", answer).isEqualTo(Known.ACCEPTED);
    Await.until(gid + " ends", ENDS_WITHIN, () -> api.status(gid).equals("succeed"));
    assertThat(server.output()).doesNotContain("OutOfMemoryError");
  }

  private static ObjectNode transaction(String gid, String type, String action) {
    ObjectNode body = JSON.createObjectNode().put("gid", gid).put("trans_type", type);
    body.put("retry_interval", 1).putArray("steps").addObject().put("action", action);
    body.putArray("payloads").add("{}");
    return body;
  }

  /** Each is a destination of its own. */
  private List<String> participants(int number, Consumer<HttpServerRequest> as) {
    List<String> urls = new ArrayList<>();
    for (int i = 0; i < number; i++) {
      int port =
          vertx
              .createHttpServer(new HttpServerOptions().setReceiveBufferSize(RECEIVE_BUFFER))
              .requestHandler(as::accept)
              .listen(0, "127.0.0.1")
              .await()
              .actualPort();
      urls.add("http://127.0.0.1:" + port + "/");
    }
    return urls;
  }

  private String healthy() {
    return participants(1, request -> request.response().end()).getFirst();
  }

  private void doNotRead(HttpServerRequest request) {
    if (recovered) {
      request.endHandler(_ -> request.response().end("{\"jsonrpc\":\"2.0\",\"result\":{}}"));
    } else {
      slow.incrementAndGet();
      request.pause();
    }
  }

  private void answerSlowly(HttpServerRequest request) {
    if (recovered) {
      request.response().end();
      return;
    }
    slow.incrementAndGet();
    HttpServerResponse response = request.response().setStatusCode(500).setChunked(true);
    vertx.setPeriodic(
        BETWEEN_PIECES.toMillis(),
        timer -> {
          if (response.closed() || response.ended()) {
            vertx.cancelTimer(timer);
          } else if (response.bytesWritten() < (long) (PIECES - 1) * PIECE.length()) {
            response.write(PIECE);
          } else {
            vertx.cancelTimer(timer);
            response.end(PIECE);
          }
        });
  }
}
