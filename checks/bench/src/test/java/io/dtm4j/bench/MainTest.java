package io.dtm4j.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.dtm4j.bench.FakeDtm.Manner;
import io.dtm4j.stubs.DtmRequest;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("long")
@DisplayNameGeneration(ReplaceUnderscores.class)
class MainTest {
  private static final long OWN_PID = ProcessHandle.current().pid();

  /** The first transactions of a cold JVM on a busy machine take longer than a test's whole run. */
  @BeforeAll
  static void warm_up() {
    try (FakeDtm dtm = FakeDtm.open(Manner.HONEST)) {
      for (String work : List.of("saga2", "grpc-saga2")) {
        Outcome _ = run(dtm, "--work", work, "--warmup", "1", "--seconds", "1");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"saga2", "rollback2", "msg1", "tcc2", "xa2", "wf2", "grpc-saga2"})
  void a_waited_work_counts_completed_transactions(String work) throws IOException {
    try (FakeDtm dtm = FakeDtm.open(Manner.HONEST)) {
      Outcome outcome = run(dtm, "--work", work, "--pid", "" + OWN_PID, "--json");

      JsonNode figures = outcome.json();
      assertThat(outcome.exitCode()).as(outcome::toString).isZero();
      assertThat(figures.path("counted").asText()).isEqualTo("completed");
      assertThat(figures.path("done").asLong()).isPositive();
      assertThat(figures.path("errors").asLong()).isZero();
      assertThat(figures.path("latency_ms").path("p999").asDouble())
          .isGreaterThanOrEqualTo(figures.path("latency_ms").path("p50").asDouble())
          .isPositive();
      assertThat(figures.path("cpu_micros_per_transaction").path("server").asDouble()).isPositive();
      assertThat(figures.path("durability").asText())
          .isEqualTo("sync (as the server is configured)");
    }
  }

  @Test
  void a_TCC_registers_each_branch_with_what_its_confirmation_needs() {
    List<JsonObject> requests = requestsOfFirst("tcc2");

    assertThat(requests)
        .extracting(request -> request.getString("path"), request -> request.getString("branch_id"))
        .containsExactly(
            tuple("prepare", null),
            tuple("registerBranch", "01"),
            tuple("registerBranch", "02"),
            tuple("submit", null));
    assertThat(new JsonObject(requests.get(1).getString("data")).getInteger("amount"))
        .isEqualTo(30);
    assertThat(requests.get(0).getBoolean("wait_result")).isTrue();
    assertThat(requests.get(3).getBoolean("wait_result")).isTrue();
  }

  @Test
  void an_XA_registers_the_url_of_each_branch() {
    List<JsonObject> requests = requestsOfFirst("xa2");

    assertThat(requests)
        .extracting(request -> request.getString("path"), request -> request.getString("branch_id"))
        .containsExactly(
            tuple("prepare", null),
            tuple("registerBranch", "01"),
            tuple("registerBranch", "02"),
            tuple("submit", null));
    assertThat(requests).allMatch(request -> "xa".equals(request.getString("trans_type")));
    assertThat(requests.get(1).getString("url")).matches("http://127\\.0\\.0\\.1:\\d+/ok/branch");
    assertThat(requests.get(3).getBoolean("wait_result")).isTrue();
  }

  @Test
  void a_workflow_records_its_steps_and_submits_its_result() {
    List<JsonObject> requests = requestsOfFirst("wf2");

    assertThat(requests)
        .extracting(
            request -> request.getString("path"),
            request -> request.getString("branch_id"),
            request -> request.getString("op"),
            request -> request.getString("status"))
        .containsExactly(
            tuple("prepareWorkflow", null, null, null),
            tuple("registerBranch", "01", "action", "succeed"),
            tuple("registerBranch", "02", "action", "succeed"),
            tuple("submit", null, null, null));
    JsonObject custom = new JsonObject(requests.get(0).getString("custom_data"));
    assertThat(new JsonObject(Buffer.buffer(custom.getBinary("data"))).getInteger("user"))
        .isEqualTo(17);
    assertThat(requests.get(1).getString("data")).isEqualTo("{\"dtm_result\":\"SUCCESS\"}");
    JsonObject end = requests.get(3).getJsonObject("req_extra");
    assertThat(end.getString("status")).isEqualTo("succeed");
    assertThat(end.getBinary("result")).asString().isEqualTo("{\"dtm_result\":\"SUCCESS\"}");
  }

  @Test
  void a_gRPC_saga_is_one_message_with_all_of_it() throws IOException {
    try (FakeDtm dtm = FakeDtm.open(Manner.HONEST)) {
      Outcome outcome = run(dtm, "--work", "grpc-saga2");

      assertThat(outcome.exitCode()).as(outcome::toString).isZero();
      DtmRequest saga = dtm.firstOverGrpc();
      assertThat(saga.getUnknownFields().asMap()).isEmpty();
      assertThat(saga.getGid()).isNotEmpty();
      assertThat(saga.getTransType()).isEqualTo("saga");
      assertThat(saga.getTransOptions().getWaitResult()).isTrue();
      assertThat(saga.getBinPayloadsList()).hasSize(2).allMatch(payload -> payload.size() > 90);
      JsonNode steps = new ObjectMapper().readTree(saga.getSteps());
      assertThat(steps).hasSize(2);
      assertThat(steps.path(0).path("action").asText())
          .matches("127\\.0\\.0\\.1:\\d+/bench\\.Bank/Out");
      assertThat(steps.path(1).path("compensate").asText()).endsWith("/bench.Bank/InBack");
    }
  }

  @Test
  void a_gRPC_saga_that_is_refused_shows_its_status() {
    try (FakeDtm dtm = FakeDtm.open(Manner.BROKEN)) {
      Outcome outcome = run(dtm, "--work", "grpc-saga2", "--warmup", "0");

      assertThat(outcome.exitCode()).isEqualTo(1);
      assertThat(outcome.out())
          .contains("first error: Submit over gRPC: status 13 (expected: 0) the disk is full");
    }
  }

  @Test
  void a_gRPC_address_where_nobody_listens_ends_with_2() throws IOException {
    try (FakeDtm dtm = FakeDtm.open(Manner.HONEST)) {
      String nobody = "127.0.0.1:" + freePort();

      Outcome outcome = run("--target", dtm.address(), "--grpc", nobody, "--work", "grpc-saga2");

      assertThat(outcome.exitCode()).isEqualTo(2);
      assertThat(outcome.err()).contains("NewGid over gRPC at " + nobody).contains("--grpc");
    }
  }

  @Test
  void a_pair_over_gRPC_takes_an_address_of_each() throws IOException {
    try (FakeDtm a = FakeDtm.open(Manner.HONEST);
        FakeDtm b = FakeDtm.open(Manner.HONEST)) {
      Outcome outcome =
          run(
              "--pair",
              a.address(),
              b.address(),
              "--grpc",
              a.grpcAddress() + "," + b.grpcAddress(),
              "--work",
              "grpc-saga2",
              "--rounds",
              "1",
              "--json");

      assertThat(outcome.exitCode()).as(outcome::toString).isZero();
      assertThat(outcome.json().path("pairs")).hasSize(1);
      assertThat(a.firstOverGrpc().getGid()).isNotEqualTo(b.firstOverGrpc().getGid());
    }
  }

  private static List<JsonObject> requestsOfFirst(String work) {
    try (FakeDtm dtm = FakeDtm.open(Manner.HONEST)) {
      Outcome outcome = run("--target", dtm.address(), "--work", work, "--seconds", "2");

      assertThat(outcome.exitCode()).as(outcome::toString).isZero();
      return dtm.requestsOfFirst();
    }
  }

  @Test
  void an_unwaited_work_counts_accepted_ones_and_waits_for_their_branches() throws IOException {
    try (FakeDtm dtm = FakeDtm.open(Manner.HONEST)) {
      Outcome outcome = run("--target", dtm.address(), "--work", "submit2", "--json");

      assertThat(outcome.exitCode()).as(outcome::toString).isZero();
      assertThat(outcome.json().path("counted").asText()).isEqualTo("accepted");
      assertThat(outcome.json().path("note").asText()).startsWith("all branches called");
    }
  }

  @Test
  void the_table_shows_durability_and_thirds() {
    try (FakeDtm dtm = FakeDtm.open(Manner.HONEST)) {
      Outcome outcome =
          run(
              "--target",
              dtm.address(),
              "--label",
              "mine",
              "--durability",
              "none at all",
              "--windows");

      assertThat(outcome.out().lines())
          .anyMatch(line -> line.startsWith("mine  ") && line.endsWith("none at all"))
          .anyMatch(line -> line.startsWith("  thirds of the run: "));
      assertThat(outcome.exitCode()).as(outcome::toString).isZero();
    }
  }

  @Test
  void a_pair_alternates_and_gives_the_ratios_of_each_round() throws IOException {
    try (FakeDtm a = FakeDtm.open(Manner.HONEST);
        FakeDtm b = FakeDtm.open(Manner.HONEST)) {
      Outcome outcome =
          run(
              "--pair",
              a.address() + "," + OWN_PID + ",left",
              b.address() + "," + OWN_PID + ",right,fsync off",
              "--rounds",
              "2",
              "--json");

      JsonNode comparison = outcome.json();
      assertThat(outcome.exitCode()).as(outcome::toString).isZero();
      assertThat(comparison.path("pairs")).hasSize(2);
      JsonNode last = comparison.path("pairs").path(1);
      assertThat(last.path("a").path("label").asText()).isEqualTo("left");
      assertThat(last.path("b").path("durability").asText()).isEqualTo("fsync off");
      assertThat(last.path("ratios").path("throughput").asDouble())
          .isEqualTo(
              last.path("a").path("per_second").asDouble()
                  / last.path("b").path("per_second").asDouble());
      for (String figure : List.of("throughput", "cpu", "p50")) {
        JsonNode spread = comparison.path("ratios").path(figure);
        assertThat(spread.path("median").asDouble())
            .isBetween(spread.path("min").asDouble(), spread.path("max").asDouble())
            .isPositive();
      }
    }
  }

  @Test
  void transactions_that_fail_end_with_1_and_the_first_error() {
    try (FakeDtm dtm = FakeDtm.open(Manner.BROKEN)) {
      Outcome outcome = run("--target", dtm.address(), "--warmup", "0");

      assertThat(outcome.exitCode()).isEqualTo(1);
      assertThat(outcome.out())
          .contains("first error: submit: 500 (expected: 200) {\"message\":\"the disk is full\"}");
    }
  }

  @Test
  void a_warm_up_without_success_ends_the_run() {
    try (FakeDtm dtm = FakeDtm.open(Manner.BROKEN)) {
      Outcome outcome = run("--target", dtm.address(), "--label", "mine", "--seconds", "600");

      assertThat(outcome.exitCode()).isEqualTo(1);
      assertThat(outcome.err())
          .startsWith("bench: mine: nothing completed in the warm-up")
          .contains("the disk is full");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"saga2", "tcc2", "xa2", "grpc-saga2"})
  void an_answer_before_the_branches_were_called_is_an_error(String work) {
    try (FakeDtm dtm = FakeDtm.open(Manner.HASTY)) {
      Outcome outcome = run(dtm, "--work", work);

      assertThat(outcome.exitCode()).isEqualTo(1);
      assertThat(outcome.out()).contains("the server answered before it had called the branches: ");
    }
  }

  @Test
  void a_server_that_never_answers_is_an_error() {
    try (FakeDtm dtm = FakeDtm.open(Manner.SILENT)) {
      Outcome outcome = run("--target", dtm.address());

      assertThat(outcome.exitCode()).isEqualTo(1);
      assertThat(outcome.out()).contains("first error: no answer within");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--work saga3        | --work: saga3 (expected: saga2, rollback2, msg1, tcc2, xa2, wf2, submit2, grpc-saga2)",
        "--clients 0         | --clients: 0 (expected: 1 to 10000)",
        "--clients many      | Invalid value for option '--clients': 'many' is not an int",
        "--seconds 0         | --seconds: 0.0 (expected: > 0, at most 86400)",
        "--seconds NaN       | --seconds: NaN (expected: > 0, at most 86400)",
        "--warmup -1         | --warmup: -1.0 (expected: 0 to 86400)",
        "--rounds 0          | --rounds: 0 (expected: >= 1)",
        "--pid -1            | --pid: -1 (expected: the number of a process)",
        "--target ftp://a/b  | --target: ftp://a/b (expected: http://host:port/api/dtmsvr)",
        "--pair http://a,x http://b   | --pair: http://a,x (expected: URL,pid with digits)",
        "--pair http://a http://b --pid 1 | --pid: 1 (expected: absent beside --pair: URL,pid)",
        "--target http://a,http://b   | --target: http://a,http://b (expected: one)",
        "--scale most        | --scale: most (expected: due, delayed, late, waiting)",
        "--scale waiting     | --scale: waiting (expected: --database beside it)",
        "--database oracle   | --database: oracle (expected: mariadb, postgres)",
        "--database mariadb --pid 1   | --database: mariadb (expected: neither --target nor --pair nor --pid beside it)",
        "--servers 0         | --servers: 0 (expected: 1 to 8)",
        "--servers 2         | --servers: 2 (expected: 1 without --scale)",
        "--grpc nowhere      | --grpc: nowhere (expected: host:port)",
        "--grpc a:1,b:2      | --grpc: a:1,b:2 (expected: one address per server)",
        "--surprise          | Unknown option: '--surprise'",
      })
  void a_wrong_option_ends_with_2(String options, String message) {
    Outcome outcome = run(options.split(" ", -1));

    assertThat(outcome.err()).isEqualTo("bench: " + message + System.lineSeparator());
    assertThat(outcome.exitCode()).isEqualTo(2);
  }

  @Test
  void its_usage_names_the_command_by_which_it_is_run() {
    assertThat(run("--help").out()).startsWith("Usage: dtm4j bench [OPTIONS]");
  }

  @Test
  void a_server_that_cannot_be_reached_ends_with_2() throws IOException {
    int port = freePort();

    Outcome outcome = run("--target", "http://127.0.0.1:" + port + "/api/dtmsvr");

    assertThat(outcome.exitCode()).isEqualTo(2);
    assertThat(outcome.err()).contains(port + "/api/dtmsvr/newGid").contains("Connection refused");
  }

  @Test
  void an_address_that_is_not_the_API_ends_with_2() {
    try (FakeDtm dtm = FakeDtm.open(Manner.HONEST)) {
      Outcome outcome = run("--target", dtm.address().replace("/api/dtmsvr", ""));

      assertThat(outcome.exitCode()).isEqualTo(2);
      assertThat(outcome.err()).contains("404").contains("an address ends in /api/dtmsvr");
    }
  }

  @Test
  void a_process_that_does_not_run_ends_with_2() {
    try (FakeDtm dtm = FakeDtm.open(Manner.HONEST)) {
      Outcome outcome = run("--target", dtm.address(), "--pid", "2147483647");

      assertThat(outcome.exitCode()).isEqualTo(2);
      assertThat(outcome.err()).contains("no process 2147483647 in /proc");
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private record Outcome(int exitCode, String out, String err) {
    JsonNode json() throws IOException {
      return new ObjectMapper().readTree(out);
    }
  }

  /** The same against a server, over HTTP or gRPC. */
  private static Outcome run(FakeDtm dtm, String... args) {
    List<String> all =
        new ArrayList<>(List.of("--target", dtm.address(), "--grpc", dtm.grpcAddress()));
    all.addAll(List.of(args));
    return run(all.toArray(String[]::new));
  }

  /** Runs for half a second with few clients, unless the arguments say otherwise. */
  private static Outcome run(String... args) {
    List<String> all = new ArrayList<>(List.of(args));
    withDefault(all, "--seconds", "0.5");
    withDefault(all, "--warmup", "0.1");
    withDefault(all, "--clients", "4");
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int exitCode =
        Main.run(
            new PrintWriter(out, true),
            new PrintWriter(err, true),
            false,
            all.toArray(String[]::new));
    return new Outcome(exitCode, out.toString(), err.toString());
  }

  private static void withDefault(List<String> args, String option, String value) {
    if (!args.contains(option)) {
      args.addAll(List.of(option, value));
    }
  }
}
