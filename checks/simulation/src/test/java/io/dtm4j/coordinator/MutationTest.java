package io.dtm4j.coordinator;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * The simulation finds deliberate defects; one that it does not find is a weakness of it. Each
 * stops at its first hit; {@code -Dmutation.seeds} says how many seeds are tried.
 */
@Tag("long")
@ExtendWith(Quiet.class)
@DisplayNameGeneration(ReplaceUnderscores.class)
class MutationTest {
  private static final long SEEDS = Long.getLong("mutation.seeds", 2_000);

  @ParameterizedTest
  @Execution(ExecutionMode.CONCURRENT)
  @FieldSource("io.dtm4j.coordinator.Mutations#ALL")
  void the_simulation_finds_it(Mutation mutation, @TempDir Path folder) throws Exception {
    Path home = Path.of(requireNonNull(System.getProperty("dtm4j.home")));
    String found = null;
    long seed = 0;
    try (var mutant = new Mutant(mutation, home, folder)) {
      while (found == null && seed < SEEDS) {
        found = mutant.run(++seed);
      }
    }
    assertThat(found).as(mutation.name()).isNotNull();
    System.out.printf("%s: found by seed %d: %s%n", mutation, seed, found);
  }
}
