package io.dtm4j.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransType;
import io.dtm4j.server.metrics.Metrics;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class HttpDoorFuzzTest {
  private static final long SEED = 20_261_124;
  private static final int REQUESTS = 10_000;
  private static final int AT_ONCE = 300;
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final List<String> GOOD =
      List.of(
          "GET /api/dtmsvr/newGid HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET /api/dtmsvr/query?gid=g1&x=%20 HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n",
          "GET http://x/api/dtmsvr/version/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
          "HEAD /api/ping HTTP/1.1\r\n\r\n",
          """
          POST /api/dtmsvr/submit HTTP/1.1\r
          Host: x\r
          Content-Length: 52\r
          \r
          {"gid":"g1","trans_type":"saga","wait_result":false}\
          """,
          """
          POST /api/dtmsvr/prepare HTTP/1.1\r
          Transfer-Encoding: chunked\r
          \r
          5\r
          {"gid\r
          8\r
          ":"g"   \r
          1\r
          }\r
          0\r
          T: x\r
          \r
          """,
          """
          POST /api/dtmsvr/abort HTTP/1.1\r
          Content-Length: 12\r
          Expect: 100-continue\r
          \r
          {"gid":"g1"}GET /api/ping HTTP/1.1\r
          \r
          """,
          """
          POST /api/dtmsvr/forceStop HTTP/1.1\r
          Content-Type: text/plain\r
          Content-Length: 9\r
          \r
          {"gid":1}\
          """,
          """
          POST /api/dtmsvr/registerBranch HTTP/1.1\r
          Content-Length: 66\r
          \r
          {"gid":"g","trans_type":"tcc","branch_id":"01","confirm":"http:a"}\
          """,
          """
          POST /api/dtmsvr/prepareWorkflow HTTP/1.1\r
          Content-Length: 56\r
          \r
          {"gid":"g1","trans_type":"workflow","custom_data":"{}" }\
          """,
          """
          POST /api/dtmsvr/resetNextCronTime HTTP/1.1\r
          Content-Length: 12\r
          \r
          {"gid":"g1"}\
          """,
          """
          POST /api/json-rpc HTTP/1.1\r
          Content-Length: 77\r
          \r
          {"jsonrpc":"2.0","id":"1","method":"submit","params":{"gid":"g1","steps":[]}}\
          """,
          "GET /api/dtmsvr/all?status=failed&transType=msg&limit=9&createTimeEnd=7"
              + " HTTP/1.1\r\n\r\n",
          "GET /api/dtmsvr/all?gid=g1&position=1&createTimeStart=1700000000000 HTTP/1.1\r\n\r\n",
          "GET /api/dtmsvr/resetCronTime?timeout=3&limit=2 HTTP/1.1\r\n\r\n",
          "GET /api/dtmsvr/subscribe?topic=t&url=http%3A%2F%2Fa%3A1&remark=r HTTP/1.1\r\n\r\n",
          "GET /api/dtmsvr/unsubscribe?topic=t&url=http%3A%2F%2Fa%3A1 HTTP/1.1\r\n\r\n",
          "DELETE /api/dtmsvr/topic/a%2Fb+c HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET /api/dtmsvr/scanKV?cat=topics&limit=2&position=t HTTP/1.1\r\n\r\n",
          "GET /api/dtmsvr/queryKV?cat=topics&key=t HTTP/1.1\r\n\r\n",
          "GET /api/metrics HTTP/1.1\r\n\r\n");

  private final FakeDoors doors = new FakeDoors();
  private final RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(SEED);

  /**
   * What came of a request.
   *
   * @param answer null: the connection was closed without one
   */
  private record Outcome(int number, String request, Wire.@Nullable Answer answer) {
    @Override
    public String toString() {
      return "seed " + SEED + ", request " + number + ": " + request + "\nanswer: " + answer;
    }
  }

  @Test
  void whatever_comes_is_answered_or_the_connection_is_closed() throws Exception {
    doors.answer = new Reply.Failed(ErrorCode.GID_NOT_FOUND, "FAILURE: who is that?");
    var config =
        new ListenerConfig(
            "127.0.0.1",
            0,
            1 << 10,
            1 << 20,
            1 << 20,
            Duration.ofMillis(200),
            Duration.ofMillis(200),
            true);
    try (Loops loops = Loops.start(2);
        InMemory memory = withTransactions();
        HttpDoor door =
            HttpDoor.open(
                loops,
                config,
                memory.behind(doors),
                AddressPolicy.ALL,
                _ -> null,
                ZoneOffset.UTC,
                "v1",
                new Metrics("", ""));
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var places = new Semaphore(AT_ONCE);
      List<Future<Outcome>> outcomes = new ArrayList<>();
      for (int i = 0; i < REQUESTS; i++) {
        int number = i;
        String request = mutated(GOOD.get(i % GOOD.size()));
        places.acquire();
        Callable<Outcome> exchange =
            () -> {
              try {
                return exchange(door.port(), number, request);
              } finally {
                places.release();
              }
            };
        outcomes.add(threads.submit(exchange));
      }

      int answered = 0;
      for (Future<Outcome> future : outcomes) {
        Outcome outcome = future.get();
        Wire.Answer answer = outcome.answer();
        if (answer != null) {
          check(outcome, answer);
          answered++;
        }
      }

      assertThat(answered).as("requests that were answered").isGreaterThan(REQUESTS / 2);
      assertThat(door.openRequests()).isZero();
      try (var wire = new Wire(door.port())) {
        assertThat(wire.get("/api/ping").answer().status()).isEqualTo(200);
      }
    }
  }

  private static InMemory withTransactions() {
    var memory = new InMemory();
    Instant now = Instant.now();
    for (TransType type : TransType.values()) {
      for (GlobalStatus status : GlobalStatus.values()) {
        memory.save(type + " " + status, type, status, now, now.plusSeconds(1_000));
      }
    }
    memory.store.createKeyValue("topics", "t", "[]");
    return memory;
  }

  private static Outcome exchange(int port, int number, String request) throws IOException {
    try (var wire = new Wire(port)) {
      wire.send(request.getBytes(StandardCharsets.ISO_8859_1));
      Wire.Answer answer = wire.head();
      if (answer.status() == 100) {
        answer = wire.head();
      }
      return new Outcome(number, request, wire.withBody(answer));
    } catch (EOFException | SocketException e) {
      return new Outcome(number, request, null);
    }
  }

  private static void check(Outcome outcome, Wire.Answer answer) throws IOException {
    assertThat(answer.status())
        .as(outcome.toString())
        .isIn(200, 301, 307, 400, 404, 408, 413, 414, 431, 500);
    assertThat(answer.body())
        .as(outcome.toString())
        .doesNotContain("FAILURE", "ONGOING", "INTERNAL", "\tat ");
    boolean hasBody = !outcome.request().trim().startsWith("HEAD"); // blanks before are skipped
    if (hasBody && String.valueOf(answer.headers().get("content-type")).contains("json")) {
      JsonNode body = JSON.readTree(answer.body());
      if (answer.status() >= 400) {
        JsonNode error = body.path("error"); // JSON-RPC
        JsonNode code = error.isObject() ? error.path("data").path("code") : body.path("code");
        JsonNode message = error.isObject() ? error.path("message") : body.path("message");
        assertThat(code.asText()).as(outcome.toString()).matches("[A-Z_]+");
        assertThat(message.asText()).as(outcome.toString()).isNotEmpty();
      }
    } else {
      assertThat(answer.status()).as(outcome.toString()).isLessThan(500);
    }
  }

  /** A request with some bytes changed, doubled, taken out or cut off; now and then none. */
  private String mutated(String good) {
    byte[] request = good.getBytes(StandardCharsets.ISO_8859_1);
    for (int change = random.nextInt(6); change > 0 && request.length > 2; change--) {
      int from = random.nextInt(request.length);
      int to = Math.min(request.length, from + random.nextInt(1, 8));
      var changed = new ByteArrayOutputStream();
      changed.write(request, 0, from);
      switch (random.nextInt(5)) {
        case 0 -> changed.write(random.nextInt(256));
        case 1 ->
            changed.writeBytes(
                " \r\n:/%;\0".substring(random.nextInt(7)).getBytes(StandardCharsets.ISO_8859_1));
        case 2 -> changed.write(request, from, to - from);
        case 3 -> from = to;
        default -> {
          if (random.nextInt(4) == 0) {
            return changed.toString(StandardCharsets.ISO_8859_1);
          }
        }
      }
      changed.write(request, from, request.length - from);
      request = changed.toByteArray();
    }
    return new String(request, StandardCharsets.ISO_8859_1);
  }
}
