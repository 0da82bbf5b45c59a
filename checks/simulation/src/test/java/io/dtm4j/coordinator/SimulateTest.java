package io.dtm4j.coordinator;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** {@code ./dtm4j simulate} has what the simulation needs, but no libraries for tests. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class SimulateTest {
  @Test
  void it_runs_without_libraries_for_tests() throws Exception {
    assertThat(simulate("--seeds", "3", "--seed", "17"))
        .contains("3 seeds from 17, ", "0 violations");
  }

  @Test
  void a_kind_of_store_can_be_wanted() throws Exception {
    assertThat(simulate("--seed", "17", "--store", "redis"))
        .contains("1 seeds from 17, ", "0 violations");
    assertThat(simulate("--store", "paper")).contains("Invalid value for option '--store'");
  }

  /** What it says. */
  private static String simulate(String... arguments) throws Exception {
    String classPath =
        Pattern.compile(File.pathSeparator)
            .splitAsStream(requireNonNull(System.getProperty("java.class.path")))
            .filter(entry -> !entry.contains("junit") && !entry.contains("assertj"))
            .collect(Collectors.joining(File.pathSeparator));
    String java =
        Path.of(requireNonNull(System.getProperty("java.home")), "bin", "java").toString();
    List<String> command =
        new ArrayList<>(List.of(java, "-cp", classPath, Simulate.class.getName()));
    command.addAll(List.of(arguments));

    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);

    assertThat(process.waitFor()).isEqualTo(output.contains("0 violations") ? 0 : 2);
    return output;
  }
}
