package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.crash.ServerProcess.Setup;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** A start that cannot be ends with 2 and says why. */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Execution(ExecutionMode.CONCURRENT)
class RefusedStartTest {
  private static final int CANNOT_START = 2;

  @TempDir Path folder;
  private Setup setup;

  @BeforeEach
  void prepare() {
    setup = Setup.in(folder);
  }

  @Test
  void a_second_server_on_the_same_directory_does_not_start() {
    try (var first = setup.serve();
        var second = setup.withPort(ServerProcess.freePort()).launch()) {
      assertThat(second.awaitEnd()).isEqualTo(CANNOT_START);
      assertThat(second.output())
          .contains("dtm4j: ", folder.resolve("data").toString(), "in use", "Store.Dir");
      assertThat(new Api(setup.url()).ping()).as(first.output()).isTrue();
    }
  }

  @Test
  void a_taken_port_is_named_and_nothing_was_worked_on() throws IOException {
    try (var _ = new ServerSocket(setup.port(), 1, InetAddress.getLoopbackAddress());
        var server = setup.launch()) {
      assertThat(server.awaitEnd()).isEqualTo(CANNOT_START);
      assertThat(server.output())
          .contains("dtm4j: port " + setup.port() + " is taken", "--http-port");
    }
  }

  @Test
  void a_taken_port_for_grpc_is_named_too() throws IOException {
    try (var taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        var server = setup.launch("--grpc-port=" + taken.getLocalPort())) {
      assertThat(server.awaitEnd()).isEqualTo(CANNOT_START);
      assertThat(server.output())
          .contains("dtm4j: port " + taken.getLocalPort() + " is taken", "--grpc-port")
          .doesNotContain("\tat ");
    }
  }

  @Test
  void a_wrong_value_is_told_in_one_line() {
    try (var server = setup.with(Map.of("RETRY_INTERVAL", "soon")).launch()) {
      assertThat(server.awaitEnd()).isEqualTo(CANNOT_START);
      assertThat(server.output().strip())
          .startsWith("dtm4j: the configuration cannot be used: RetryInterval")
          .doesNotContain("\n");
    }
  }

  @Test
  void a_file_that_cannot_be_read_is_told_in_one_line() {
    try (var server = setup.launch("-c", folder.toString())) {
      assertThat(server.awaitEnd()).isEqualTo(CANNOT_START);
      assertThat(server.output().strip())
          .isEqualTo(
              "dtm4j: the configuration cannot be used: "
                  + folder
                  + ": cannot be read (it is a directory)");
    }
  }

  @Test
  void a_wrong_configuration_is_explained_completely() {
    try (var server = setup.with(Map.of("RETRY_INTERVAL", "0", "STORE_DRIVER", "paper")).launch()) {
      assertThat(server.awaitEnd()).isEqualTo(CANNOT_START);
      assertThat(server.output())
          .contains("Store.Driver (STORE_DRIVER): paper", "RetryInterval: 0 (expected: >= 1)");
    }
  }

  @Test
  void a_store_that_is_only_planned_is_refused_with_those_that_are_there() {
    try (var server = setup.with(Map.of("STORE_DRIVER", "sqlserver")).launch()) {
      assertThat(server.awaitEnd()).isEqualTo(CANNOT_START);
      assertThat(server.output())
          .contains("Store.Driver (STORE_DRIVER): sqlserver", "planned", "rocksdb");
    }
  }

  @Test
  void a_reset_without_a_terminal_needs_a_yes() {
    try (var server = setup.launch("--reset")) {
      assertThat(server.awaitEnd()).isEqualTo(CANNOT_START);
      assertThat(server.output()).contains("--yes");
    }
  }

  @Test
  void a_reset_deletes_what_is_ours_only() throws IOException {
    Path notOurs = Files.createDirectory(folder.resolve("data")).resolve("thesis.txt");
    Files.writeString(notOurs, "three years of work");

    try (var server = setup.launch("--reset", "--yes")) {
      assertThat(server.awaitEnd()).isEqualTo(CANNOT_START);
      assertThat(server.output()).contains("not a data directory of dtm4j");
      assertThat(notOurs).exists();
    }
  }

  @Test
  void the_data_of_a_dtm_server_is_not_passed_over_in_silence() throws IOException {
    Files.createFile(folder.resolve("dtm.bolt"));

    try (var server = setup.launch()) {
      assertThat(server.awaitEnd()).isEqualTo(CANNOT_START);
      assertThat(server.output()).contains("dtm.bolt", "--ignore-bolt-file");
    }
    try (var server = setup.serve("--ignore-bolt-file")) {
      assertThat(new Api(setup.url()).ping()).as(server.output()).isTrue();
    }
  }
}
