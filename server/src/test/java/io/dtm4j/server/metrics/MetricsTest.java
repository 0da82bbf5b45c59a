package io.dtm4j.server.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.coordinator.DestinationLoad;
import io.dtm4j.coordinator.Observer;
import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.TransType;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
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
  void the_six_families_of_the_wire_have_their_types() {
    call("01", "confirm");
    metrics.api("http", "submit");

    assertThat(lines().stream().filter(line -> line.startsWith("# TYPE dtm_")))
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

  /** The lines of a family, without its name and the lines that are 0. */
  private List<String> shown(String name) {
    return lines().stream()
        .filter(line -> line.startsWith(name + "{") && !line.matches(".* 0(\\.0)?"))
        .map(line -> line.substring(name.length()))
        .toList();
  }

  @Test
  void calls_are_counted_by_destination_and_outcome_and_timed() {
    Observer.Destination bank = metrics.destination("http://bank:80");

    bank.called(new BranchAnswer.Success(), false, 2_000_000);
    bank.called(new BranchAnswer.Failure("no"), false, 2_000_000);
    bank.called(new BranchAnswer.Ongoing("wait"), false, 2_000_000);
    bank.called(new BranchAnswer.Unknown("what"), false, 2_000_000_000);
    bank.called(new BranchAnswer.Unknown("refused"), true, 1_000);
    metrics.destination("http://bank:80").deferred(Observer.Deferral.FULL);

    assertThat(shown("dtm4j_calls_total"))
        .containsExactlyInAnyOrder(
            "{destination=\"http://bank:80\",outcome=\"success\"} 1.0",
            "{destination=\"http://bank:80\",outcome=\"failure\"} 1.0",
            "{destination=\"http://bank:80\",outcome=\"ongoing\"} 1.0",
            "{destination=\"http://bank:80\",outcome=\"unknown\"} 1.0",
            "{destination=\"http://bank:80\",outcome=\"unreachable\"} 1.0");
    assertThat(shown("dtm4j_calls_deferred_total"))
        .containsExactly("{destination=\"http://bank:80\",reason=\"full\"} 1.0");
    assertThat(shown("dtm4j_call_seconds_bucket"))
        .contains(
            "{destination=\"http://bank:80\",le=\"0.001\"} 1",
            "{destination=\"http://bank:80\",le=\"0.005\"} 4",
            "{destination=\"http://bank:80\",le=\"3.0\"} 5");
  }

  @Test
  void only_so_many_destinations_have_series_of_their_own() {
    var loads = new ArrayList<DestinationLoad>();
    metrics.loads(() -> loads);
    for (int i = 0; i < 10 * DestinationCounts.MAX; i++) {
      metrics.destination("http://d" + i).called(new BranchAnswer.Success(), false, 1);
      loads.add(new DestinationLoad("http://d" + i, 1, 2));
    }
    int size = lines().size();
    for (int i = 0; i < 20 * DestinationCounts.MAX; i++) {
      metrics.destination("http://e" + i).called(new BranchAnswer.Success(), false, 1);
    }

    assertThat(lines()).hasSize(size);
    assertThat(shown("dtm4j_calls_total"))
        .hasSize(DestinationCounts.MAX + 1)
        .contains(
            "{destination=\"http://d0\",outcome=\"success\"} 1.0",
            "{destination=\"other\",outcome=\"success\"} " + 29 * DestinationCounts.MAX + ".0");
    assertThat(shown("dtm4j_calls_in_flight"))
        .hasSize(DestinationCounts.MAX + 1)
        .contains(
            "{destination=\"http://d0\"} 1.0",
            "{destination=\"other\"} " + 9 * DestinationCounts.MAX + ".0");
    assertThat(shown("dtm4j_calls_waiting"))
        .contains("{destination=\"other\"} " + 18 * DestinationCounts.MAX + ".0");
  }

  @ParameterizedTest
  @CsvSource({
    "http://user:secret@bank:80, http://bank:80",
    "https://secret@bank, https://bank",
    "secret@bank:80, bank:80",
    "bank:80, bank:80"
  })
  void a_destination_is_shown_without_its_user(String address, String shown) {
    metrics.destination(address).called(new BranchAnswer.Success(), false, 1);

    assertThat(lines()).noneMatch(line -> line.contains("secret"));
    assertThat(shown("dtm4j_calls_total"))
        .containsExactly("{destination=\"" + shown + "\",outcome=\"success\"} 1.0");
  }

  @Test
  void an_endless_address_is_not_shown() {
    metrics.destination("http://" + "x".repeat(100)).deferred(Observer.Deferral.FULL);

    assertThat(shown("dtm4j_calls_deferred_total"))
        .containsExactly("{destination=\"other\",reason=\"full\"} 1.0");
  }

  @Test
  void commits_timers_and_dropped_passes_are_counted() {
    metrics.committed(3, 700_000);
    metrics.committed(64, 2_000_000);
    metrics.repeated();
    metrics.timerFired(Duration.ofMillis(20));
    metrics.passDropped();

    assertThat(lines())
        .contains(
            "dtm4j_commit_seconds_bucket{le=\"5.0E-4\"} 0",
            "dtm4j_commit_seconds_bucket{le=\"0.001\"} 1",
            "dtm4j_commit_seconds_count 2",
            "dtm4j_commit_batches_bucket{le=\"4.0\"} 1",
            "dtm4j_commit_batches_sum 67.0",
            "dtm4j_commit_repeats_total 1.0",
            "dtm4j_timer_lateness_seconds_bucket{le=\"0.01\"} 0",
            "dtm4j_timer_lateness_seconds_bucket{le=\"0.025\"} 1",
            "dtm4j_passes_dropped_total 1.0");
  }

  @Test
  void a_gauge_is_read_when_somebody_looks() {
    var value = new AtomicInteger(1);
    metrics.gauge("dtm4j_something", "some help", value::get);
    assertThat(lines()).contains("dtm4j_something 1.0", "# HELP dtm4j_something some help");

    value.set(7);

    assertThat(lines()).contains("dtm4j_something 7.0");
  }

  @Test
  void the_jvm_and_its_process_are_shown_under_their_usual_names() {
    for (String name :
        List.of(
            "process_cpu_seconds_total",
            "process_start_time_seconds",
            "process_open_fds",
            "process_max_fds",
            "process_resident_memory_bytes",
            "jvm_memory_used_bytes{area=\"heap\"}",
            "jvm_memory_committed_bytes{area=\"nonheap\"}",
            "jvm_memory_max_bytes{area=\"heap\"}",
            "jvm_threads_current")) {
      assertThat(lines())
          .as(name)
          .anyMatch(line -> line.startsWith(name + " ") && !line.endsWith(" 0.0"));
    }
    assertThat(lines())
        .anyMatch(line -> line.startsWith("jvm_buffer_pool_used_bytes{pool=\"direct\"} "))
        .anyMatch(line -> line.startsWith("jvm_gc_collection_seconds_count{gc="));
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
