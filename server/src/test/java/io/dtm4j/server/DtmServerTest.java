package io.dtm4j.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dtm4j.coordinator.Caller;
import io.dtm4j.server.config.ConfigParser;
import io.dtm4j.server.config.ServerConfig;
import io.dtm4j.server.tracing.Tracing;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class DtmServerTest {
  @TempDir Path folder;

  @Test
  void it_answers_once_it_has_started() throws Exception {
    try (var server = DtmServer.start(config(Map.of()));
        var http = HttpClient.newHttpClient()) {
      URI ping = URI.create(server.httpUrl() + "/api/ping");

      assertThat(http.send(HttpRequest.newBuilder(ping).build(), BodyHandlers.ofString()).body())
          .isEqualTo("{\"msg\":\"pong\"}");
      assertThat(server.store()).startsWith("rocksdb in " + folder).endsWith("synced");
    }
  }

  @Test
  void it_is_ready_once_it_has_started() throws Exception {
    try (var server = DtmServer.start(config(Map.of()));
        var http = HttpClient.newHttpClient()) {
      URI ready = URI.create(server.httpUrl() + "/api/ready");

      assertThat(http.send(HttpRequest.newBuilder(ready).build(), BodyHandlers.ofString()).body())
          .isEqualTo("{\"msg\":\"ready\"}");
    }
  }

  @Test
  void a_stopped_server_leaves_port_and_directory_to_the_next_one() {
    ServerConfig config = config(Map.of());
    DtmServer.start(config).close();

    DtmServer.start(config).close();
  }

  @Test
  void a_part_that_hangs_does_not_hold_up_the_end() {
    var hanging = new CountDownLatch(1);
    var tracing =
        new Tracing() {
          @Override
          public boolean isOn() {
            return false;
          }

          @Override
          public Caller around(Caller caller) {
            return caller;
          }

          @Override
          public void close() {
            try {
              hanging.await();
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
          }
        };
    DtmServer server = DtmServer.start(config(Map.of()), tracing);

    boolean ended = server.closeWithin(Duration.ofSeconds(2));

    assertThat(ended).isFalse();
    hanging.countDown();
  }

  @Test
  void a_taken_port_stops_the_start_and_leaves_the_directory_free() throws IOException {
    ServerConfig config = config(Map.of());
    int port = config.listen().httpPort();
    try (var _ = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
      assertThatThrownBy(() -> DtmServer.start(config))
          .isInstanceOf(StartException.class)
          .hasMessageContaining("port " + port + " is taken")
          .hasMessageContaining("ip_local_reserved_ports");
    }
    DtmServer.start(config).close();
  }

  @Test
  void a_taken_port_of_grpc_stops_the_start_too() throws IOException {
    try (var taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      int port = taken.getLocalPort();
      assertThatThrownBy(() -> DtmServer.start(config(Map.of("GrpcPort", Integer.toString(port)))))
          .isInstanceOf(StartException.class)
          .hasMessageContaining("port " + port + " is taken")
          .hasMessageContaining("--grpc-port");
    }
    DtmServer.start(config(Map.of())).close();
  }

  @Test
  void a_wrong_property_for_tests_leaves_the_directory_free() {
    ServerConfig config = config(Map.of());
    System.setProperty("dtm4j.test.storeFaults", "many");
    try {
      assertThatThrownBy(() -> DtmServer.start(config)).hasMessageContaining("many");
    } finally {
      System.clearProperty("dtm4j.test.storeFaults");
    }
    DtmServer.start(config).close();
  }

  @Test
  void an_address_of_another_machine_is_named() {
    assertThatThrownBy(() -> DtmServer.start(config(Map.of("BindAddress", "192.0.2.1"))))
        .isInstanceOf(StartException.class)
        .hasMessageContaining("cannot listen on 192.0.2.1:")
        .hasMessageContaining("BindAddress");
  }

  @Test
  void a_directory_in_use_stops_the_start() {
    try (var _ = DtmServer.start(config(Map.of()))) {
      assertThatThrownBy(() -> DtmServer.start(config(Map.of())))
          .isInstanceOf(StartException.class)
          .hasMessageContaining("in use");
    }
  }

  @Test
  void a_directory_that_cannot_be_used_is_named_with_the_cause() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));

    assertThatThrownBy(() -> DtmServer.start(config(Map.of("Store.Dir", file.toString()))))
        .isInstanceOf(StartException.class)
        .hasMessageContaining("(expected: a writable directory): ")
        .hasMessageContaining("FileAlreadyExistsException");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"loadBalancingConfig\":[{\"nonsense\":{}}]}",
        "{\"loadBalancingConfig\":5}",
        "{\"methodConfig\":[{\"name\":[{}],\"timeout\":\"soon\"}]}"
      })
  void a_service_config_that_grpc_cannot_use_stops_the_start(String json) {
    assertThatThrownBy(() -> DtmServer.start(config(Map.of("GrpcServiceConfig", json))))
        .isInstanceOf(StartException.class)
        .hasMessageStartingWith("GrpcServiceConfig: ");
  }

  @Test
  void another_service_config_of_grpc_does_not() {
    String json = "{\"loadBalancingConfig\":[{\"pick_first\":{}}]}";

    DtmServer.start(config(Map.of("GrpcServiceConfig", json))).close();
  }

  @Test
  void an_address_that_no_store_can_be_at_ends_the_start() {
    var url = Map.of("Store.Url", "jdbc:mariadb:loadbalance://a,b/dtm");

    assertThatThrownBy(() -> DtmServer.start(config(url)))
        .isInstanceOf(StartException.class)
        .hasMessageStartingWith("Store: ");
  }

  @Test
  void a_reset_deletes_the_transactions() {
    ServerConfig config = config(Map.of());
    DtmServer.start(config).close();

    assertThat(DtmServer.reset(config.store())).isTrue();

    assertThat(folder.resolve("data").resolve("rocksdb")).doesNotExist();
  }

  private ServerConfig config(Map<String, String> others) {
    Map<String, String> options = new HashMap<>();
    options.put("BindAddress", "127.0.0.1");
    options.put("HttpPort", Integer.toString(FreePorts.next()));
    options.put("GrpcPort", "0");
    options.put("Store.Dir", folder.resolve("data").toString());
    options.putAll(others);
    return ConfigParser.load(null, options, Map.of()).config();
  }
}
