package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.dtm4j.crash.ServerProcess.Setup;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;

/** More large requests at a time than fit into the memory of a server: it refuses, and lives. */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Isolated
class LargeRequestsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int CLIENTS = 64;

  /** Payloads: most make the largest transactions there are, some are refused as too large. */
  private static final int[] SIZES = {4_000_000, 4_100_000, 8_000_000, 4_000_000, 9_000_000};

  private static final Duration SLOW = Duration.ofSeconds(2);
  private static final Duration ENDS_WITHIN = Duration.ofSeconds(60);
  private static final int OK = 200;

  @TempDir Path folder;

  private final byte[] payload = new byte[Arrays.stream(SIZES).max().orElseThrow()];
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final Vertx vertx = Vertx.vertx();
  private String participant;

  /** What a client hears. */
  private record Heard(String gid, int status, String code) {}

  @BeforeEach
  void open_a_participant_that_takes_its_time() {
    Arrays.fill(payload, (byte) 'x');
    int port =
        vertx
            .createHttpServer()
            .requestHandler(
                request ->
                    request.endHandler(
                        _ -> vertx.setTimer(SLOW.toMillis(), _ -> request.response().end())))
            .listen(0, "127.0.0.1")
            .await()
            .actualPort();
    participant = "http://127.0.0.1:" + port + "/";
  }

  @AfterEach
  void close() {
    vertx.close().await();
    http.close();
  }

  @Test
  void what_does_not_fit_into_memory_is_refused_and_what_was_accepted_is_carried_out() {
    Setup setup = Setup.in(folder);
    try (ServerProcess server = setup.serve()) {
      List<Heard> submitted = atOnce(i -> submit(setup, "g-" + i, SIZES[i % SIZES.length]));

      List<String> accepted =
          submitted.stream().filter(heard -> heard.status() == OK).map(Heard::gid).toList();
      assertThat(accepted).as("%s", submitted).isNotEmpty();
      assertThat(submitted).allMatch(heard -> heard.status() == OK || isRefusal(heard));

      List<Heard> queried = atOnce(i -> query(setup, accepted.get(i % accepted.size())));

      assertThat(queried).anyMatch(heard -> heard.status() == OK);
      assertThat(queried)
          .allMatch(heard -> heard.status() == OK || heard.code().equals("OVERLOADED"));

      Api api = new Api(setup.url());
      for (String gid : accepted) {
        Await.until(gid + " ends", ENDS_WITHIN, () -> api.status(gid).equals("succeed"));
      }
      assertThat(submit(setup, "small", 10).status()).isEqualTo(OK);
      Await.until("a small one ends", ENDS_WITHIN, () -> api.status("small").equals("succeed"));
      assertThat(server.output()).doesNotContain("OutOfMemoryError");
    }
  }

  private static boolean isRefusal(Heard heard) {
    return switch (heard.status()) {
      case 400, 413 -> heard.code().equals("LIMIT_EXCEEDED");
      case 503 -> heard.code().equals("OVERLOADED");
      default -> false;
    };
  }

  /** Lets all clients do something at the same time. */
  private static List<Heard> atOnce(IntFunction<Heard> request) {
    var start = new CountDownLatch(CLIENTS);
    try (var clients = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Heard>> all = new ArrayList<>();
      for (int i = 0; i < CLIENTS; i++) {
        int client = i;
        all.add(
            clients.submit(
                () -> {
                  start.countDown();
                  start.await();
                  return request.apply(client);
                }));
      }
      List<Heard> heard = new ArrayList<>();
      for (Future<Heard> one : all) {
        heard.add(one.get());
      }
      return heard;
    } catch (InterruptedException | ExecutionException e) {
      throw new AssertionError("a client heard nothing", e);
    }
  }

  private Heard submit(Setup setup, String gid, int size) {
    String head =
        "{\"gid\":\"%s\",\"trans_type\":\"saga\",\"steps\":[{\"action\":\"%s\"}],\"payloads\":[\""
            .formatted(gid, participant);
    return heard(
        gid,
        HttpRequest.newBuilder(URI.create(setup.url() + "/api/dtmsvr/submit"))
            .POST(
                BodyPublishers.concat(
                    BodyPublishers.ofString(head),
                    BodyPublishers.ofByteArray(payload, 0, size),
                    BodyPublishers.ofString("\"]}")))
            .build());
  }

  private Heard query(Setup setup, String gid) {
    URI uri = URI.create(setup.url() + "/api/dtmsvr/query?gid=" + gid);
    return heard(gid, HttpRequest.newBuilder(uri).build());
  }

  private Heard heard(String gid, HttpRequest request) {
    try {
      HttpResponse<byte[]> response = http.send(request, BodyHandlers.ofByteArray());
      if (response.statusCode() == OK) {
        return new Heard(gid, OK, "");
      }
      JsonNode body = JSON.readTree(new String(response.body(), StandardCharsets.UTF_8));
      return new Heard(gid, response.statusCode(), body.path("code").asText());
    } catch (IOException e) {
      throw new AssertionError(gid, e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
