package io.dtm4j.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.dtm4j.server.config.ConfigParser;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.yaml.snakeyaml.Yaml;

/** What a whole server shows of what it did: docs/spec/operations.md 1. */
@Tag("long")
@DisplayNameGeneration(ReplaceUnderscores.class)
class ServerMetricsTest {
  private static final int OK = 200;
  private static final int CONFLICT = 409;
  private static final int DESTINATIONS = 200;

  @TempDir Path folder;
  private HttpServer participant;
  private DtmServer server;
  private final HttpClient http = HttpClient.newHttpClient();

  @BeforeEach
  void start() throws IOException {
    participant = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    participant.createContext(
        "/",
        call -> {
          call.sendResponseHeaders(
              "/refuse".equals(call.getRequestURI().getPath()) ? CONFLICT : OK, -1);
          call.close();
        });
    participant.start();
    Map<String, String> options =
        Map.of(
            "BindAddress",
            "0.0.0.0",
            "HttpPort",
            Integer.toString(FreePorts.next()),
            "GrpcPort",
            "0",
            "Store.Dir",
            folder.resolve("data").toString());
    server = DtmServer.start(ConfigParser.load(null, options, Map.of()).config());
  }

  @AfterEach
  void stop() {
    http.close();
    server.close();
    participant.stop(0);
  }

  private HttpResponse<String> send(HttpRequest request) throws Exception {
    return http.send(request, BodyHandlers.ofString());
  }

  private String url() {
    return server.httpUrl().replace("0.0.0.0", "127.0.0.1");
  }

  private HttpRequest.Builder to(String path) {
    return HttpRequest.newBuilder(URI.create(url() + path));
  }

  /** Submits and waits for the result; the answer's status. */
  private int submit(String gid, String type, String... paths) throws Exception {
    String origin = "http://127.0.0.1:" + participant.getAddress().getPort();
    List<String> steps =
        Stream.of(paths)
            .map(
                path ->
                    "{\"action\":\"%1$s%2$s\",\"compensate\":\"%1$s/undo\"}"
                        .formatted(origin, path))
            .toList();
    String body =
        "{\"gid\":\"%s\",\"trans_type\":\"%s\",\"wait_result\":true,\"steps\":%s,\"payloads\":%s}"
            .formatted(gid, type, steps, steps.stream().map(_ -> "\"\"").toList());
    return send(to("/api/dtmsvr/submit").POST(BodyPublishers.ofString(body)).build()).statusCode();
  }

  private List<String> metrics() throws Exception {
    return send(to("/api/metrics").build()).body().lines().toList();
  }

  @Test
  void requests_passes_and_branch_calls_are_counted() throws Exception {
    assertThat(submit("done", "saga", "/do", "/do")).isEqualTo(OK);
    assertThat(submit("refused", "saga", "/do", "/refuse")).isEqualTo(CONFLICT);
    assertThat(submit("message", "msg", "/do")).isEqualTo(OK);

    List<String> lines = metrics();
    assertThat(lines)
        .contains(
            "dtm_server_process_total{api=\"submit\",status=\"ok\",type=\"http\"} 2.0",
            "dtm_server_process_total{api=\"submit\",status=\"fail\",type=\"http\"} 1.0",
            "dtm_server_response_duration_count{api=\"submit\",type=\"http\"} 3",
            "dtm_server_response_duration_bucket{api=\"submit\",type=\"http\",le=\"+Inf\"} 3",
            "dtm_transaction_process_total{model=\"saga\",status=\"ok\"} 1.0",
            "dtm_transaction_process_total{model=\"saga\",status=\"fail\"} 1.0",
            "dtm_transaction_process_total{model=\"msg\",status=\"ok\"} 1.0",
            "dtm_transaction_handled_duration_count{model=\"saga\"} 2",
            "dtm_transaction_handled_duration_count{model=\"msg\"} 1");
    assertThat(
            lines.stream()
                .filter(line -> line.startsWith("dtm_branch_process_total{"))
                .filter(line -> !line.endsWith(" 0.0"))
                .map(line -> line.substring("dtm_branch_process_total".length())))
        .containsExactlyInAnyOrder(
            "{branchid=\"01\",branchtype=\"action\",model=\"saga\",status=\"ok\"} 2.0",
            "{branchid=\"02\",branchtype=\"action\",model=\"saga\",status=\"ok\"} 1.0",
            "{branchid=\"02\",branchtype=\"action\",model=\"saga\",status=\"fail\"} 1.0",
            "{branchid=\"02\",branchtype=\"compensate\",model=\"saga\",status=\"ok\"} 1.0",
            "{branchid=\"01\",branchtype=\"compensate\",model=\"saga\",status=\"ok\"} 1.0",
            "{branchid=\"01\",branchtype=\"action\",model=\"msg\",status=\"ok\"} 1.0");
    assertThat(lines)
        .anyMatch(
            line ->
                line.matches(
                    "dtm_server_info\\{gin_version=\"Vert\\.x 5[0-9.]+\",grpc_version=\"grpc-java"
                        + " [0-9.]+\"} 1.0"));
  }

  /** The value of a line. */
  private static double value(List<String> lines, String series) {
    return lines.stream()
        .filter(line -> line.startsWith(series + " "))
        .mapToDouble(line -> Double.parseDouble(line.substring(series.length())))
        .findFirst()
        .orElseThrow(() -> new AssertionError(series + " is not there"));
  }

