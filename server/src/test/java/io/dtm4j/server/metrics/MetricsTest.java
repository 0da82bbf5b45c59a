package io.dtm4j.server.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.TransType;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class MetricsTest {
  private final Metrics metrics = new Metrics("an HTTP 1", "a gRPC 2");

  private List<String> lines() {
    return new String(metrics.text(), StandardCharsets.UTF_8).lines().toList();
  }

  /** The lines of branch calls, without the name of the family. */
  private List<String> branches() {
    String name = "dtm_branch_process_total";
    return lines().stream()
        .filter(line -> line.startsWith(name + "{"))
        .map(line -> line.substring(name.length()))
        .toList();
  }

  private void call(String branchId, String op) {
    metrics.branchCalled(TransType.TCC, new BranchKey(branchId, new Op(op)), true);
  }

  @Test
  void the_six_families_have_their_types() {
    call("01", "confirm");
    metrics.api("http", "submit");

    assertThat(lines().stream().filter(line -> line.startsWith("# TYPE")))
        .containsExactlyInAnyOrder(
            "# TYPE dtm_server_info gauge",
            "# TYPE dtm_server_process_total counter",
            "# TYPE dtm_server_response_duration histogram",
            "# TYPE dtm_transaction_process_total counter",
            "# TYPE dtm_transaction_handled_duration histogram",
            "# TYPE dtm_branch_process_total counter");
  }

  @Test
  void the_server_says_what_it_is_made_of() {
    assertThat(lines())
        .contains("dtm_server_info{gin_version=\"an HTTP 1\",grpc_version=\"a gRPC 2\"} 1.0");
  }

  @Test
  void a_request_is_counted_and_timed() {
    Metrics.Api submit = metrics.api("http", "submit");

    submit.answered(true, 7_000_000);
    submit.answered(false, 2_000_000_000);

    assertThat(lines())
        .contains(
            "dtm_server_process_total{api=\"submit\",status=\"ok\",type=\"http\"} 1.0",
            "dtm_server_process_total{api=\"submit\",status=\"fail\",type=\"http\"} 1.0",
            "dtm_server_response_duration_sum{api=\"submit\",type=\"http\"} 2.007");
    assertThat(
            lines().stream()
                .filter(line -> line.startsWith("dtm_server_response_duration_bucket"))
                .map(line -> line.substring(line.indexOf("le=") + 3)))
        .containsExactly(
            "\"0.005\"} 0",
            "\"0.01\"} 1",
            "\"0.025\"} 1",
            "\"0.05\"} 1",
            "\"0.1\"} 1",
            "\"0.25\"} 1",
            "\"0.5\"} 1",
            "\"1.0\"} 1",
            "\"2.5\"} 2",
            "\"5.0\"} 2",
            "\"10.0\"} 2",
            "\"+Inf\"} 2");
  }

  @Test
  void a_pass_is_counted_and_its_transaction_timed() {
    metrics.passEnded(TransType.MSG, true, Duration.ofMillis(1_500));
    metrics.passEnded(TransType.MSG, false, Duration.ofDays(1));

    assertThat(lines())
        .contains(
            "dtm_transaction_process_total{model=\"msg\",status=\"ok\"} 1.0",
            "dtm_transaction_process_total{model=\"msg\",status=\"fail\"} 1.0",
            "dtm_transaction_process_total{model=\"saga\",status=\"ok\"} 0.0",
            "dtm_transaction_handled_duration_bucket{model=\"msg\",le=\"1.0\"} 0",
            "dtm_transaction_handled_duration_bucket{model=\"msg\",le=\"2.5\"} 1",
            "dtm_transaction_handled_duration_sum{model=\"msg\"} 86401.5");
  }

  @ParameterizedTest
  @ValueSource(strings = {"01", "100", "0101", "01-01", "00"})
  void a_usual_branch_id_is_shown(String branchId) {
    call(branchId, "cancel");

    assertThat(branches())
        .containsExactlyInAnyOrder(
            "{branchid=\"%s\",branchtype=\"cancel\",model=\"tcc\",status=\"ok\"} 1.0"
                .formatted(branchId),
            "{branchid=\"%s\",branchtype=\"cancel\",model=\"tcc\",status=\"fail\"} 0.0"
                .formatted(branchId));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a", "0a", "010101", "01.1", "٠١", "01\n"})
  void an_unusual_branch_id_is_not(String branchId) {
    call(branchId, "cancel");
    call(branchId, "cancel");

    assertThat(branches())
        .hasSize(2)
        .contains("{branchid=\"other\",branchtype=\"cancel\",model=\"tcc\",status=\"ok\"} 2.0");
  }

  @Test
  void an_unusual_op_is_not_shown() {
    call("01", "dance");
    call("02", "sing");

    assertThat(branches())
        .hasSize(2)
        .contains("{branchid=\"other\",branchtype=\"other\",model=\"tcc\",status=\"ok\"} 2.0");
  }

  @Test
  void the_branches_of_a_mode_have_only_so_many_series() {
    for (int id = 1; id <= 2 * BranchCounts.MAX_KEYS; id++) {
      call(Integer.toString(id), "confirm");
      call("x" + id, "cancel");
    }
    call("1", "confirm");
    metrics.branchCalled(TransType.SAGA, new BranchKey("99", Op.ACTION), false);

    assertThat(branches())
        .hasSize(2 * BranchCounts.MAX_KEYS + 2 * 2 + 2)
        .contains(
            "{branchid=\"1\",branchtype=\"confirm\",model=\"tcc\",status=\"ok\"} 2.0",
            "{branchid=\"other\",branchtype=\"confirm\",model=\"tcc\",status=\"ok\"} "
                + BranchCounts.MAX_KEYS
                + ".0",
            "{branchid=\"other\",branchtype=\"cancel\",model=\"tcc\",status=\"ok\"} "
                + 2 * BranchCounts.MAX_KEYS
                + ".0",
            "{branchid=\"99\",branchtype=\"action\",model=\"saga\",status=\"fail\"} 1.0");
  }

  @Test
  void nothing_is_lost_when_many_threads_count() throws InterruptedException {
    Metrics.Api api = metrics.api("http", "submit");
    int times = 10_000;
    Runnable counting =
        () -> {
          for (int i = 0; i < times; i++) {
            api.answered(true, i);
            call(Integer.toString(i % 100), "confirm");
          }
        };
    List<Thread> threads = Stream.generate(() -> new Thread(counting)).limit(4).toList();

    threads.forEach(Thread::start);
    while (threads.stream().anyMatch(Thread::isAlive)) {
      metrics.text();
    }
    for (Thread thread : threads) {
      thread.join();
    }

    assertThat(lines())
        .contains(
            "dtm_server_process_total{api=\"submit\",status=\"ok\",type=\"http\"} 40000.0",
            "dtm_server_response_duration_count{api=\"submit\",type=\"http\"} 40000");
    assertThat(branches()).hasSize(2 * BranchCounts.MAX_KEYS + 2);
    assertThat(
            branches().stream()
                .mapToDouble(line -> Double.parseDouble(line.substring(line.indexOf(' '))))
                .sum())
        .isEqualTo(40_000);
  }
}
