package io.dtm4j.server.tracing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.util.ContextInitializer;
import com.sun.net.httpserver.HttpServer;
import io.dtm4j.coordinator.Caller;
import io.dtm4j.engine.Call;
import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import io.dtm4j.server.FreePorts;
import io.dtm4j.server.Logging;
import io.dtm4j.server.config.ConfigException;
import io.dtm4j.server.config.ServerConfig.Log;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

@DisplayNameGeneration(ReplaceUnderscores.class)
class TracingTest {
  private static final String ENDPOINT = "http://127.0.0.1:4317";

  static final List<Map<String, String>> OFF =
      List.of(
          Map.of(),
          Map.of("OTEL_SERVICE_NAME", "shop"),
          Map.of("OTEL_TRACES_EXPORTER", ""),
          Map.of("OTEL_TRACES_EXPORTER", "none", "OTEL_EXPORTER_OTLP_ENDPOINT", ENDPOINT),
          Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", ENDPOINT, "OTEL_SDK_DISABLED", "True"));

  static final List<Map<String, String>> ON =
      List.of(
          Map.of("OTEL_TRACES_EXPORTER", "console"),
          Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", ENDPOINT),
          Map.of("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ENDPOINT),
          Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", ENDPOINT, "OTEL_SDK_DISABLED", "false"),
          // What is not there is not needed for traces.
          Map.of(
              "OTEL_TRACES_EXPORTER", "otlp",
              "OTEL_METRICS_EXPORTER", "prometheus",
              "OTEL_PROPAGATORS", "b3"));

  @TempDir Path folder;

  @ParameterizedTest
  @FieldSource("OFF")
  void traces_are_off_unless_an_exporter_is_named(Map<String, String> environment) {
    assertThat(Tracing.of(environment, "")).isSameAs(Tracing.OFF);
    assertThat(Tracing.OFF.isOn()).isFalse();
  }

  @ParameterizedTest
  @FieldSource("ON")
  void an_exporter_or_its_endpoint_turns_traces_on(Map<String, String> environment) {
    try (Tracing tracing = Tracing.of(environment, "")) {
      assertThat(tracing.isOn()).isTrue();
    }
  }

  @Test
  void off_is_the_caller_itself() {
    Caller caller = (_, _) -> {};

    assertThat(Tracing.OFF.around(caller)).isSameAs(caller);
  }

  @Test
  void a_value_that_cannot_be_used_is_named() {
    assertThatThrownBy(() -> Tracing.of(Map.of("OTEL_TRACES_EXPORTER", "carrier-pigeon"), ""))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("OTEL_")
        .hasMessageContaining("carrier-pigeon");
  }

  @Test
  void what_waits_is_told_to_the_collector_at_the_end() throws Exception {
    var received = new LinkedBlockingQueue<String>();
    HttpServer collector =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    collector.createContext(
        "/v1/traces",
        request -> {
          byte[] body = request.getRequestBody().readAllBytes();
          received.add(new String(body, StandardCharsets.ISO_8859_1));
          request.sendResponseHeaders(200, -1);
          request.close();
        });
    collector.start();
    Map<String, String> environment =
        Map.of(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "http://127.0.0.1:" + collector.getAddress().getPort(),
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "http/protobuf",
            "OTEL_BSP_SCHEDULE_DELAY",
            "3600000");
    try (Tracing tracing = Tracing.of(environment, "v9.8.7")) {
      Caller caller =
          tracing.around((_, ended) -> ended.ended(BranchAnswer.Success.INSTANCE, false));
      caller.send(call("order-77"), (_, _) -> {});
      assertThat(received).isEmpty();
    }
    try {
      assertThat(received.take()).contains("order-77", "saga action", "dtm4j", "v9.8.7");
    } finally {
      collector.stop(0);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"grpc", "http/protobuf"})
  void a_collector_that_is_away_is_one_line_in_the_log(String protocol) throws Exception {
    Path file = folder.resolve("log");
    Logging.start(new Log(Level.INFO, List.of(file.toString()), Log.Format.TEXT, null));
    Map<String, String> environment =
        Map.of(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "http://127.0.0.1:" + FreePorts.next(),
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            protocol,
            "OTEL_JAVA_EXPORTER_OTLP_RETRY_DISABLED",
            "true");

    try (Tracing tracing = Tracing.of(environment, "")) {
      tracing
          .around((_, ended) -> ended.ended(BranchAnswer.Success.INSTANCE, false))
          .send(call("g"), (_, _) -> {});
    } finally {
      Logging.stop();
      new ContextInitializer((LoggerContext) LoggerFactory.getILoggerFactory()).autoConfig();
    }

    assertThat(Files.readAllLines(file))
        .singleElement()
        .asString()
        .contains("WARN", "spans do not reach the collector");
  }

  private static Call call(String gid) {
    return new Call(
        new Gid(gid),
        TransType.SAGA,
        1,
        new BranchKey("01", Op.ACTION),
        "http",
        "http://s/a",
        Payload.EMPTY,
        Duration.ofSeconds(5),
        Map.of(),
        null);
  }
}
