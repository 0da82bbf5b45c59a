package io.dtm4j.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class MainTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final Main command = new Main(new PrintWriter(out, true), new PrintWriter(err, true));

  @ParameterizedTest
  @ValueSource(strings = {"--help", "serve --help", "serve -h", "demo --help", "train --help"})
  void every_verb_explains_itself(String arguments) {
    assertThat(command.run(arguments.split(" ", 0))).isZero();
    assertThat(out.toString()).startsWith("Usage: dtm4j");
  }

  @ParameterizedTest
  @ValueSource(strings = {"--version", "serve --version", "serve -v", "demo --version"})
  void every_verb_knows_its_version(String arguments) {
    assertThat(command.run(arguments.split(" ", 0))).isZero();
    assertThat(out.toString()).isEqualToIgnoringNewLines("dtm4j version: " + Version.TEXT);
  }

  @Test
  void without_a_verb_it_explains_itself() {
    assertThat(command.run()).isZero();
    assertThat(out.toString()).contains("serve", "demo").doesNotContain("train");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "surf",
        "serve --sail",
        "serve stray",
        "demo 3",
        "serve --http-port",
        "serve --bind a --bind b"
      })
  void what_it_does_not_know_ends_with_2(String arguments) {
    assertThat(command.run(arguments.split(" ", 0))).isEqualTo(Main.CANNOT_START);
    assertThat(err.toString()).isNotEmpty();
  }

  @Test
  void a_wrong_configuration_ends_with_2_and_all_its_problems(@TempDir Path folder)
      throws Exception {
    Path file = folder.resolve("conf.yml");
    Files.writeString(file, "RetryInterval: 1\nLogLevel: loud\n");

    assertThat(command.run("serve", "-c", file.toString())).isEqualTo(Main.CANNOT_START);
    assertThat(err.toString().lines())
        .containsExactly(
            "dtm4j: the configuration cannot be used:",
            "  LogLevel: loud (expected: debug, info, warn, error)",
            "  RetryInterval: 1 (expected: >= 10)");
  }

  @Test
  void logs_that_cannot_be_written_end_with_2_in_one_line(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("conf.yml");
    // With a store that is not there yet: nothing starts, even if this goes unnoticed.
    Files.writeString(
        file, "Log: {Outputs: '" + folder + "'}\nStore: {Driver: redis, Host: h, Port: 1}\n");

    assertThat(command.run("serve", "-c", file.toString())).isEqualTo(Main.CANNOT_START);
    assertThat(err.toString().strip())
        .isEqualTo("dtm4j: Log.Outputs: " + folder + " cannot be written");
  }

  @ParameterizedTest
  @ValueSource(strings = {"serve", "serve -r --yes", "migrate", "migrate --run"})
  void a_parameter_that_the_store_sets_is_told_in_one_line_by_every_verb(
      String arguments, @TempDir Path folder) throws Exception {
    Path file = folder.resolve("conf.yml");
    String url = "jdbc:mariadb://127.0.0.1:1/dtm?useAffectedRows=true";
    Files.writeString(
        file, "Store: {Url: '" + url + "'}\nLog: {Outputs: '" + folder.resolve("log") + "'}\n");

    assertThat(command.run((arguments + " -c " + file).split(" ", 0))).isEqualTo(Main.CANNOT_START);
    assertThat(err.toString().strip())
        .isEqualTo(
            "dtm4j: Store: url of a database: parameter useAffectedRows (expected: none that the"
                + " store sets)");
  }

  @Test
  void why_a_store_cannot_be_used_is_told_once(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("conf.yml");
    int port = FreePorts.next();
    String url = "jdbc:mariadb://127.0.0.1:" + port + "/dtm";
    Files.writeString(
        file, "Store: {Url: '" + url + "'}\nLog: {Outputs: '" + folder.resolve("log") + "'}\n");

    assertThat(command.run("serve", "-r", "--yes", "-c", file.toString()))
        .isEqualTo(Main.CANNOT_START);
    assertThat(err.toString()).containsOnlyOnce("refused").doesNotContain("Exception");
  }
}
