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
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a whole server shows of what it did: docs/spec/operations.md 1. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class ServerMetricsTest {
  private static final int OK = 200;
  private static final int CONFLICT = 409;

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
            "127.0.0.1",
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

  private HttpRequest.Builder to(String path) {
    return HttpRequest.newBuilder(URI.create(server.httpUrl() + path));
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
                    "dtm_server_info\\{gin_version=\"Vert\\.x 5[0-9.]+\",grpc_version=\"grpc-java [0-9.]+\"} 1.0"));
  }
}
