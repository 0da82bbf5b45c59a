package io.dtm4j.coordinator;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.file.Path;
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
    String classPath =
        Pattern.compile(File.pathSeparator)
            .splitAsStream(requireNonNull(System.getProperty("java.class.path")))
            .filter(entry -> !entry.contains("junit") && !entry.contains("assertj"))
            .collect(Collectors.joining(File.pathSeparator));
    String java =
        Path.of(requireNonNull(System.getProperty("java.home")), "bin", "java").toString();

    Process process =
        new ProcessBuilder(
                java, "-cp", classPath, Simulate.class.getName(), "--seeds", "3", "--seed", "17")
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);

    assertThat(output).contains("3 seeds from 17, ", "0 violations");
    assertThat(process.waitFor()).isZero();
  }
}
