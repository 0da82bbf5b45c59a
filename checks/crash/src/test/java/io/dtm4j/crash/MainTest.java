package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class MainTest {
  private static final int WRONG_OPTIONS = 2;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
  }

  @Test
  void help_tells_the_options_and_what_the_exit_code_means() {
    assertThat(run("--help")).isZero();

    assertThat(out.toString()).contains("--rounds=N", "--store=STORE", "--seed=S", "Exit codes:");
    assertThat(out.toString())
        .contains("rocksdb", "mariadb", "postgres", "redis", "rediscluster", "mongodb");
  }

  @Test
  void a_number_of_rounds_that_makes_no_sense_is_refused() {
    assertThat(run("--rounds", "0")).isEqualTo(WRONG_OPTIONS);

    assertThat(err.toString()).isEqualTo("crash: --rounds: 0 (expected: >= 1)\n");
  }

  @Test
  void a_store_that_is_not_known_is_refused() {
    assertThat(run("--store", "paper")).isEqualTo(WRONG_OPTIONS);

    assertThat(err.toString())
        .contains("--store", "rocksdb, mariadb, postgres, redis, rediscluster, mongodb", "paper");
  }

  @Test
  void an_option_that_is_not_known_is_refused() {
    assertThat(run("--forever")).isEqualTo(WRONG_OPTIONS);

    assertThat(err.toString()).startsWith("crash: Unknown option: '--forever'");
  }
}
