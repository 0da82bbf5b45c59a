package io.dtm4j.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayNameGeneration(ReplaceUnderscores.class)
class CpuMeterTest {
  @TempDir private Path proc;

  @Test
  void user_and_system_time_count_10_ms_a_tick() throws IOException {
    process(42, "dtm", 100, 23, 7, 7);

    CpuMeter.Reading reading = new CpuMeter(proc, 42, List.of()).read();

    assertThat(reading.server()).isEqualTo(1_230_000);
    assertThat(reading.store()).isNull();
  }

  @Test
  void a_name_may_hold_spaces_and_parentheses() throws IOException {
    process(42, "a) b (c", 5, 0, 0, 0);

    assertThat(new CpuMeter(proc, 42, List.of()).read().server()).isEqualTo(50_000);
  }

  @Test
  void a_store_is_all_processes_of_its_name_and_their_ended_children() throws IOException {
    process(7, "postgres", 1, 1, 20, 10);
    process(8, "postgres", 3, 0, 0, 0);
    process(9, "postgrest", 1000, 0, 0, 0);

    CpuMeter.Reading reading = new CpuMeter(proc, 0, List.of("postgres")).read();

    assertThat(reading.store()).isEqualTo(350_000);
    assertThat(reading.server()).isNull();
  }

  @Test
  void a_long_name_is_cut_as_the_kernel_cuts_it() throws IOException {
    process(7, "a-very-long-nam", 1, 0, 0, 0);

    assertThat(new CpuMeter(proc, 0, List.of("a-very-long-name")).read().store()).isEqualTo(10_000);
  }

  @Test
  void a_process_that_is_missing_is_named() {
    assertThatThrownBy(() -> new CpuMeter(proc, 42, List.of()).read())
        .isInstanceOf(BenchException.class)
        .hasMessageStartingWith("no process 42 in ");
    assertThatThrownBy(() -> new CpuMeter(proc, 0, List.of("mariadbd")).read())
        .isInstanceOf(BenchException.class)
        .hasMessageStartingWith("no process named mariadbd in ");
  }

  @Test
  void the_real_system_tells_the_time_of_this_process() {
    long pid = ProcessHandle.current().pid();

    CpuMeter.Reading reading = new CpuMeter(pid, List.of()).read();

    assertThat(reading.generator()).isPositive();
    assertThat(reading.server()).isGreaterThanOrEqualTo(reading.generator() - 1_000_000);
  }

  /** A line as proc(5) describes it: the times are fields 14 to 17. */
  private void process(int pid, String name, int user, int system, int waitedUser, int waitedSystem)
      throws IOException {
    Path directory = Files.createDirectory(proc.resolve(Integer.toString(pid)));
    Files.writeString(
        directory.resolve("stat"),
        "%d (%s) S 1 1 1 0 -1 4194560 900 80 7 6 %d %d %d %d 20 0 5 0 300 1000 200 0\n"
            .formatted(pid, name, user, system, waitedUser, waitedSystem));
  }
}