  @Test
  void what_the_parts_of_a_server_have_to_do_is_shown() throws Exception {
    assertThat(submit("done", "saga", "/do", "/do")).isEqualTo(OK);

    List<String> lines = metrics();
    String origin = "http://127.0.0.1:" + participant.getAddress().getPort();
    assertThat(lines)
        .contains(
            "dtm4j_ready 1.0",
            "dtm4j_open_passes 0.0",
            "dtm4j_open_passes_limit 20000.0",
            "dtm4j_open_pass_bytes 0.0",
            "dtm4j_armed_timers 0.0",
            "dtm4j_passes_dropped_total 0.0",
            "dtm4j_commit_repeats_total 0.0",
            "dtm4j_unfinished_transactions 0.0",
            "dtm4j_oldest_unfinished_seconds 0.0",
            "dtm4j_overdue_seconds 0.0",
            "dtm4j_alerts_total{result=\"dropped\"} 0.0",
            "dtm4j_open_requests{type=\"http\"} 1.0",
            "dtm4j_calls_total{destination=\"" + origin + "\",outcome=\"success\"} 2.0",
            "dtm4j_call_seconds_count{destination=\"" + origin + "\"} 2",
            "dtm4j_calls_in_flight{destination=\"" + origin + "\"} 0.0");
    assertThat(value(lines, "dtm4j_commit_batches_sum")).isEqualTo(3);
    assertThat(value(lines, "dtm4j_commit_seconds_count")).isEqualTo(3);
  }

  @Test
  void what_is_unfinished_is_shown_with_its_age() throws Exception {
    String body = "{\"gid\":\"open\",\"trans_type\":\"tcc\"}";
    send(to("/api/dtmsvr/prepare").POST(BodyPublishers.ofString(body)).build());

    List<String> lines = metrics();

    assertThat(lines).contains("dtm4j_unfinished_transactions 1.0", "dtm4j_overdue_seconds 0.0");
    assertThat(value(lines, "dtm4j_oldest_unfinished_seconds")).isBetween(0.0, 60.0);
  }

  /** Many submits of sagas to many destinations, all of them this very server. */
  private void submitMany(int from, int to) {
    var places = new Semaphore(64);
    for (int i = from; i < to; i++) {
      places.acquireUninterruptibly();
      String action = url().replace("127.0.0.1", "127.0.0." + (1 + i % DESTINATIONS)) + "/api/ping";
      String body =
          "{\"gid\":\"stranger-%d\",\"trans_type\":\"saga\",\"wait_result\":true,\"payloads\":[\"\"],\"steps\":[{\"action\":\"%s\"}]}"
              .formatted(i, action);
      var _ =
          http.sendAsync(
                  to("/api/dtmsvr/submit").POST(BodyPublishers.ofString(body)).build(),
                  BodyHandlers.discarding())
              .whenComplete((_, _) -> places.release());
    }
    places.acquireUninterruptibly(64);
  }

  @Test
  void ten_thousand_transactions_to_many_destinations_make_no_series_without_end()
      throws Exception {
    submitMany(0, 1_000);
    List<String> before = metrics();

    submitMany(1_000, 10_000);

    List<String> after = metrics();
    assertThat(namesOf(after)).hasSameSizeAs(namesOf(before)).hasSizeLessThan(2_000);
    assertThat(after).noneMatch(line -> line.contains("stranger"));
    assertThat(
            after.stream()
                .filter(line -> line.startsWith("dtm4j_calls_total"))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
                .sum())
        .isGreaterThanOrEqualTo(10_000);
    assertThat(after)
        .anyMatch(line -> line.startsWith("dtm4j_calls_in_flight{destination=\"other\"}"));
  }

  /** Each series, without its value. */
  private static Set<String> namesOf(List<String> lines) {
    return lines.stream()
        .filter(line -> !line.startsWith("#"))
        .map(line -> line.substring(0, line.lastIndexOf(' ')))
        .collect(Collectors.toSet());
  }

  @ParameterizedTest
  @ValueSource(strings = {"grafana/dtm4j.json", "prometheus/alerts.yml"})
  void what_dashboard_and_alert_rules_ask_for_is_there(String file) throws Exception {
    submit("done", "saga", "/do");
    Set<String> there =
        namesOf(metrics()).stream()
            .map(name -> name.replaceAll("\\{.*", ""))
            .collect(Collectors.toSet());

    Object read = new Yaml().load(Files.readString(Path.of("../deploy", file))); // JSON is YAML
    var asked = new TreeSet<String>();
    new ExpressionsIn(asked::add).walk(read);

    assertThat(asked).hasSizeGreaterThan(10).isSubsetOf(there);
  }

  /** Finds the names of metrics in all expressions of a dashboard or of rules. */
  private record ExpressionsIn(Consumer<String> names) {
    private static final Pattern NAME = Pattern.compile("\\b(dtm4?j?|jvm|process)_\\w+");

    void walk(Object node) {
      switch (node) {
        case Map<?, ?> map ->
            map.forEach(
                (key, value) -> {
                  if ("expr".equals(key)) {
                    NAME.matcher(value.toString())
                        .results()
                        .forEach(found -> names.accept(found.group()));
                  } else if (value != null) {
                    walk(value);
                  }
                });
        case List<?> list -> list.forEach(this::walk);
        default -> {}
      }
    }
  }
}
