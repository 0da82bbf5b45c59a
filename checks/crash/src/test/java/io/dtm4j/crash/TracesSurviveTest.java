package io.dtm4j.crash;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.crash.ServerProcess.Setup;
import io.vertx.core.Vertx;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Traces of a real server, which is set up by its environment alone (docs/operations.md). */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Execution(ExecutionMode.CONCURRENT)
@Timeout(120)
class TracesSurviveTest {
  private static final String TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
  private static final String PARENT = "00-" + TRACE_ID + "-b7ad6b7169203331-01";
  private static final int OK = 200;
  private static final int TOO_EARLY = 425;

  /** What a participant was called with; "": no {@code traceparent}. */
  private record Called(String path, String traceparent) {}

  private final Vertx vertx = Vertx.vertx();
  private final LinkedBlockingQueue<Called> calls = new LinkedBlockingQueue<>();
  private volatile boolean secondFails;
  private String participant = "";

  @TempDir Path folder;

  @BeforeEach
  void listen() {
    int port =
        vertx
            .createHttpServer()
            .requestHandler(
                request -> {
                  String path = requireNonNull(request.path());
                  String parent = request.getHeader("traceparent");
                  calls.add(new Called(path, parent == null ? "" : parent));
                  boolean fails = secondFails && path.equals("/second");
                  request.response().setStatusCode(fails ? TOO_EARLY : OK).end();
                })
            .listen(0, "127.0.0.1")
            .await()
            .actualPort();
    participant = "http://127.0.0.1:" + port;
  }

  @AfterEach
  void close() {
    vertx.close().await();
  }

  private void submit(Setup setup, boolean waits) throws Exception {
    String saga =
        """
        {"gid":"g1","trans_type":"saga","wait_result":%2$s,"retry_interval":1,"payloads":["{}","{}"],
         "steps":[{"action":"%1$s/first"},{"action":"%1$s/second"}]}"""
            .formatted(participant, waits);
    try (var http = HttpClient.newHttpClient()) {
      HttpRequest request =
          HttpRequest.newBuilder(URI.create(setup.url() + "/api/dtmsvr/submit"))
              .header("traceparent", PARENT)
              .POST(BodyPublishers.ofString(saga))
              .build();
      assertThat(http.send(request, BodyHandlers.ofString()).statusCode()).isEqualTo(OK);
    }
  }

  private Called next() throws InterruptedException {
    return requireNonNull(calls.poll(60, TimeUnit.SECONDS), "no call of a participant");
  }

  @Test
  void after_a_kill_calls_are_in_the_trace_of_the_client() throws Exception {
    Setup setup = Setup.in(folder).with(Map.of("OTEL_TRACES_EXPORTER", "console"));
    secondFails = true;
    try (ServerProcess server = setup.serve()) {
      submit(setup, false);
      assertThat(next().path()).isEqualTo("/first");
      assertThat(next().path()).isEqualTo("/second");
      server.kill();
    }
    calls.clear();
    secondFails = false;

    try (var _ = setup.serve()) {
      Called after =
          next(); // either: the second was perhaps called ahead of the first one's success
      assertThat(after.traceparent()).startsWith("00-" + TRACE_ID + "-").isNotEqualTo(PARENT);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "OTEL_TRACES_EXPORTER, console, true",
    "OTEL_TRACES_EXPORTER, none, false",
    "OTEL_SDK_DISABLED, true, false"
  })
  void one_variable_says_whether_there_are_traces(String variable, String value, boolean traces)
      throws Exception {
    Setup setup =
        Setup.in(folder)
            .with(
                Map.of(
                    "OTEL_EXPORTER_OTLP_ENDPOINT",
                    "http://127.0.0.1:1", // others say yes
                    variable,
                    value));
    try (ServerProcess server = setup.serve()) {
      submit(setup, true);
      server.terminate();
      server.awaitEnd();

      assertThat(next().traceparent().contains(TRACE_ID)).isEqualTo(traces);
      assertThat(server.output().contains("traces are on")).isEqualTo(traces);
      assertThat(server.output().contains("saga action")).isEqualTo(traces);
      assertThat(server.output()).doesNotContain(" ERROR ");
    }
  }
}
